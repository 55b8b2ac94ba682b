package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"spinglass"
	"spinglass/enrolment"
	"spinglass/identity"
	"spinglass/protocol"
)

// What the first agent of a fleet hands out by itself.
const (
	firstTokenUses = 10
	firstTokenLife = enrolment.TokenLifeDefault
)

// revocationLook is how often the agent looks whether its authority has revoked anything, which a command may have done.
const revocationLook = 2 * time.Second

// standingPause is between questions to issuers whether this node is still a member, while it cannot join.
const standingPause = time.Hour

// revocationRetry is for how long the agent does not try again to keep revocation lists after it failed, except when it ends.
const revocationRetry = time.Minute

var errNotEnrolled = errors.New("this node has no certificate: join a fleet with --token (spinglass ca token makes one), or make a fleet with --first and without --join")

// enrolled is what an agent has of identity and authority.
type enrolled struct {
	store     *enrolment.Store
	member    *enrolment.Member
	issuers   []protocol.Address
	kept      []*identity.RevocationList // those that the data directory holds
	authority bool                       // the data directory holds an authority
	outbound  bool                       // nobody can connect to it
	log       *slog.Logger
	renewer   *enrolment.Renewer
	issuer    *enrolment.Issuer              // nil without an authority
	node      atomic.Pointer[spinglass.Node] // nil before start
	ended     chan error                     // why this node cannot be a member any longer
	cancel    context.CancelFunc
	wait      sync.WaitGroup
}

// enrol finds the agent's identity, or gets one: by the token, or, for the first agent of a fleet, from an authority that it makes.
func (s *agentSettings) enrol(ctx context.Context, logger *slog.Logger, dataDir string) (*enrolled, error) {
	e := &enrolled{store: &enrolment.Store{Dir: dataDir}, outbound: s.outbound, log: logger, ended: make(chan error, 1), cancel: func() {}}
	token, err := s.parseToken()
	if err != nil {
		return nil, err
	}
	if e.authority, err = e.store.HasAuthority(); err != nil {
		return nil, err
	}
	if e.issuers, err = e.store.Issuers(); err != nil {
		return nil, err
	}
	e.kept = e.keptRevocations()
	e.member, err = e.store.Member(e.kept...)
	absent := errors.Is(err, enrolment.ErrNotEnrolled)
	switch expired := errors.Is(err, identity.ErrExpired); {
	case err == nil:
		err = s.reconcile(ctx, e, token)
	case (absent || expired) && token != nil:
		err = s.joinFleet(ctx, e, token)
	case (absent || expired) && e.authority, absent && s.first && len(s.join) == 0:
		err = s.found(ctx, e)
	case absent:
		err = errNotEnrolled
	}
	if err != nil {
		return nil, err
	}
	if len(s.join) == 0 {
		s.join = texts(e.issuers)
	}
	return e, nil
}

// keptRevocations returns the revocation lists that were kept. Those that are damaged are done without, since other members have them, too.
func (e *enrolled) keptRevocations() []*identity.RevocationList {
	lists, err := e.store.Revocations()
	if err != nil {
		e.log.Warn("starting without the revocation lists that were kept: the first member that this one meets tells them anew", "error", err)
	}
	return lists
}

// parseToken returns the token that the agent was given, or nil.
func (s *agentSettings) parseToken() (*identity.Token, error) {
	if s.token == "" {
		return nil, nil
	}
	token, err := identity.ParseToken(s.token)
	if err != nil {
		return nil, usagef("--token: %w", err)
	}
	return token, nil
}

// reconcile compares the kept identity with what the agent was told: with the token that it has joined by before it starts again as it is.
func (s *agentSettings) reconcile(ctx context.Context, e *enrolled, token *identity.Token) error {
	verified := e.member.Verified
	switch {
	case token != nil && token.Anchor != e.member.Bundle.Anchor:
		return fmt.Errorf("--token: %w: fingerprint %s, this node's is %s", enrolment.ErrOtherFleet, token.Anchor, e.member.Bundle.Anchor)
	case !s.named:
		s.name = verified.Name
	case s.name != verified.Name && token != nil:
		return s.joinFleet(ctx, e, token)
	case s.name != verified.Name:
		return fmt.Errorf("--name: this node is enrolled as %q, not as %q; give a token to enrol it anew", verified.Name, s.name)
	}
	if token != nil && len(e.issuers) == 0 && len(token.Addresses) > 0 {
		e.issuers = token.Addresses
		if err := e.store.KeepIssuers(ctx, e.issuers); err != nil {
			return err
		}
	}
	if verified.InGrace {
		e.log.Warn("THE CERTIFICATE HAS EXPIRED: this member is in grace", "name", verified.Name, "expired", verified.NotAfter.String())
	}
	return nil
}

// joinFleet gets a certificate by a token, and keeps it and where it comes from.
func (s *agentSettings) joinFleet(ctx context.Context, e *enrolled, token *identity.Token) error {
	addresses := slices.Clone(token.Addresses)
	for _, text := range s.join {
		if address := protocol.Address(text); !slices.Contains(addresses, address) {
			addresses = append(addresses, address)
		}
	}
	id, key, err := e.self(ctx)
	if err != nil {
		return err
	}
	client := &enrolment.Client{Key: key}
	bundle, err := client.Join(ctx, token, s.name, id, addresses...)
	if errors.Is(err, enrolment.ErrNoAddress) {
		err = errors.New("the token carries no address: give that of an issuer with --join")
	}
	if err != nil {
		return fmt.Errorf("joining: %w", err)
	}
	if err := e.store.KeepIssuers(ctx, addresses); err != nil {
		return err
	}
	e.issuers = addresses
	return e.install(ctx, bundle, id)
}

// self returns the NodeID and the key of this node, which are made when it has none yet.
func (e *enrolled) self(ctx context.Context) (id protocol.NodeID, key identity.PrivateKey, err error) {
	if id, err = spinglass.DataDirNodeID(e.store.Dir); err == nil {
		key, err = e.store.Key(ctx)
	}
	return id, key, err
}

func (e *enrolled) install(ctx context.Context, bundle *identity.Bundle, id protocol.NodeID) (err error) {
	if _, err = e.store.Install(ctx, bundle, id); err != nil {
		return err
	}
	if e.member, err = e.store.Member(e.kept...); err == nil {
		e.log.Info("enrolled", "name", e.member.Verified.Name, "expires", e.member.Verified.NotAfter.String(), "fingerprint", bundle.Anchor.String())
	}
	return err
}

// found makes the authority of a new fleet, unless the data directory holds one, and lets it issue the agent's own certificate.
func (s *agentSettings) found(ctx context.Context, e *enrolled) error {
	authority := e.store.Authority()
	if !e.authority {
		if _, err := authority.Init(ctx, "/", enrolment.RootLifeDefault); err != nil {
			return err
		}
		e.authority = true
	}
	id, key, err := e.self(ctx)
	if err != nil {
		return err
	}
	request, err := identity.NewOfflineRequest(key, s.name, id, identity.Fingerprint{})
	if err != nil {
		return err
	}
	bundle, err := authority.Issue(ctx, request, identity.MemberGrants())
	if err != nil {
		return err
	}
	return e.install(ctx, bundle, id)
}

// equip makes what renews the certificate, and returns what the node is to be by it.
func (e *enrolled) equip(id protocol.NodeID) *spinglass.Identity {
	e.renewer = enrolment.NewRenewer(enrolment.RenewerConfig{
		Bundle: e.member.Bundle, Issuers: e.renewals(e.member.Key), Logger: e.log,
		Keep: func(ctx context.Context, bundle *identity.Bundle) error {
			if _, err := e.store.Install(ctx, bundle, id); err != nil {
				return err
			}
			return e.node.Load().Renew(ctx, bundle.Chain)
		},
	})
	i := &spinglass.Identity{Key: e.member.Key, Chain: e.member.Bundle.Chain, Anchor: e.member.Bundle.Anchor, Revocations: e.kept}
	if e.authority {
		e.issuer = enrolment.NewIssuer(enrolment.IssuerConfig{
			Authority: e.store.Authority(), Chain: func() identity.Chain { return e.renewer.Bundle().Chain }, Revocations: e.revocations, Logger: e.log,
		})
		i.Accept = map[string]func(context.Context, *tls.Conn){enrolment.Protocol: e.issuer.Serve}
	}
	return i
}

// revocations returns the lists that the node knows: those of all authorities count when a certificate is renewed.
func (e *enrolled) revocations() []*identity.RevocationList {
	if node := e.node.Load(); node != nil {
		return node.Revocations()
	}
	return nil
}

// told reports whether the node knows a list already.
func (e *enrolled) told(list *identity.RevocationList) bool {
	return slices.ContainsFunc(e.revocations(), func(known *identity.RevocationList) bool {
		return known.Issuer == list.Issuer && known.Number >= list.Number
	})
}

// start renews certificates, keeps revocation lists, asks the issuers while nobody lets this node in and, where there is an authority, tells what it revokes, until
// close.
func (e *enrolled) start(ctx context.Context, node *spinglass.Node) error {
	e.node.Store(node)
	ctx, e.cancel = context.WithCancel(context.WithoutCancel(ctx))
	e.wait.Go(func() { e.renewer.Run(ctx) })
	e.wait.Go(func() { e.keepRevocations(ctx, node) })
	e.wait.Go(func() { e.watchJoining(ctx, node) })
	if !e.authority {
		return nil
	}
	if e.outbound {
		e.log.Warn("nobody can connect to this member, and so nobody join by its authority, but with files (spinglass ca issue)")
	} else if err := e.store.Authority().KeepAddresses(ctx, []protocol.Address{protocol.Address(node.Addr())}); err != nil {
		return err
	}
	e.wait.Go(func() { e.watchRevocations(ctx, node) })
	return e.renewAuthority(ctx)
}

// revocationsKnower is what keepRevocations needs of a node.
type revocationsKnower interface {
	Events(context.Context) iter.Seq2[spinglass.Event, error]
	Revocations() []*identity.RevocationList
}

// keepRevocations keeps the lists that the node knows for its next start, whenever there are others. It looks at every event, and at the end, since one that came
// before this loop began, or among more events than it could read, is told by no event of its own.
func (e *enrolled) keepRevocations(ctx context.Context, node revocationsKnower) {
	kept, next := e.kept, time.Time{}
	for _, ended := range node.Events(ctx) {
		known := node.Revocations()
		if slices.Equal(known, kept) || ended == nil && time.Now().Before(next) {
			continue
		}
		if err := e.store.KeepRevocations(context.WithoutCancel(ctx), known); err != nil {
			e.log.Warn("the revocation lists that this node knows cannot be kept for its next start; trying again", "error", err)
			next = time.Now().Add(revocationRetry)
			continue
		}
		kept = known
	}
}

// watchJoining asks the issuers, while no join address answers, to renew the certificate: members do not talk to a node that is revoked, so that it hears of it from
// nobody else. It takes their word as it does when it joins by a token.
func (e *enrolled) watchJoining(ctx context.Context, node *spinglass.Node) {
	var next time.Time
	for event := range node.Events(ctx) {
		if _, failing := event.(spinglass.JoinFailing); !failing || time.Now().Before(next) {
			continue
		}
		next = time.Now().Add(standingPause)
		if err := e.renewer.Renew(ctx); errors.Is(err, identity.ErrRevoked) {
			e.ended <- fmt.Errorf("this node is not let in: %w", err)
			return
		}
	}
}

// watchRevocations tells the fleet of what the authority of this agent revokes and, every identity.BeaconPeriod, which list is the latest.
func (e *enrolled) watchRevocations(ctx context.Context, node *spinglass.Node) {
	ticker := time.NewTicker(revocationLook)
	defer ticker.Stop()
	var heard time.Time // when the last beacon was sent
	var failed string   // what was logged last
	for {
		list, err := e.store.Authority().RevocationList(ctx)
		if err == nil && list != nil && !e.told(list) {
			err = node.Revoke(ctx, list) // it is told once its signature was checked, and offered again until then
		}
		if err == nil && time.Since(heard) >= identity.BeaconPeriod {
			if err = e.sendBeacon(ctx, node); err == nil {
				heard = time.Now()
			}
		}
		switch nobody := errors.Is(err, identity.ErrAuthority) && (list == nil || len(list.Entries) == 0); { // below it, and it has not revoked anything
		case err == nil || nobody || errors.Is(err, spinglass.ErrNotRunning) || ctx.Err() != nil:
			failed = ""
		case err.Error() != failed:
			failed = err.Error()
			e.log.Warn("what the authority has revoked, and that it is there, cannot be told to the fleet; trying again", "error", err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// sendBeacon tells the fleet which list of the authority is the latest.
func (e *enrolled) sendBeacon(ctx context.Context, node *spinglass.Node) error {
	beacon, err := e.store.Authority().Beacon(ctx)
	if err != nil {
		return err
	}
	return node.Beacon(ctx, beacon)
}

// renewals are the ways in which a certificate can be renewed: the own authority first.
func (e *enrolled) renewals(key identity.PrivateKey) (renewals []enrolment.Renewal) {
	if e.authority {
		renewals = append(renewals, func(ctx context.Context, bundle *identity.Bundle) (*identity.Bundle, error) {
			return e.store.Authority().Renew(ctx, bundle.Chain, e.revocations()...)
		})
	}
	if len(e.issuers) > 0 {
		renewals = append(renewals, (&enrolment.Client{Key: key}).Remote(e.issuers...))
	}
	return renewals
}

// renewAuthority lets the authority of a zone be renewed by those above. A root has none.
func (e *enrolled) renewAuthority(ctx context.Context) error {
	authority := e.store.Authority()
	bundle, err := authority.Bundle()
	if err != nil || len(bundle.Chain) == 1 || len(e.issuers) == 0 {
		return err
	}
	key, err := authority.ZoneKey(ctx)
	if err != nil {
		return err
	}
	renewer := enrolment.NewRenewer(enrolment.RenewerConfig{
		Bundle: bundle, Issuers: []enrolment.Renewal{(&enrolment.Client{Key: key}).Remote(e.issuers...)}, Logger: e.log,
		Keep: func(ctx context.Context, bundle *identity.Bundle) error {
			_, err := authority.Install(ctx, bundle)
			return err
		},
	})
	e.wait.Go(func() { renewer.Run(ctx) })
	return nil
}

// invite prints the command by which other machines join, if this is the first agent of a fleet and nobody has been invited yet.
func (e *enrolled) invite(ctx context.Context, out io.Writer, name string) error {
	if !e.authority || e.outbound {
		return nil
	}
	authority := e.store.Authority()
	listing, err := authority.List(ctx)
	if err != nil || len(listing.Bundle.Chain) > 1 || len(listing.Tokens) > 0 || len(listing.Certificates) > 1 {
		return err
	}
	token, err := authority.NewToken(ctx, firstTokenUses, firstTokenLife)
	if err != nil {
		return err
	}
	zone := protocol.Zone(name)
	if zone == "/" {
		zone = ""
	}
	fmt.Fprintf(out, "another machine joins by this command, up to %d of them until %s:\n  spinglass agent --name \"%s/$(hostname)\" --token %s\n",
		firstTokenUses, token.Expiry, zone, token.Text())
	return nil
}

// close ends what start began.
func (e *enrolled) close() {
	e.cancel()
	e.wait.Wait()
}

func texts(addresses []protocol.Address) (texts []string) {
	for _, address := range addresses {
		texts = append(texts, string(address))
	}
	return texts
}
