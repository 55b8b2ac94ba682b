package main

import (
	"cmp"
	"fmt"
	"net"
	"strconv"

	"github.com/spf13/cobra"

	"spinglass"
	"spinglass/enrolment"
	"spinglass/identity"
	"spinglass/protocol"
)

// checkHostPort refuses what is no address of an issuer.
func checkHostPort(text string) error {
	host, port, err := net.SplitHostPort(text)
	if err != nil || host == "" || len(text) > protocol.AddressMax {
		return fmt.Errorf("%q is not HOST:PORT", text)
	}
	if number, err := strconv.ParseUint(port, 10, 16); err != nil || number == 0 {
		return fmt.Errorf("%q is not a port from 1 to 65535", port)
	}
	return nil
}

type requestSettings struct {
	place
	name        string
	zone        string
	fingerprint string
}

func newCARequest() *cobra.Command {
	var s requestSettings
	cmd := &cobra.Command{
		Use:   "request",
		Short: "Print a request for a certificate, for an authority that is kept apart",
		Long: "Draws a key, if the data directory has none yet, and prints a request for a certificate as text. It holds no secret. " +
			"Where the authority is: spinglass ca issue FILE. Back here: spinglass ca install FILE.\n\n" +
			"With --zone it asks to become the authority of a zone, with an own key and own tokens; the authority above grants that with ca issue --zone.",
		Example: "  spinglass ca request --name /lab/a2 > a2.request",
		Args:    noArguments,
		RunE:    func(cmd *cobra.Command, _ []string) error { return s.run(cmd) },
	}
	s.dataDirFlags(cmd)
	cmd.Flags().StringVar(&s.name, "name", "", "path of the member")
	cmd.Flags().StringVar(&s.zone, "zone", "", "path of the zone to be the authority of, instead of --name")
	cmd.Flags().StringVar(&s.fingerprint, "fingerprint", "", "fingerprint of the fleet, as ca init prints it; certificates of others are then refused")
	return cmd
}

func (s *requestSettings) run(cmd *cobra.Command) error {
	name, flag := s.name, "name"
	if s.zone != "" {
		name, flag = s.zone, "zone"
	}
	if (s.name == "") == (s.zone == "") {
		return usagef("give either --name or --zone")
	}
	if err := cmp.Or(protocol.CheckName(name), protocol.CheckReserved(name)); err != nil {
		return usagef("--%s: %w", flag, err)
	}
	anchor, err := parseFingerprint(s.fingerprint)
	if err != nil {
		return err
	}
	store, err := s.store(cmd)
	if err != nil {
		return err
	}
	id, err := spinglass.DataDirNodeID(store.Dir)
	if err != nil {
		return err
	}
	key, err := s.key(cmd, store)
	if err != nil {
		return err
	}
	request, err := identity.NewOfflineRequest(key, name, id, anchor)
	if err != nil {
		return err
	}
	if s.zone == "" {
		if err := store.KeepRequest(cmd.Context(), request); err != nil {
			return err
		}
	}
	text := string(request.Text())
	v := struct {
		Name        string `json:"name"`
		ID          string `json:"id"`
		Key         string `json:"key"`
		Fingerprint string `json:"fingerprint,omitempty"`
		Request     string `json:"request"`
	}{name, id.String(), key.Public().String(), s.fingerprint, text}
	return s.print(cmd, v, text[:len(text)-1])
}

func (s *requestSettings) key(cmd *cobra.Command, store *enrolment.Store) (identity.PrivateKey, error) {
	if s.zone != "" {
		return store.Authority().ZoneKey(cmd.Context())
	}
	return store.Key(cmd.Context())
}

// parseFingerprint reads the flag of that name; none is zero.
func parseFingerprint(text string) (identity.Fingerprint, error) {
	if text == "" {
		return identity.Fingerprint{}, nil
	}
	fingerprint, err := identity.ParseFingerprint(text)
	if err != nil {
		return identity.Fingerprint{}, usagef("--fingerprint: %w", err)
	}
	return fingerprint, nil
}

func newCAInstall() *cobra.Command {
	var p place
	var expected string
	cmd := &cobra.Command{
		Use:   "install BUNDLEFILE",
		Short: "Keep the certificate that an authority issued for a request",
		Long:  "Verifies a certificate that answers ca request and keeps it in the data directory. The file - is standard input.",
		Args:  oneArgument("BUNDLEFILE"),
		RunE: func(cmd *cobra.Command, args []string) error {
			anchor, err := parseFingerprint(expected)
			if err != nil {
				return err
			}
			store, err := p.store(cmd)
			if err != nil {
				return err
			}
			text, err := readText(cmd, args[0])
			if err != nil {
				return err
			}
			bundle, err := identity.ParseBundle(text)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			if anchor != (identity.Fingerprint{}) && bundle.Anchor != anchor {
				return fmt.Errorf("%s: %w: fingerprint %s", args[0], enrolment.ErrOtherFleet, bundle.Anchor)
			}
			if err := install(cmd, store, bundle); err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			v := issuedOf(bundle)
			v.Dir = store.Dir
			return p.print(cmd, v, fmt.Sprintf("installed: %s %s, valid until %s, of the fleet with the fingerprint %s", v.Kind, v.Name, v.NotAfter, v.Fingerprint))
		},
	}
	p.dataDirFlags(cmd)
	cmd.Flags().StringVar(&expected, "fingerprint", "", "fingerprint of the fleet; certificates of others are refused")
	return cmd
}

// install keeps a bundle for the node's key, or for that of its authority.
func install(cmd *cobra.Command, store *enrolment.Store, bundle *identity.Bundle) error {
	if authority := store.Authority(); authority.HasKey(bundle.Chain.Leaf().Key) {
		_, err := authority.Install(cmd.Context(), bundle)
		return err
	}
	id, err := spinglass.DataDirNodeID(store.Dir)
	if err != nil {
		return err
	}
	_, err = store.Install(cmd.Context(), bundle, id)
	return err
}
