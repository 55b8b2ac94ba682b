package enrolment

import (
	"context"
	"errors"
	"io/fs"

	"spinglass/identity"
)

// ZoneKey returns the key of the authority, which it draws and keeps when there is none yet: for asking a zone above to make it an authority.
func (a *Authority) ZoneKey(ctx context.Context) (identity.PrivateKey, error) {
	return a.store.drawKey(ctx, a.store.authorityFolder())
}

// HasKey reports whether a certificate is for the key of the authority.
func (a *Authority) HasKey(public identity.PublicKey) bool {
	key, err := readKey(a.store.authorityFolder())
	return err == nil && key.Public() == public
}

// Install keeps a zone certificate for the key of the authority: the first makes it one, later ones renew it. The error is ErrNoKey, ErrOtherKey, ErrOtherFleet, one
// of verification, or a FileError.
func (a *Authority) Install(ctx context.Context, bundle *identity.Bundle) (*identity.Verified, error) {
	folder := a.store.authorityFolder()
	held, key, err := lockKey(ctx, folder)
	if err != nil {
		return nil, err
	}
	defer held.Close()
	policy := identity.Policy{Anchor: bundle.Anchor, Now: a.store.now()}
	verified, err := policy.Verify(bundle.Chain)
	switch {
	case err != nil:
		return nil, err
	case verified.Kind != identity.KindZone:
		return nil, &identity.KindError{Found: verified.Kind, Issuer: identity.KindZone}
	case verified.Key != key.Public():
		return nil, ErrOtherKey
	}
	before, err := readBundle(folder)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		_, err = a.found(folder, key, bundle.Chain)
		return verified, err
	case err != nil:
		return nil, err
	case before.Anchor != bundle.Anchor:
		return nil, ErrOtherFleet
	}
	return verified, bundleFile.write(folder, bundle.Text())
}
