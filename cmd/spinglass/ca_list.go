package main

import (
	"cmp"
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"spinglass/enrolment"
	"spinglass/identity"
)

func newCAList() *cobra.Command {
	var p place
	cmd := &cobra.Command{
		Use:   "list",
		Short: "List what the authority has issued",
		Long: "Lists the authority itself, the certificates that it issued and that still count, and its tokens.\n\n" +
			"A certificate is valid; in grace, expired and still accepted with a warning; expired; or revoked. A token is valid, expired or used up.",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			authority, err := p.authority(cmd)
			if err != nil {
				return err
			}
			listing, err := authority.List(cmd.Context())
			if err != nil {
				return err
			}
			out := newOutput(cmd.OutOrStdout())
			if p.json {
				err = writeListingJSON(out, listing)
			} else {
				writeListing(out, listing)
			}
			if err != nil {
				return err
			}
			return out.flush()
		},
	}
	p.flags(cmd)
	return cmd
}

// listedJSON is a certificate in a listing.
type listedJSON struct {
	Type string `json:"type"`
	issuedJSON
	State string `json:"state"`
}

// listedTokenJSON is a token in a listing.
type listedTokenJSON struct {
	Type    string `json:"type"`
	ID      string `json:"id"`
	Used    int    `json:"used"`
	Uses    int    `json:"uses"`
	Expires string `json:"expires"`
	State   string `json:"state"`
}

func listedOf(listing *enrolment.Listing, c enrolment.ListedCertificate) listedJSON {
	return listedJSON{"certificate", issuedJSON{
		Kind: c.Kind.String(), Name: c.Name, Scope: c.Scope, ID: nodeIDText(c.NodeID), Serial: serialText(c.Serial), Key: keyText(c.Key),
		NotBefore: c.NotBefore.String(), NotAfter: c.NotAfter.String(), Fingerprint: listing.Bundle.Anchor.String(),
	}, c.State}
}

// keyText returns the text of a key, "" for none.
func keyText(key identity.PublicKey) string {
	if key == (identity.PublicKey{}) {
		return ""
	}
	return key.String()
}

func writeListingJSON(out *output, listing *enrolment.Listing) error {
	rows := []any{listedJSON{"authority", issuedOf(listing.Bundle), authorityState(listing)}}
	for _, c := range listing.Certificates {
		rows = append(rows, listedOf(listing, c))
	}
	for _, token := range listing.Tokens {
		rows = append(rows, listedTokenJSON{"token", fmt.Sprintf("%x", token.ID), token.Uses, token.Limit, token.Expiry.String(), token.State})
	}
	for _, entry := range listing.Revocations.Entries {
		rows = append(rows, revokedOf(entry, listing.Revocations.Number))
	}
	for _, row := range rows {
		if err := out.object(row); err != nil {
			return err
		}
	}
	return nil
}

func authorityState(listing *enrolment.Listing) string {
	if listing.Expired {
		return enrolment.StateExpired
	}
	return enrolment.StateValid
}

// writeListing writes tables for people. Errors of writing show when the output is flushed.
func writeListing(out *output, listing *enrolment.Listing) {
	own := issuedOf(listing.Bundle)
	fmt.Fprintf(out, "authority for %s, %s, until %s, fingerprint of the fleet %s\n\n", own.Name, authorityState(listing), own.NotAfter, own.Fingerprint)
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "KIND\tNAME\tID\tSERIAL\tEXPIRES\tSTATE\tKEY")
	for _, c := range listing.Certificates {
		v := listedOf(listing, c)
		name := v.Name
		if v.Scope != "" {
			name += " for " + v.Scope
		}
		fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\t%s\t%s\n", v.Kind, name, cmp.Or(v.ID, "-"), v.Serial, v.NotAfter, v.State, cmp.Or(v.Key, "-"))
	}
	table.Flush()
	if len(listing.Tokens) == 0 {
		return
	}
	fmt.Fprintln(out)
	table = tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(table, "TOKEN\tUSED\tUSES\tEXPIRES\tSTATE")
	for _, token := range listing.Tokens {
		fmt.Fprintf(table, "%x\t%d\t%d\t%s\t%s\n", token.ID, token.Uses, token.Limit, token.Expiry, token.State)
	}
	table.Flush()
}
