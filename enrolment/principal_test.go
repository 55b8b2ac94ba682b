package enrolment

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"spinglass/identity"
)

// A client's file is written once, for its owner only; it signs as long as its certificate is valid, no longer, and what its grants allow.
func TestClientSignsFunctions(t *testing.T) {
	ctx, c := context.Background(), newClock()
	a := newAuthority(t, c)
	grants := must[identity.Grants](t)(identity.NewGrants(identity.Grant{Verb: identity.VerbInstall, Pattern: "/eu:load*"}))
	client := must[*identity.Client](t)(a.IssueClient(ctx, "alice", "/eu", grants, 10*day))
	path := filepath.Join(t.TempDir(), "alice.client")
	if err := WriteClient(path, client); err != nil {
		t.Fatal(err)
	}
	if err := WriteClient(path, client); !errors.Is(err, fs.ErrExist) {
		t.Errorf("written once more: %v", err)
	}
	store := newStore(t, c)
	signer := must[*Signer](t)(store.ReadClient(path))
	function := identity.Function{Version: 1}
	bundle := must[*identity.Bundle](t)(signer.IssueFunction(ctx, "load", "/eu/fra", function, 20*day))
	if end := bundle.Chain.Leaf().NotAfter; end != c.instant().Add(10*day) {
		t.Errorf("the function is valid until %s, after its signer", end)
	}
	policy := identity.Policy{Anchor: bundle.Anchor, Now: c.instant()}
	if v, err := policy.Verify(bundle.Chain); err != nil || v.Kind != identity.KindFunction {
		t.Errorf("%+v, %v", v, err)
	}
	for what, issue := range map[string]struct {
		name, zone string
		life       time.Duration
		want       error
	}{
		"another name": {"cpus", "/eu", time.Hour, identity.ErrGrant},
		"another zone": {"load", "/", time.Hour, identity.ErrOutside},
		"no life":      {"load", "/eu", 0, identity.ErrMalformed},
		"too long":     {"load", "/eu", FunctionLifeMax + 1, identity.ErrMalformed},
	} {
		if _, err := signer.IssueFunction(ctx, issue.name, issue.zone, function, issue.life); !errors.Is(err, issue.want) {
			t.Errorf("%s: %v", what, err)
		}
	}
	c.add(10*day + time.Second)
	if _, err := signer.IssueFunction(ctx, "load", "/eu", function, time.Hour); !errors.Is(err, identity.ErrExpired) {
		t.Errorf("signed after its end: %v", err)
	}
	c.add(time.Hour)
	if _, err := store.ReadClient(path); !errors.Is(err, identity.ErrExpired) {
		t.Errorf("read after its end: %v", err)
	}
}

// What is no client's file is none, and says so.
func TestDamagedClientFiles(t *testing.T) {
	ctx, c := context.Background(), newClock()
	a := newAuthority(t, c)
	client := must[*identity.Client](t)(a.IssueClient(ctx, "alice", "/eu", nil, day))
	other := must[*identity.Client](t)(a.IssueClient(ctx, "bob", "/eu", nil, day))
	member := must[*identity.Bundle](t)(a.Bundle())
	swapped := *client.Bundle
	swapped.Chain = append(identity.Chain(nil), client.Bundle.Chain...)
	changed := *client.Bundle.Chain.Leaf()
	changed.Scope = "/"
	swapped.Chain[len(swapped.Chain)-1] = &changed
	text := string(client.Text())
	for what, damaged := range map[string]struct {
		text string
		want error
	}{
		"another key":     {string((&identity.Client{Key: other.Key, Bundle: client.Bundle}).Text()), identity.ErrAuthority},
		"an authority":    {string((&identity.Client{Key: client.Key, Bundle: member}).Text()), identity.ErrKind},
		"changed":         {string((&identity.Client{Key: client.Key, Bundle: &swapped}).Text()), identity.ErrSignature},
		"half":            {text[:len(text)/2], identity.ErrArmor},
		"without the key": {string(client.Bundle.Text()), identity.ErrArmor},
		"nothing":         {"", identity.ErrArmor},
		"long":            {strings.Repeat(" ", identity.ArmorSizeMax+1), ErrDamaged},
	} {
		path := filepath.Join(t.TempDir(), "damaged.client")
		if err := os.WriteFile(path, []byte(damaged.text), 0o600); err != nil {
			t.Fatal(err)
		}
		var file *FileError
		if _, err := newStore(t, c).ReadClient(path); !errors.Is(err, damaged.want) || !errors.As(err, &file) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
