package spinglass

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"spinglass/identity"
	"spinglass/membership"
)

// That an authority is silent, or its list does not come, is told to the application and logged.
func TestSilentAuthoritiesAreTold(t *testing.T) {
	issuer := identity.NewPrivateKey([32]byte{7}).Public()
	for missing, want := range map[uint64]string{
		0: "the authority " + issuer.Fingerprint().String() + " has not been heard since 2023-11-14T22:13:20Z",
		3: "revocation list 3 of the authority " + issuer.Fingerprint().String() + " does not come",
	} {
		var log bytes.Buffer
		n := &Node{log: slog.New(slog.NewTextHandler(&log, nil))}
		e := membership.AuthoritySilent{Issuer: issuer, Since: 1_700_000_000, Missing: missing}
		n.warn(0, e)
		told, _ := n.event(e).(AuthoritySilent)
		if told.String() != want || !strings.Contains(log.String(), "level=WARN") || !strings.Contains(log.String(), issuer.Fingerprint().String()) {
			t.Errorf("told %q, logged %q", told, log.String())
		}
	}
}
