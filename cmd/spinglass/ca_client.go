package main

import (
	"fmt"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"spinglass/enrolment"
	"spinglass/identity"
	"spinglass/protocol"
)

type clientSettings struct {
	place
	zone  string
	names []string
	life  time.Duration
}

func newCAClient() *cobra.Command {
	var s clientSettings
	cmd := &cobra.Command{
		Use:   "client PRINCIPAL FILE",
		Short: "Let a person or program install functions, by a file",
		Long: "Draws a key, issues a certificate for it with the right to install functions in a zone and all below it, and writes both into a new file. Who has the file can install functions at any agent of the " +
			"fleet: spinglass function add --client FILE. It is a secret.\n\nPRINCIPAL says who it is for; ca revoke PRINCIPAL takes all back that was signed with it.",
		Example: "  spinglass ca client --zone /eu --function 'load*' alice@example.org alice.client",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("client takes PRINCIPAL and FILE, got %d arguments", len(args))
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error { return s.run(cmd, args[0], args[1]) },
	}
	s.flags(cmd)
	cmd.Flags().StringVar(&s.zone, "zone", "", "zone in which it may install functions, / for the whole fleet (required)")
	cmd.Flags().StringSliceVar(&s.names, "function", nil, "names of the functions that it may install, or their beginnings with a * behind: NAME,... (default all)")
	cmd.Flags().DurationVar(&s.life, "life", enrolment.ClientLifeDefault, "for how long it is valid")
	return cmd
}

// grants returns what the client may do.
func (s *clientSettings) grants() (identity.Grants, error) {
	if s.zone == "" {
		return nil, usagef("give the zone in which it may install functions with --zone, / for the whole fleet")
	}
	if err := protocol.CheckName(s.zone); err != nil && s.zone != "/" {
		return nil, usagef("--zone: %w", err)
	}
	all := []identity.Grant{{Verb: identity.VerbInstall, Pattern: s.zone}}
	if len(s.names) > 0 {
		all = all[:0]
	}
	for _, name := range s.names {
		all = append(all, identity.Grant{Verb: identity.VerbInstall, Pattern: identity.InstallSubject(s.zone, name)})
	}
	grants, err := identity.NewGrants(all...)
	if err != nil {
		return nil, usagef("--function: %w", err)
	}
	return grants, nil
}

func (s *clientSettings) run(cmd *cobra.Command, principal, path string) error {
	if err := checkLife("life", s.life); err != nil {
		return err
	}
	grants, err := s.grants()
	if err != nil {
		return err
	}
	if path, err = filepath.Abs(path); err != nil {
		return err
	}
	authority, err := s.authority(cmd)
	if err != nil {
		return err
	}
	client, err := authority.IssueClient(cmd.Context(), principal, s.zone, grants, s.life)
	if err != nil {
		return err
	}
	if err := enrolment.WriteClient(path, client); err != nil {
		return err
	}
	v := struct {
		issuedJSON
		Grants []string `json:"grants"`
		File   string   `json:"file"`
	}{issuedOf(client.Bundle), nil, path}
	v.Scope = s.zone
	for _, grant := range grants {
		v.Grants = append(v.Grants, grant.String())
	}
	what := "functions"
	if len(s.names) > 0 {
		what = "the functions " + strings.Join(s.names, ", ")
	}
	return s.print(cmd, v, fmt.Sprintf("client %s may install %s in %s, until %s: %s", principal, what, s.zone, v.NotAfter, path), "Whoever has the file can: keep it where nobody else can read it.")
}
