package main

import (
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"spinglass/enrolment"
	"spinglass/identity"
)

type issueSettings struct {
	place
	life    time.Duration
	grants  []string
	only    bool
	zone    bool
	members uint64
}

// zoneMembersDefault is the quota of members that an authority for a zone gets unless told otherwise.
const zoneMembersDefault = 4096

func newCAIssue() *cobra.Command {
	var s issueSettings
	cmd := &cobra.Command{
		Use:   "issue REQUESTFILE",
		Short: "Grant a request, and print the certificate",
		Long: "Grants a request of ca request, whose name and key the caller has looked at, and prints the certificate with its chain as text. It holds no secret. " +
			"The file - is standard input.",
		Example: "  spinglass ca issue --dir /media/stick/authority a2.request > a2.bundle",
		Args:    oneArgument("REQUESTFILE"),
		RunE:    func(cmd *cobra.Command, args []string) error { return s.run(cmd, args[0]) },
	}
	s.flags(cmd)
	cmd.Flags().DurationVar(&s.life, "life", 0, "for how long it is valid (default 720h, with --zone 2160h)")
	cmd.Flags().StringSliceVar(&s.grants, "grant", nil, "grants besides those that every member has, VERB:PATTERN,...")
	cmd.Flags().BoolVar(&s.only, "only", false, "the grants of --grant only, such as publish:orders*,subscribe:orders*,set:*")
	cmd.Flags().BoolVar(&s.zone, "zone", false, "make it the authority of the zone that the request names")
	cmd.Flags().Uint64Var(&s.members, "members", zoneMembersDefault, "with --zone: members that it may have at a time")
	return cmd
}

func (s *issueSettings) run(cmd *cobra.Command, path string) error {
	if cmd.Flags().Changed("life") {
		if err := checkLife("life", s.life); err != nil {
			return err
		}
	}
	grants, err := s.memberGrants()
	if err != nil {
		return err
	}
	authority, err := s.authority(cmd)
	if err != nil {
		return err
	}
	text, err := readText(cmd, path)
	if err != nil {
		return err
	}
	request, err := identity.ParseJoinRequest(text)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	bundle, err := s.issue(cmd, authority, request, grants)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	v := issuedOf(bundle)
	v.Bundle = string(bundle.Text())
	return s.print(cmd, v, v.Bundle[:len(v.Bundle)-1])
}

func (s *issueSettings) issue(cmd *cobra.Command, authority *enrolment.Authority, request *identity.JoinRequest, grants identity.Grants) (*identity.Bundle, error) {
	if s.zone {
		life := s.life
		if life == 0 {
			life = enrolment.ZoneLifeDefault
		}
		return authority.IssueZone(cmd.Context(), request, identity.Quotas{Members: s.members, Rows: identity.QuotaRowsMax}, life)
	}
	if s.life != 0 {
		authority.Life = s.life
	}
	return authority.Issue(cmd.Context(), request, grants)
}

func (s *issueSettings) memberGrants() (identity.Grants, error) {
	var grants identity.Grants
	if !s.only {
		grants = identity.MemberGrants()
	}
	for _, text := range s.grants {
		grant, err := identity.ParseGrant(text)
		if err != nil {
			return nil, usagef("--grant: %w", err)
		}
		grants = append(grants, grant)
	}
	ordered, err := identity.NewGrants(grants...)
	if err != nil {
		return nil, usagef("--grant: %w", err)
	}
	return ordered, nil
}

// revokedJSON is an entry of a revocation list.
type revokedJSON struct {
	Type   string `json:"type"`
	Serial string `json:"serial,omitempty"`
	Key    string `json:"key,omitempty"`
	Before string `json:"before,omitempty"`
	List   uint64 `json:"list"`
}

func revokedOf(entry identity.Revocation, list uint64) revokedJSON {
	if entry.Key == (identity.PublicKey{}) {
		return revokedJSON{Type: "revocation", Serial: serialText(entry.Serial), List: list}
	}
	return revokedJSON{Type: "revocation", Key: entry.Key.String(), Before: entry.Before.String(), List: list}
}

func newCARevoke() *cobra.Command {
	var p place
	cmd := &cobra.Command{
		Use:   "revoke NAME|KEY|SERIAL",
		Short: "Take certificates back",
		Long: "Takes back the certificates of a name, by their keys and for ever; those of a key, for ever; or the one of a serial of 16 hexadecimal digits. " +
			"The name is free for another key then.",
		Args: oneArgument("NAME, KEY or SERIAL"),
		RunE: func(cmd *cobra.Command, args []string) error {
			authority, err := p.authority(cmd)
			if err != nil {
				return err
			}
			entries, list, err := authority.Revoke(cmd.Context(), args[0])
			if err != nil {
				return err
			}
			for _, entry := range entries {
				v := revokedOf(entry, list.Number)
				what := "key " + v.Key + " for ever"
				if v.Key == "" {
					what = "serial " + v.Serial
				}
				if err := p.print(cmd, v, fmt.Sprintf("revoked: %s (list %d)", what, list.Number)); err != nil {
					return err
				}
			}
			return nil
		},
	}
	p.flags(cmd)
	return cmd
}
