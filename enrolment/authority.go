package enrolment

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"path/filepath"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
)

// Files of the authority folder, besides key, bundle and request.
var (
	registerFile  = file{name: "register", what: "register of the authority", sizeMax: identity.RegisterSizeMax}
	tokensFile    = file{name: "tokens", what: "join tokens of the authority", sizeMax: identity.TokensSizeMax, secret: true}
	listFile      = file{name: "revocations", what: "revocation list of the authority", sizeMax: identity.ArmorSizeMax}
	addressesFile = file{name: "addresses", what: "addresses of the authority", sizeMax: AddressesMax * (protocol.AddressMax + 1)}
)

// Errors of a kept authority.
var (
	ErrNoAuthority     = errors.New("there is no authority here: make one, or name the folder of one")
	ErrAuthorityExists = errors.New("there is an authority here already")
	ErrNotKnown        = errors.New("is not of a certificate that this authority issued and still remembers; give the key")
)

// Authority is an authority kept in a folder: key, chain, register, join tokens and the latest revocation list. Each method takes the lock of the folder, reads
// the state, and makes what changed durable before it returns, so that an agent and commands can use one authority at a time.
type Authority struct {
	store *Store
	// Life is that of the member certificates that are issued, shortened to that of the authority's own chain.
	Life time.Duration
}

// Authority returns the authority that the store holds; whether there is one, HasAuthority tells.
func (s *Store) Authority() *Authority { return &Authority{store: s, Life: identity.MemberLifeDefault} }

// HasAuthority reports whether the store holds an authority.
func (s *Store) HasAuthority() (bool, error) {
	_, err := readBundle(s.authorityFolder())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

func (s *Store) authorityFolder() string { return filepath.Join(s.Dir, authorityFolder) }

// state is what is read of an authority for one operation.
type state struct {
	*identity.Authority
	tokens *identity.Tokens
	now    identity.Instant
}

// change says which parts of the state an operation changed.
type change struct{ register, tokens, list bool }

// Init makes a root for the zone at path, "/" for all, and keeps it. The error is ErrAuthorityExists when there is an authority.
func (a *Authority) Init(ctx context.Context, path string, life time.Duration) (*identity.Bundle, error) {
	folder := a.store.authorityFolder()
	held, err := lock(ctx, folder)
	if err != nil {
		return nil, err
	}
	defer held.Close()
	if _, err := readBundle(folder); !errors.Is(err, fs.ErrNotExist) {
		if err == nil {
			err = bundleFile.fail(folder, ErrAuthorityExists)
		}
		return nil, err
	}
	key, err := identity.GenerateKey(a.store.entropy())
	if err != nil {
		return nil, err
	}
	// NewAuthority draws its key first: it is given the one that is kept.
	seed := key.Seed()
	root, err := identity.NewAuthority(io.MultiReader(bytes.NewReader(seed[:]), a.store.entropy()), path, a.store.now(), life)
	if err != nil {
		return nil, err
	}
	if err := writeKey(folder, key); err != nil {
		return nil, err
	}
	return a.found(folder, key, root.Chain())
}

// found keeps a new authority for a kept key. The bundle comes last: without one there is no authority.
func (a *Authority) found(folder string, key identity.PrivateKey, chain identity.Chain) (*identity.Bundle, error) {
	authority, err := identity.OpenAuthority(key, chain, nil, nil)
	if err != nil {
		return nil, err
	}
	// The first list revokes nothing. It is there so that one that is missing is noticed.
	if _, err := authority.Revoke(a.store.now()); err != nil {
		return nil, err
	}
	st := &state{Authority: authority, tokens: &identity.Tokens{}}
	if err := st.write(folder, change{register: true, tokens: true, list: true}); err != nil {
		return nil, err
	}
	bundle := &identity.Bundle{Anchor: authority.Anchor(), Chain: authority.Chain()}
	return bundle, bundleFile.write(folder, bundle.Text())
}

// do runs an operation on the state under the lock, and makes what it changed durable. What fails leaves everything as it was.
func (a *Authority) do(ctx context.Context, operation func(*state) (change, error)) error {
	folder := a.store.authorityFolder()
	if has, err := a.store.HasAuthority(); err != nil || !has {
		if err == nil {
			err = fmt.Errorf("%s: %w", a.store.Dir, ErrNoAuthority)
		}
		return err
	}
	held, err := lock(ctx, folder)
	if err != nil {
		return err
	}
	defer held.Close()
	st, err := readState(folder, a.store.now())
	if err != nil {
		return err
	}
	changed, err := operation(st)
	if err != nil {
		return err
	}
	return st.write(folder, changed)
}

func readState(folder string, now identity.Instant) (*state, error) {
	key, err := readKey(folder)
	if err != nil {
		return nil, err
	}
	bundle, err := readBundle(folder)
	if err != nil {
		return nil, err
	}
	register, err := decodeFile(registerFile, folder, identity.DecodeRegister)
	if err != nil {
		return nil, err
	}
	tokens, err := decodeFile(tokensFile, folder, identity.DecodeTokens)
	if err != nil {
		return nil, err
	}
	list, err := decodeFile(listFile, folder, parseList)
	if err != nil {
		return nil, err
	}
	authority, err := identity.OpenAuthority(key, bundle.Chain, register, list)
	if err != nil {
		return nil, bundleFile.fail(folder, err)
	}
	// An authority that has expired, or not begun, can still show what it has out; identity lets it issue nothing.
	policy := identity.Policy{Anchor: bundle.Anchor, Now: now}
	if _, err := policy.Verify(bundle.Chain); err != nil && !errors.Is(err, identity.ErrExpired) && !errors.Is(err, identity.ErrNotYetValid) {
		return nil, bundleFile.fail(folder, ofKept(err))
	}
	return &state{Authority: authority, tokens: tokens, now: now}, nil
}

func decodeFile[T any](f file, folder string, decode func([]byte) (T, error)) (T, error) {
	var none T
	b, err := f.read(folder)
	if err != nil {
		return none, err
	}
	v, err := decode(b)
	if err != nil {
		return none, f.fail(folder, fmt.Errorf("%w: %w", ErrDamaged, err))
	}
	return v, nil
}

func parseList(text []byte) (*identity.RevocationList, error) {
	list, err := identity.ParseRevocationList(text)
	if err != nil {
		return nil, err
	}
	return list, list.Verify()
}

// write stores what changed. A use of a token is durable before the certificate is: after a crash between them the same request is granted again.
func (st *state) write(folder string, changed change) error {
	if changed.list {
		if err := listFile.write(folder, st.RevocationList().Text()); err != nil {
			return err
		}
	}
	if changed.tokens {
		if err := tokensFile.write(folder, st.tokens.Append(nil)); err != nil {
			return err
		}
	}
	if changed.register {
		return registerFile.write(folder, st.Register().Append(nil))
	}
	return nil
}

func (a *Authority) terms(now identity.Instant, life time.Duration) identity.Terms {
	return identity.Terms{Entropy: a.store.entropy(), Now: now, Lifetime: life}
}

// NewToken makes a join token for a number of joins, good for life (at most TokenLifeMax) from now. Without addresses it carries those of KeepAddresses.
func (a *Authority) NewToken(ctx context.Context, uses int, life time.Duration, addresses ...protocol.Address) (token *identity.Token, err error) {
	if life <= 0 || life > TokenLifeMax {
		return nil, fmt.Errorf("a join token for %s: the range is 1s to %s: %w", life, TokenLifeMax, identity.ErrMalformed)
	}
	if len(addresses) == 0 {
		if addresses, err = readAddresses(addressesFile, a.store.authorityFolder()); err != nil {
			return nil, err
		}
	}
	addresses = addresses[:min(len(addresses), identity.TokenAddressesMax)]
	err = a.do(ctx, func(st *state) (change, error) {
		st.tokens.Expire(st.now)
		token, err = st.tokens.New(a.store.entropy(), st.Anchor(), uses, st.now.Add(life), addresses...)
		return change{tokens: true}, err
	})
	if err != nil {
		return nil, err
	}
	return token, nil
}

// issue runs an operation that issues a certificate. No certificate leaves before it is durable.
func (a *Authority) issue(ctx context.Context, changed change, operation func(*state) (identity.Chain, error)) (bundle *identity.Bundle, err error) {
	err = a.do(ctx, func(st *state) (change, error) {
		chain, err := operation(st)
		bundle = &identity.Bundle{Anchor: st.Anchor(), Chain: chain}
		return changed, err
	})
	if err != nil {
		return nil, err
	}
	return bundle, nil
}

// Admit grants a request that comes with a token.
func (a *Authority) Admit(ctx context.Context, request *identity.JoinRequest) (*identity.Bundle, error) {
	return a.issue(ctx, change{register: true, tokens: true}, func(st *state) (identity.Chain, error) {
		chain, err := st.Admit(a.terms(st.now, a.Life), request, st.tokens, identity.MemberGrants())
		return chain, ofToken(err)
	})
}

// TokenExpiredError says since when a join token has been expired. It is an identity.ErrExpired.
type TokenExpiredError struct{ Since, Now identity.Instant }

func (e *TokenExpiredError) Error() string {
	return fmt.Sprintf("join token expired at %s, %s ago; ask for a new one", e.Since, e.Now.Sub(e.Since))
}

// Unwrap returns identity.ErrExpired.
func (e *TokenExpiredError) Unwrap() error { return identity.ErrExpired }

// ofToken says of what has expired that it is the token, unless it is a certificate.
func ofToken(err error) error {
	var expired *identity.ExpiredError
	var certificate *identity.ChainError
	if errors.As(err, &expired) && !errors.As(err, &certificate) {
		return &TokenExpiredError{Since: expired.Since, Now: expired.Now}
	}
	return err
}

// Issue grants a request for which a person speaks, whatever its token.
func (a *Authority) Issue(ctx context.Context, request *identity.JoinRequest, grants identity.Grants) (*identity.Bundle, error) {
	return a.issue(ctx, change{register: true}, func(st *state) (identity.Chain, error) {
		return st.Admit(a.terms(st.now, a.Life), request, nil, grants)
	})
}

// IssueZone makes the key of a request an authority for the zone that the request names. A person speaks for it.
func (a *Authority) IssueZone(ctx context.Context, request *identity.JoinRequest, quotas identity.Quotas, life time.Duration) (*identity.Bundle, error) {
	return a.issue(ctx, change{register: true}, func(st *state) (identity.Chain, error) {
		if err := request.Verify(st.Anchor()); err != nil {
			return nil, err
		}
		return st.IssueZone(a.terms(st.now, life), request.Name, request.Key, quotas, identity.ZoneGrants(request.Name))
	})
}

// IssueFunction signs a function for a zone, valid for life (at most FunctionLifeMax, and no longer than the authority's own chain). A person speaks for it. The register remembers it until it has
// expired, and longer while there is room, as it does all certificates.
func (a *Authority) IssueFunction(ctx context.Context, name, zone string, function identity.Function, life time.Duration) (*identity.Bundle, error) {
	if err := checkFunctionLife(life); err != nil {
		return nil, err
	}
	return a.issue(ctx, change{register: true}, func(st *state) (identity.Chain, error) {
		return st.IssueFunction(a.terms(st.now, life), name, zone, function)
	})
}

// Renew issues again what a chain says, of a member or a zone, with the usual grace. Besides its own revocation list it looks at the given ones.
func (a *Authority) Renew(ctx context.Context, chain identity.Chain, others ...*identity.RevocationList) (*identity.Bundle, error) {
	if err := chain.Check(); err != nil {
		return nil, err
	}
	life := a.Life
	switch kind := chain.Leaf().Kind; kind {
	case identity.KindMember:
	case identity.KindZone:
		life = ZoneLifeDefault
	default:
		return nil, fmt.Errorf("a %s certificate is renewed by a person: %w", kind, identity.ErrKind)
	}
	return a.issue(ctx, change{register: true}, func(st *state) (identity.Chain, error) {
		revocations := &identity.Revocations{}
		if err := mergeAll(revocations, append([]*identity.RevocationList{st.RevocationList()}, others...)); err != nil {
			return nil, err
		}
		return st.Renew(a.terms(st.now, life), chain, identity.GraceDefault, revocations)
	})
}

func mergeAll(into *identity.Revocations, lists []*identity.RevocationList) error {
	for _, list := range lists {
		if _, _, err := into.Merge(list); err != nil {
			return err
		}
	}
	return nil
}

// Bundle returns the fleet's fingerprint and the authority's own chain.
func (a *Authority) Bundle() (*identity.Bundle, error) { return readBundle(a.store.authorityFolder()) }

// Beacon signs that the latest list is the latest now.
func (a *Authority) Beacon(ctx context.Context) (beacon *identity.Beacon, err error) {
	err = a.do(ctx, func(st *state) (change, error) {
		beacon, err = st.Beacon(st.now)
		return change{}, err
	})
	return beacon, err
}

// RevocationList returns the latest list.
func (a *Authority) RevocationList(ctx context.Context) (list *identity.RevocationList, err error) {
	err = a.do(ctx, func(st *state) (change, error) {
		list = st.RevocationList()
		return change{}, nil
	})
	return list, err
}

// KeepAddresses keeps where the authority is reached, for the tokens that it makes.
func (a *Authority) KeepAddresses(ctx context.Context, addresses []protocol.Address) error {
	held, err := lock(ctx, a.store.authorityFolder())
	if err != nil {
		return err
	}
	defer held.Close()
	return addressesFile.write(a.store.authorityFolder(), addressLines(addresses))
}
