package enrolment

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"spinglass/identity"
)

// ClientLifeDefault is for how long a client's certificate is valid unless told otherwise. It is not renewed: a person issues the next one.
const ClientLifeDefault = 90 * 24 * time.Hour

// clientFile is what a person or program keeps that is no member, wherever it likes.
func clientFile(name string) file {
	return file{name: name, what: "client file", sizeMax: identity.ArmorSizeMax, secret: true}
}

// IssueClient draws a key for a person or program that is no member and issues a certificate for it, with its grants within a zone, valid for life. A person speaks for it.
func (a *Authority) IssueClient(ctx context.Context, principal, zone string, grants identity.Grants, life time.Duration) (*identity.Client, error) {
	key, err := identity.GenerateKey(a.store.entropy())
	if err != nil {
		return nil, err
	}
	bundle, err := a.issue(ctx, change{register: true}, func(st *state) (identity.Chain, error) {
		return st.IssueClient(a.terms(st.now, life), principal, zone, key.Public(), grants)
	})
	if err != nil {
		return nil, err
	}
	return &identity.Client{Key: key, Bundle: bundle}, nil
}

// WriteClient writes a client into a new file that only its owner can read.
func WriteClient(path string, client *identity.Client) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, fileMode)
	if err == nil {
		_, err = f.Write(client.Text())
		err = errors.Join(err, f.Sync(), f.Close())
	}
	if err != nil {
		return clientFile(filepath.Base(path)).fail(filepath.Dir(path), err)
	}
	return nil
}

// Signer signs functions for who holds a client's certificate with grants to install.
type Signer struct {
	client *identity.Client
	store  Store
}

// ReadClient reads the file that WriteClient wrote, and verifies the certificate at the present time. Whether it is revoked, members know. The error is a FileError.
func (s *Store) ReadClient(path string) (*Signer, error) {
	folder, f := filepath.Dir(path), clientFile(filepath.Base(path))
	text, err := f.read(folder)
	if err != nil {
		return nil, err
	}
	client, err := identity.ParseClient(text)
	if err != nil {
		return nil, f.fail(folder, err)
	}
	policy := identity.Policy{Anchor: client.Bundle.Anchor, Now: s.now()}
	if _, err := policy.Verify(client.Bundle.Chain); err != nil {
		return nil, f.fail(folder, err)
	}
	return &Signer{client: client, store: *s}, nil
}

// IssueFunction signs a function for a zone, valid for life (at most FunctionLifeMax, and no longer than the client's certificate).
func (s *Signer) IssueFunction(_ context.Context, name, zone string, function identity.Function, life time.Duration) (*identity.Bundle, error) {
	if err := checkFunctionLife(life); err != nil {
		return nil, err
	}
	issuer, err := identity.OpenAuthority(s.client.Key, s.client.Bundle.Chain, nil, nil)
	if err != nil {
		return nil, err
	}
	chain, err := issuer.IssueFunction(identity.Terms{Entropy: s.store.entropy(), Now: s.store.now(), Lifetime: life}, name, zone, function)
	if err != nil {
		return nil, err
	}
	return &identity.Bundle{Anchor: s.client.Bundle.Anchor, Chain: chain}, nil
}

func checkFunctionLife(life time.Duration) error {
	if life <= 0 || life > FunctionLifeMax {
		return fmt.Errorf("a function for %s: the range is 1s to %s: %w", life, FunctionLifeMax, identity.ErrMalformed)
	}
	return nil
}
