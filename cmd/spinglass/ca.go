package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"spinglass/enrolment"
	"spinglass/identity"
	"spinglass/protocol"
)

func newCA() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "ca",
		Short: "Let machines join, and take certificates back",
		Long: "Commands for the authority of a fleet and for what it issues.\n\n" +
			"The first agent of a fleet makes an authority in its data directory, and these commands work on it while the agent runs. " +
			"An authority can also be kept apart, on a machine without a network: ca init, then for each node ca request there, ca issue here, and ca install there.",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return usagef("unknown command %q of ca", args[0])
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newCAInit(), newCAToken(), newCARequest(), newCAIssue(), newCAClient(), newCAInstall(), newCARevoke(), newCAList())
	return cmd
}

// place is where a command finds an authority or an identity.
type place struct {
	dir     string
	dataDir string
	json    bool
}

func (p *place) flags(cmd *cobra.Command) {
	p.dataDirFlags(cmd)
	cmd.Flags().StringVar(&p.dir, "dir", "", "folder of an authority that is kept apart, instead of a data directory")
}

func (p *place) dataDirFlags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&p.dataDir, flagDataDir, "", "data directory of the agent (default "+defaultDataDirText+")")
	cmd.Flags().BoolVar(&p.json, "json", false, "print JSON objects")
}

// store returns what the folder holds that the flags, the environment or the defaults name.
func (p *place) store(cmd *cobra.Command) (*enrolment.Store, error) {
	if p.dir != "" {
		if p.dataDir != "" {
			return nil, usagef("--dir and --%s name two places", flagDataDir)
		}
		dir, err := filepath.Abs(p.dir)
		return &enrolment.Store{Dir: dir}, err
	}
	if err := fromEnvironment(cmd.Flags().Lookup(flagDataDir)); err != nil {
		return nil, err
	}
	dir, err := dataDirOr(p.dataDir)
	return &enrolment.Store{Dir: dir}, err
}

func (p *place) authority(cmd *cobra.Command) (*enrolment.Authority, error) {
	store, err := p.store(cmd)
	if err != nil {
		return nil, err
	}
	return store.Authority(), nil
}

// print writes v as JSON if that is asked for, and the lines otherwise.
func (p *place) print(cmd *cobra.Command, v any, lines ...string) error {
	out := newOutput(cmd.OutOrStdout())
	if p.json {
		if err := out.object(v); err != nil {
			return err
		}
		return out.flush()
	}
	for _, line := range lines {
		if err := out.line([]byte(line)); err != nil {
			return err
		}
	}
	return out.flush()
}

// oneArgument wants one argument.
func oneArgument(what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != 1 {
			return usagef("%s takes one %s, got %d arguments", cmd.Name(), what, len(args))
		}
		return nil
	}
}

// readText reads a text file of package identity, "-" for standard input.
func readText(cmd *cobra.Command, path string) ([]byte, error) {
	in := cmd.InOrStdin()
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	return io.ReadAll(io.LimitReader(in, identity.ArmorSizeMax+1))
}

// checkLife refuses a life that is none.
func checkLife(flag string, life time.Duration) error {
	if life < time.Second {
		return usagef("--%s: %s is below one second", flag, life)
	}
	return nil
}

// issuedJSON says what a bundle is for.
type issuedJSON struct {
	Kind        string `json:"kind"`
	Name        string `json:"name"`
	Scope       string `json:"scope,omitempty"` // of a function, the zone that it is for
	ID          string `json:"id,omitempty"`
	Serial      string `json:"serial"`
	Key         string `json:"key,omitempty"` // functions have none
	NotBefore   string `json:"not_before"`
	NotAfter    string `json:"not_after"`
	Fingerprint string `json:"fingerprint"`
	Dir         string `json:"dir,omitempty"`
	Bundle      string `json:"bundle,omitempty"`
}

func issuedOf(bundle *identity.Bundle) issuedJSON {
	leaf := bundle.Chain.Leaf()
	return issuedJSON{
		Kind: leaf.Kind.String(), Name: leaf.Name, ID: nodeIDText(leaf.NodeID), Serial: serialText(leaf.Serial), Key: leaf.Key.String(),
		NotBefore: leaf.NotBefore.String(), NotAfter: leaf.NotAfter.String(), Fingerprint: bundle.Anchor.String(),
	}
}

func nodeIDText(id protocol.NodeID) string {
	if id == 0 {
		return ""
	}
	return id.String()
}

func serialText(serial uint64) string { return fmt.Sprintf("%016x", serial) }

func newCAInit() *cobra.Command {
	var p place
	var path string
	var life time.Duration
	cmd := &cobra.Command{
		Use:     "init",
		Short:   "Make the authority of a new fleet",
		Example: "  spinglass ca init --dir /media/stick/authority",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := checkLife("life", life); err != nil {
				return err
			}
			if err := cmp.Or(protocol.CheckName(path), protocol.CheckReserved(path)); err != nil && path != "/" {
				return usagef("--name: %w", err)
			}
			store, err := p.store(cmd)
			if err != nil {
				return err
			}
			bundle, err := store.Authority().Init(cmd.Context(), path, life)
			if err != nil {
				return err
			}
			v := issuedOf(bundle)
			v.Dir = store.Dir
			return p.print(cmd, v,
				"authority for "+v.Name+" in "+store.Dir+", valid until "+v.NotAfter,
				"fingerprint of the fleet: "+v.Fingerprint,
				"Keep a copy of its folder where nobody else can read it: who has its key can make members, and without it nobody can.")
		},
	}
	p.flags(cmd)
	cmd.Flags().StringVar(&path, "name", "/", "zone that it is for, / for all names")
	cmd.Flags().DurationVar(&life, "life", enrolment.RootLifeDefault, "for how long it is valid")
	return cmd
}

// tokenJSON is what can be said of a new token.
type tokenJSON struct {
	Token       string   `json:"token"`
	ID          string   `json:"id"`
	Uses        int      `json:"uses"`
	Expires     string   `json:"expires"`
	Fingerprint string   `json:"fingerprint"`
	Addresses   []string `json:"addresses"`
}

func newCAToken() *cobra.Command {
	var p place
	var uses int
	var life time.Duration
	var addresses []string
	cmd := &cobra.Command{
		Use:   "token",
		Short: "Print a token by which machines join",
		Long: "Prints a token for the given number of joins within the given time: spinglass agent --token TOKEN --name NAME. Who has it can take any name that is free.\n\n" +
			"It carries the addresses of the agent whose data directory this is, as long as that has run here.",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if uses < 1 || uses > identity.TokenUsesMax {
				return usagef("--uses: %d is not from 1 to %d", uses, identity.TokenUsesMax)
			}
			if life < time.Second || life > enrolment.TokenLifeMax {
				return usagef("--for: %s is not from 1s to %s", life, enrolment.TokenLifeMax)
			}
			at, err := issuerAddresses("address", addresses)
			if err != nil {
				return err
			}
			authority, err := p.authority(cmd)
			if err != nil {
				return err
			}
			token, err := authority.NewToken(cmd.Context(), uses, life, at...)
			if err != nil {
				return err
			}
			v := tokenJSON{
				Token: token.Text(), ID: fmt.Sprintf("%x", token.ID), Uses: uses, Expires: token.Expiry.String(), Fingerprint: token.Anchor.String(), Addresses: []string{},
			}
			for _, address := range token.Addresses {
				v.Addresses = append(v.Addresses, string(address))
			}
			return p.print(cmd, v, v.Token)
		},
	}
	p.flags(cmd)
	cmd.Flags().IntVar(&uses, "uses", 1, "number of machines that can join by it")
	cmd.Flags().DurationVar(&life, "for", enrolment.TokenLifeDefault, "for how long it is good")
	cmd.Flags().StringSliceVar(&addresses, "address", nil, "addresses of issuers that it carries, HOST:PORT,... (default those of the agent)")
	return cmd
}

// issuerAddresses checks what is given for addresses of issuers.
func issuerAddresses(flag string, given []string) (addresses []protocol.Address, err error) {
	if len(given) > identity.TokenAddressesMax {
		return nil, usagef("--%s: %d addresses, the limit is %d", flag, len(given), identity.TokenAddressesMax)
	}
	for _, text := range given {
		if err := checkHostPort(text); err != nil {
			return nil, usagef("--%s: %w", flag, err)
		}
		addresses = append(addresses, protocol.Address(text))
	}
	return addresses, nil
}
