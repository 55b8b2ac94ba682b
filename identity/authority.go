package identity

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"spinglass/protocol"
)

// ErrTaken says that a name or NodeID is another key's.
var ErrTaken = errors.New("is held by another key; revoke that first if its host is gone")

// Authority issues certificates: the holder of a zone's key, or a member or client with grants to issue or install. It keeps account of what it issued, and
// refuses whatever verification would refuse.
type Authority struct {
	key      PrivateKey
	chain    Chain
	register *Register
	list     *RevocationList // the latest; nil before the first
}

// Terms are for when and how long a certificate is issued.
type Terms struct {
	Entropy  io.Reader // for the serial: 8 bytes
	Now      Instant
	Lifetime time.Duration // shortened to the life of the issuer's own chain
}

// NewAuthority makes a root: it draws a key and signs a certificate for it. Path is "/", unless the fleet is to be confined to a zone.
func NewAuthority(entropy io.Reader, path string, now Instant, lifetime time.Duration) (*Authority, error) {
	key, err := GenerateKey(entropy)
	if err != nil {
		return nil, err
	}
	serial, err := drawSerial(entropy, &Register{})
	if err != nil {
		return nil, err
	}
	root := &Certificate{
		Kind: KindZone, Issuer: key.Public(), Serial: serial, NotBefore: now, NotAfter: now.Add(lifetime), Name: path, Key: key.Public(),
		Grants: ZoneGrants(path), Quotas: Quotas{Members: QuotaMembersMax, Rows: QuotaRowsMax},
	}
	if err := root.Sign(key); err != nil {
		return nil, err
	}
	return OpenAuthority(key, Chain{root}, nil, nil)
}

// OpenAuthority returns the authority of the key that the chain's last certificate is for, with the register and the latest revocation list that it had before
// (nil: none yet), of which it takes possession. The chain itself is verified whenever something is issued. The error is one of Chain.Check or an
// ErrAuthority.
func OpenAuthority(key PrivateKey, chain Chain, register *Register, list *RevocationList) (*Authority, error) {
	if err := chain.Check(); err != nil {
		return nil, err
	}
	found := chain.Leaf().Key
	if list != nil && found == key.Public() {
		found = list.Issuer
	}
	if found != key.Public() {
		return nil, &AuthorityError{Expected: key.Public().Fingerprint(), Found: found.Fingerprint()}
	}
	if register == nil {
		register = &Register{}
	}
	return &Authority{key: key, chain: chain, register: register, list: list}, nil
}

// Chain returns the authority's own chain.
func (a *Authority) Chain() Chain { return a.chain }

// Anchor returns the fingerprint of the fleet's root key.
func (a *Authority) Anchor() Fingerprint { return a.chain[0].Key.Fingerprint() }

// Register returns what is out. It has to be made durable after each certificate, before that is handed out.
func (a *Authority) Register() *Register { return a.register }

// RevocationList returns the latest list, or nil.
func (a *Authority) RevocationList() *RevocationList { return a.list }

// Replace takes a renewed chain for the same key. The error is an ErrAuthority or one of Chain.Check.
func (a *Authority) Replace(chain Chain) error {
	next, err := OpenAuthority(a.key, chain, a.register, a.list)
	if err != nil {
		return err
	}
	a.chain = next.chain
	return nil
}

// IssueZone issues a zone certificate, and returns the chain to it. The error of this and of the other methods that issue is that of verification, an ErrQuota,
// ErrRegisterFull, or that of the entropy.
func (a *Authority) IssueZone(terms Terms, path string, key PublicKey, quotas Quotas, grants Grants) (Chain, error) {
	return a.issue(terms, Certificate{Kind: KindZone, Name: path, Key: key, Quotas: quotas, Grants: grants})
}

// IssueMember issues a member certificate, and returns the chain to it. MemberGrants are usual.
func (a *Authority) IssueMember(terms Terms, name string, id protocol.NodeID, key PublicKey, grants Grants) (Chain, error) {
	return a.issue(terms, Certificate{Kind: KindMember, Name: name, NodeID: id, Key: key, Grants: grants})
}

// IssueClient issues a client certificate, and returns the chain to it.
func (a *Authority) IssueClient(terms Terms, principal, scope string, key PublicKey, grants Grants) (Chain, error) {
	return a.issue(terms, Certificate{Kind: KindClient, Name: principal, Scope: scope, Key: key, Grants: grants})
}

// IssueFunction issues a function certificate, and returns the chain to it.
func (a *Authority) IssueFunction(terms Terms, name, scope string, function Function) (Chain, error) {
	return a.issue(terms, Certificate{Kind: KindFunction, Name: name, Scope: scope, Function: function})
}

// Admit grants a join request: it verifies the request, checks its token, issues the member certificate unless name or NodeID are another key's (ErrTaken), and
// redeems the token, so that a request that is refused takes no use. Tokens are nil when something else speaks for the request: a person, or the session of a member
// that renews. The error is one of JoinRequest.Verify, Tokens.Check or IssueMember, or an ErrTaken.
func (a *Authority) Admit(terms Terms, request *JoinRequest, tokens *Tokens, grants Grants) (Chain, error) {
	if err := request.Verify(a.Anchor()); err != nil {
		return nil, err
	}
	if tokens != nil {
		if err := tokens.Check(request, terms.Now); err != nil {
			return nil, err
		}
	}
	if err := a.checkFree(request, terms.Now); err != nil {
		return nil, err
	}
	chain, err := a.IssueMember(terms, request.Name, request.NodeID, request.Key, grants)
	if err != nil {
		return nil, err
	}
	if tokens != nil {
		err = tokens.Redeem(request, terms.Now)
	}
	return chain, err
}

// checkFree reports whether name and NodeID of the request are free, or its own key's.
func (a *Authority) checkFree(request *JoinRequest, now Instant) error {
	for i := range a.register.issued {
		entry := &a.register.issued[i]
		if entry.Kind != KindMember || entry.Key == request.Key || !entry.Live(now) || a.Revoked(entry) {
			continue
		}
		if entry.Name == request.Name {
			return fmt.Errorf("name %q %w", request.Name, ErrTaken)
		}
		if entry.NodeID == request.NodeID {
			return fmt.Errorf("node id %s %w", request.NodeID, ErrTaken)
		}
	}
	return nil
}

// Revoked reports whether the latest list revokes what the authority issued, as verification takes it.
func (a *Authority) Revoked(entry *Issued) bool {
	if a.list == nil {
		return false
	}
	certificate := &Certificate{Issuer: a.list.Issuer, Serial: entry.Serial, Key: entry.Key, NotBefore: entry.NotBefore}
	return slices.ContainsFunc(a.list.Entries, func(r Revocation) bool { return r.matches(a.list.Issuer, certificate) })
}

// Renew issues what the chain says again, for the same key; the chain may come from another issuer of the fleet. It has to be good but for the grace that is
// given, and for what the revocations say.
func (a *Authority) Renew(terms Terms, chain Chain, grace time.Duration, revocations *Revocations) (Chain, error) {
	policy := Policy{Anchor: a.Anchor(), Now: terms.Now, Grace: grace, Revocations: revocations}
	if _, err := policy.Verify(chain); err != nil {
		return nil, err
	}
	next := *chain.Leaf()
	next.Fields = nil
	return a.issue(terms, next)
}

// issue completes the certificate, and refuses it unless the chain to it is good.
func (a *Authority) issue(terms Terms, certificate Certificate) (Chain, error) {
	serial, err := drawSerial(terms.Entropy, a.register)
	if err != nil {
		return nil, err
	}
	certificate.Issuer, certificate.Serial, certificate.NotBefore = a.key.Public(), serial, terms.Now
	certificate.NotAfter = min(terms.Now.Add(terms.Lifetime), a.chain.NotAfter())
	for i, above := range a.chain {
		if terms.Now > above.NotAfter {
			return nil, a.chain.fail(i, &ExpiredError{Since: above.NotAfter, Now: terms.Now})
		}
	}
	if err := a.checkMembers(&certificate); err != nil {
		return nil, err
	}
	policy := Policy{Anchor: a.Anchor(), Now: terms.Now, Revocations: &Revocations{}}
	if a.list != nil {
		policy.Revocations.lists = []heldList{{RevocationList: a.list}}
	}
	if err := certificate.Sign(a.key); err != nil {
		return nil, err
	}
	chain := a.chain.issue(&certificate)
	if _, err := policy.Verify(chain); err != nil {
		return nil, err
	}
	if err := a.register.add(&certificate, terms.Now); err != nil {
		return nil, err
	}
	return chain, nil
}

// checkMembers holds the quota of the nearest zone in the own chain.
func (a *Authority) checkMembers(certificate *Certificate) error {
	wanted := certificate.Quotas.Members
	if certificate.Kind == KindMember {
		wanted = 1
	}
	var quota uint64
	for _, above := range a.chain {
		if above.Kind == KindZone {
			quota = above.Quotas.Members
		}
	}
	if wanted > 0 && a.register.members(subjectText(certificate.Kind, certificate.Name), wanted, certificate.NotBefore) > quota {
		return &QuotaError{What: "members", Limit: quota}
	}
	return nil
}

// drawSerial draws a serial that the register does not hold.
func drawSerial(entropy io.Reader, register *Register) (uint64, error) {
	const tries = 4
	for range tries {
		var b [8]byte
		if _, err := io.ReadFull(entropy, b[:]); err != nil {
			return 0, fmt.Errorf("identity: drawing a serial: %w", err)
		}
		serial := binary.BigEndian.Uint64(b[:])
		if _, taken := register.find(serial); serial != 0 && !taken {
			return serial, nil
		}
	}
	return 0, errors.New("identity: drawing a serial: the entropy repeats itself")
}

// Revoke signs the next revocation list: what the latest says and can still match, and what is new. Where Until of a new entry is 0, it becomes the end of all
// that can have been issued by now: that of the own chain, grace included. The list has to be made durable before it is handed out. The error is an ErrKind
// when the authority is no zone's, or one of NewRevocationList.
func (a *Authority) Revoke(now Instant, entries ...Revocation) (*RevocationList, error) {
	if kind := a.chain.Leaf().Kind; kind != KindZone {
		return nil, fmt.Errorf("revocation lists are those of zones, not of a %s: %w", kind, ErrKind)
	}
	number := uint64(1)
	var all []Revocation
	if a.list != nil {
		number, all = a.list.Number+1, a.list.Live(now)
	}
	for _, entry := range entries {
		if entry.Until == 0 {
			entry.Until = a.chain.NotAfter().Add(GraceMax + Skew)
		}
		all = append(all, entry)
	}
	list, err := NewRevocationList(a.key, number, now, all...)
	if err != nil {
		return nil, err
	}
	a.list = list
	return list, nil
}

// Beacon signs that the latest revocation list is the latest at now. It is to be sent every BeaconPeriod.
func (a *Authority) Beacon(now Instant) (*Beacon, error) { return NewBeacon(a.key, a.list, now) }

// RenewJitter is the share of a certificate's life over which renewals are spread, around its half.
const RenewJitter = 0.1

// RenewAt returns when a certificate is to be renewed: at half of its life, half of RenewJitter of its life earlier or later. Jitter is drawn evenly from 0 to 1.
func RenewAt(notBefore, notAfter Instant, jitter float64) Instant {
	share := 0.5 + RenewJitter*(min(max(jitter, 0), 1)-0.5)
	return notBefore + Instant(share*float64(notAfter-notBefore))
}
