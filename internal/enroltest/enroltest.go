// Package enroltest enrols nodes for tests, without a network: what `spinglass ca request`, `ca issue` and `ca install` do.
package enroltest

import (
	"context"
	"time"

	"spinglass"
	"spinglass/enrolment"
	"spinglass/identity"
)

// Enrol gives a data directory the certificate of a member with a name, issued by the authority in vault, another directory, which is made if it is not there.
func Enrol(ctx context.Context, vault, dir, name string) error {
	return EnrolAt(ctx, nil, vault, dir, name)
}

// EnrolAt is Enrol by a clock, nil for the real one.
func EnrolAt(ctx context.Context, now func() time.Time, vault, dir, name string) error {
	keeper := &enrolment.Store{Dir: vault, Now: now}
	authority := keeper.Authority()
	if has, err := keeper.HasAuthority(); err != nil {
		return err
	} else if !has {
		if _, err := authority.Init(ctx, "/", enrolment.RootLifeDefault); err != nil {
			return err
		}
	}
	id, err := spinglass.DataDirNodeID(dir)
	if err != nil {
		return err
	}
	store := &enrolment.Store{Dir: dir, Now: now}
	key, err := store.Key(ctx)
	if err != nil {
		return err
	}
	request, err := identity.NewOfflineRequest(key, name, id, identity.Fingerprint{})
	if err != nil {
		return err
	}
	bundle, err := authority.Issue(ctx, request, identity.MemberGrants())
	if err != nil {
		return err
	}
	_, err = store.Install(ctx, bundle, id)
	return err
}
