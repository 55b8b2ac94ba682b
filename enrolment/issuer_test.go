package enrolment

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"spinglass/identity"
	"spinglass/internal/keytls"
	"spinglass/protocol"
)

// office is an issuer that listens on loopback.
type office struct {
	*Issuer
	clock     *clock
	authority *Authority
	held      atomic.Pointer[Member]
	address   protocol.Address
}

func newOffice(t testing.TB) *office {
	t.Helper()
	o := &office{clock: newClock()}
	o.authority = newAuthority(t, o.clock)
	o.enrolItself(t)
	o.open(t)
	return o
}

func (o *office) enrolItself(t testing.TB) {
	t.Helper()
	o.held.Store(enrol(t, o.authority, o.authority.store, "/lab/a1", 1))
}

func (o *office) member() *Member { return o.held.Load() }

func (o *office) chain() identity.Chain { return o.member().Bundle.Chain }

// open listens until the test ends.
func (o *office) open(t testing.TB) {
	t.Helper()
	o.Issuer = NewIssuer(IssuerConfig{Authority: o.authority, Chain: o.chain, Now: o.clock.now})
	listener := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	o.address = protocol.Address(listener.Addr().String())
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- o.ServeListener(ctx, listener, o.member().Key) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
}

// client returns a client with a key, whose clock is the office's, and of whom the office does not tire.
func (o *office) client(seed uint64) *Client {
	key, err := identity.GenerateKey(entropy(seed))
	if err != nil {
		panic(err)
	}
	return &Client{Key: key, Now: o.clock.now, Dial: o.dial}
}

func (o *office) dial(ctx context.Context, address string) (net.Conn, error) {
	o.limiter.mutex.Lock()
	o.limiter.buckets = nil
	o.limiter.mutex.Unlock()
	var dialer net.Dialer
	return dialer.DialContext(ctx, "tcp", address)
}

func (o *office) token(t testing.TB, uses int) *identity.Token {
	t.Helper()
	return must[*identity.Token](t)(o.authority.NewToken(context.Background(), uses, TokenLifeDefault, o.address))
}

// oneLine fails unless an error is of a kind, and one line that holds all that is given.
func oneLine(t *testing.T, what string, err, want error, holds ...string) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: %v, want %v", what, err, want)
		return
	}
	for _, part := range holds {
		if !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%s: %q does not hold %q", what, err, part)
		}
	}
}

func TestJoin(t *testing.T) {
	o := newOffice(t)
	token := must[*identity.Token](t)(identity.ParseToken(o.token(t, 1).Text()))
	c := o.client(9)
	bundle := must[*identity.Bundle](t)(c.Join(t.Context(), token, "/lab/a2", 2))
	policy := identity.Policy{Anchor: token.Anchor, Now: o.clock.instant()}
	verified := must[*identity.Verified](t)(policy.Verify(bundle.Chain))
	if verified.Name != "/lab/a2" || verified.NodeID != 2 || verified.Key != c.Key.Public() {
		t.Errorf("%+v", verified)
	}
	// The answer was lost, and who asks again gets it again.
	must[*identity.Bundle](t)(c.Join(t.Context(), token, "/lab/a2", 2))
	if _, err := o.client(10).Join(t.Context(), token, "/lab/a3", 3); !errors.Is(err, identity.ErrTokenSpent) {
		t.Error(err)
	}
	if s := o.Stats(); s.Joined != 2 || s.Refused != 1 || s.Connections != 3 {
		t.Errorf("%+v", s)
	}
}

func TestJoinsThatAreRefusedSayWhy(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	refused := func(what string, want error, holds string, token *identity.Token, name string, id protocol.NodeID) {
		t.Helper()
		_, err := o.client(uint64(id)).Join(ctx, token, name, id)
		oneLine(t, what, err, want, "issuer "+string(o.address)+" refuses: ", holds)
	}
	wrong := *o.token(t, 1)
	wrong.Secret[0] ^= 1
	refused("secret", identity.ErrTokenSecret, "not made with the secret", &wrong, "/lab/a2", 2)
	unknown := *o.token(t, 1)
	unknown.ID[0] ^= 1
	refused("unknown", identity.ErrTokenUnknown, "not known to this issuer", &unknown, "/lab/a2", 2)
	used := o.token(t, 1)
	must[*identity.Bundle](t)(o.client(2).Join(ctx, used, "/lab/a2", 2))
	refused("used up", identity.ErrTokenSpent, "used up; ask for a new one", used, "/lab/a3", 3)
	refused("name", identity.ErrTaken, `name "/lab/a2" is held by another key`, o.token(t, 1), "/lab/a2", 4)
	refused("id", identity.ErrTaken, "node id 0000000000000001 is held by another key", o.token(t, 1), "/lab/a4", 1)
	old := o.token(t, 1)
	o.clock.add(TokenLifeDefault + time.Minute)
	refused("expired", identity.ErrExpired, "join token expired at ", old, "/lab/a5", 5)
	refused("expired", identity.ErrExpired, "1m0s ago; ask for a new one", old, "/lab/a5", 5)
	if s := o.Stats(); s.Refused != 7 || s.Failed != 0 || s.Malformed != 0 {
		t.Errorf("%+v", s)
	}

	text := o.token(t, 1).Text()
	for name, typo := range map[string]string{"letter": text[:20] + "z" + text[21:], "cut": text[:len(text)-1], "twice": text + "a"} {
		if _, err := identity.ParseToken(typo); typo != text && !errors.Is(err, identity.ErrTokenDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestClocksADayOff lets the node's clock be wrong, then the issuer's.
func TestClocksADayOff(t *testing.T) {
	o := newOffice(t)
	token := o.token(t, 1)
	for _, test := range []struct {
		off  time.Duration
		word string
	}{{-day, "24h0m0s behind"}, {day, "24h0m0s ahead of"}, {6 * time.Minute, "6m0s ahead of"}, {40 * 365 * day, "ahead of"}} {
		c := o.client(2)
		c.Now = func() time.Time { return o.clock.now().Add(test.off) }
		_, err := c.Join(t.Context(), token, "/lab/a2", 2)
		oneLine(t, test.word, err, ErrClock, "the clock of this host (", test.word, "set the one that is wrong")
	}
	c := o.client(2)
	c.Now = func() time.Time { return o.clock.now().Add(4 * time.Minute) }
	must[*identity.Bundle](t)(c.Join(t.Context(), token, "/lab/a2", 2))
	if s := o.Stats(); s.Joined != 1 || s.Refused != 0 {
		t.Errorf("something was sent: %+v", s)
	}
}

// TestIssuersOfOthersAreNotTrusted lets a token lead to another fleet's issuer, and to one that shows a chain for a key that it has not.
func TestIssuersOfOthersAreNotTrusted(t *testing.T) {
	o, other := newOffice(t), newOffice(t)
	token := o.token(t, 1)
	_, err := o.client(2).Join(t.Context(), token, "/lab/a2", 2, other.address)
	oneLine(t, "fleet", err, identity.ErrAuthority, "who answers at "+string(other.address)+" is not trusted", "another fleet")

	pretender := newOffice(t)
	pretender.held.Store(&Member{Key: pretender.member().Key, Bundle: o.member().Bundle})
	_, err = o.client(2).Join(t.Context(), token, "/lab/a2", 2, pretender.address)
	oneLine(t, "key", err, ErrProof, "is not trusted")
	for _, s := range []Stats{other.Stats(), pretender.Stats()} {
		if s.Connections != 1 || s.Joined+s.Refused+s.Malformed != 0 || s.Cut > 1 {
			t.Errorf("something was sent: %+v", s)
		}
	}
	// Among others, the right one is found.
	must[*identity.Bundle](t)(o.client(2).Join(t.Context(), token, "/lab/a2", 2, other.address, pretender.address, o.address))
}

// liar answers whatever it is asked with one message, after a hello that is good.
func (o *office) liar(t *testing.T, kind byte, body []byte) protocol.Address {
	t.Helper()
	listener := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	t.Cleanup(func() { listener.Close() })
	config := keytls.Server(must[tls.Certificate](t)(keytls.Certificate(o.member().Key)), true, Protocol)
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			secured := tls.Server(conn, config)
			_ = writeMessage(secured, kindHello, (&hello{Now: o.clock.instant(), Chain: o.chain()}).append(nil))
			_, _, _ = readMessage(secured)
			_ = writeMessage(secured, kind, body)
			secured.Close()
		}
	}()
	return protocol.Address(listener.Addr().String())
}

// TestIssuersThatLie lets a member of the fleet take an issuer's place and hand out what was not asked for.
func TestIssuersThatLie(t *testing.T) {
	o, other := newOffice(t), newOffice(t)
	c := o.client(2)
	token := o.token(t, 9)
	own := must[*identity.Bundle](t)(c.Join(t.Context(), token, "/lab/a2", 2))
	forged := must[identity.Chain](t)(identity.DecodeChain(own.Chain.Append(nil)))
	forged.Leaf().Grants = nil
	for name, test := range map[string]struct {
		bundle *identity.Bundle
		want   error
	}{
		"another's":    {o.member().Bundle, ErrOtherKey},
		"another name": {must[*identity.Bundle](t)(c.Join(t.Context(), token, "/lab/b2", 2)), ErrOtherNode},
		"another node": {must[*identity.Bundle](t)(c.Join(t.Context(), token, "/lab/a2", 3)), ErrOtherNode},
		"a forged one": {&identity.Bundle{Anchor: own.Anchor, Chain: forged}, identity.ErrSignature},
		"a zone's":     {&identity.Bundle{Anchor: own.Anchor, Chain: own.Chain[:1]}, ErrOtherKey},
		"fleet":        {&identity.Bundle{Anchor: other.member().Bundle.Anchor, Chain: own.Chain}, identity.ErrAuthority},
		"lying chain":  {&identity.Bundle{Anchor: own.Anchor, Chain: other.chain()}, identity.ErrAuthority},
	} {
		liar := o.liar(t, kindGrant, appendGrant(nil, test.bundle))
		_, err := c.Join(t.Context(), token, "/lab/a2", 2, liar)
		oneLine(t, name, err, test.want, "what issuer "+string(liar)+" grants is not good: ")
		want := test.want
		if errors.Is(want, ErrOtherKey) {
			want = ErrOtherNode // whatever differs
		}
		_, err = c.Renew(t.Context(), own, liar)
		oneLine(t, name, err, want, "what issuer "+string(liar)+" grants is not good: ")
	}
	if _, err := c.Renew(t.Context(), own, o.liar(t, kindGrant, []byte("noise"))); err == nil {
		t.Error("noise is a grant")
	}
	if _, err := c.Renew(t.Context(), own, o.liar(t, kindHello, nil)); !errors.Is(err, ErrNoAnswer) {
		t.Error(err)
	}
	if _, err := c.Renew(t.Context(), own, o.liar(t, kindRefusal, []byte{1, 2, '\n', 'x'})); !errors.Is(err, ErrNoAnswer) || !errors.Is(err, ErrMessage) {
		t.Error(err)
	}
	if _, err := c.Token(t.Context(), own, 1, time.Hour, o.liar(t, kindIssued, []byte("spinglass1.x"))); !errors.Is(err, identity.ErrTokenDamaged) {
		t.Error(err)
	}
}

// TestOneOfSeveralIssuersIsDown joins and renews by the second of two issuers.
func TestOneOfSeveralIssuersIsDown(t *testing.T) {
	o := newOffice(t)
	down := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	dead := protocol.Address(down.Addr().String())
	down.Close()
	c := o.client(2)
	bundle := must[*identity.Bundle](t)(c.Join(t.Context(), o.token(t, 1), "/lab/a2", 2, dead, o.address))
	must[*identity.Bundle](t)(c.Renew(t.Context(), bundle, dead, o.address))
	if _, err := c.Renew(t.Context(), bundle, dead); !errors.Is(err, ErrNoAnswer) || !strings.Contains(err.Error(), "connection refused") {
		t.Error(err)
	}
	if _, err := c.Renew(t.Context(), bundle); !errors.Is(err, ErrNoAddress) {
		t.Error(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := c.Renew(ctx, bundle, o.address); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestRenew(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	c := o.client(2)
	bundle := must[*identity.Bundle](t)(c.Join(ctx, o.token(t, 1), "/lab/a2", 2))
	o.clock.add(identity.MemberLifeDefault / 2)
	renewed := must[*identity.Bundle](t)(c.Renew(ctx, bundle, o.address))
	if renewed.Chain.Leaf().NotAfter != o.clock.instant().Add(identity.MemberLifeDefault) || renewed.Chain.Leaf().Serial == bundle.Chain.Leaf().Serial {
		t.Errorf("%+v", renewed.Chain.Leaf())
	}

	// Within grace, too, also of the issuer's own certificate.
	o.enrolItself(t)
	o.clock.add(identity.MemberLifeDefault + day)
	again := must[*identity.Bundle](t)(c.Renew(ctx, renewed, o.address))

	// Who shows the certificate of another gets nothing.
	_, err := o.client(3).Renew(ctx, again, o.address)
	oneLine(t, "thief", err, ErrProof, "certificate is for another key")

	if _, _, err := o.authority.Revoke(ctx, "/lab/a2"); err != nil {
		t.Fatal(err)
	}
	_, err = c.Renew(ctx, again, o.address)
	oneLine(t, "revoked", err, identity.ErrRevoked, "refuses: ", `member certificate "/lab/a2"`, "revoked by list 2")
	// Nor does a token help: its key is revoked for ever.
	_, err = c.Join(ctx, o.token(t, 1), "/lab/a2", 2)
	oneLine(t, "revoked", err, identity.ErrRevoked, "revoked by list 2")
}

func TestRenewAfterGrace(t *testing.T) {
	o := newOffice(t)
	c := o.client(2)
	bundle := must[*identity.Bundle](t)(c.Join(t.Context(), o.token(t, 1), "/lab/a2", 2))
	o.clock.add(identity.MemberLifeDefault + identity.GraceDefault + day)
	o.enrolItself(t)
	_, err := c.Renew(t.Context(), bundle, o.address)
	oneLine(t, "grace is over", err, identity.ErrExpired, "more than the grace of 168h0m0s")
}

func TestTokensForWhoMayIssue(t *testing.T) {
	o := newOffice(t)
	ctx := t.Context()
	if err := o.authority.KeepAddresses(ctx, []protocol.Address{o.address}); err != nil {
		t.Fatal(err)
	}
	c := o.client(2)
	plain := must[*identity.Bundle](t)(c.Join(ctx, o.token(t, 1), "/lab/a2", 2))
	_, err := c.Token(ctx, plain, 3, time.Hour, o.address)
	oneLine(t, "no grant", err, identity.ErrGrant, "issue:/")

	operator := o.client(3)
	request := must[*identity.JoinRequest](t)(identity.NewOfflineRequest(operator.Key, "/lab/operator", 3, plain.Anchor))
	grants := must[identity.Grants](t)(identity.NewGrants(append(identity.MemberGrants(), identity.Grant{Verb: identity.VerbIssue, Pattern: "/"})...))
	bundle := must[*identity.Bundle](t)(o.authority.Issue(ctx, request, grants))
	token := must[*identity.Token](t)(operator.Token(ctx, bundle, 1, time.Hour, o.address))
	must[*identity.Bundle](t)(o.client(4).Join(ctx, token, "/lab/a4", 4))
	if _, err := operator.Token(ctx, bundle, 0, time.Hour, o.address); !errors.Is(err, identity.ErrMalformed) {
		t.Error(err)
	}
	if _, err := c.Token(ctx, bundle, 1, time.Hour, o.address); err == nil || !strings.Contains(err.Error(), "another key") {
		t.Error(err)
	}
	if _, _, err := o.authority.Revoke(ctx, "/lab/operator"); err != nil {
		t.Fatal(err)
	}
	if _, err := operator.Token(ctx, bundle, 1, time.Hour, o.address); !errors.Is(err, identity.ErrRevoked) {
		t.Error(err)
	}
}

// TestIssuerThatCannotWrite shows that nobody hears what is wrong with the issuer's disk, and that no certificate leaves.
func TestIssuerThatCannotWrite(t *testing.T) {
	o := newOffice(t)
	token := o.token(t, 1)
	path := filepath.Join(o.authority.store.Dir, "authority", "register")
	whole := must[[]byte](t)(os.ReadFile(path))
	if err := os.WriteFile(path, whole[:len(whole)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	c := o.client(2)
	_, err := c.Join(t.Context(), token, "/lab/a2", 2)
	if err == nil || o.Stats().Failed == 0 {
		t.Errorf("%v, %+v", err, o.Stats())
	}
	_, err = c.Renew(t.Context(), o.member().Bundle, o.address)
	if err == nil || strings.Contains(err.Error(), o.authority.store.Dir) {
		t.Error(err)
	}
	if err := os.WriteFile(path, whole, 0o600); err != nil {
		t.Fatal(err)
	}
	must[*identity.Bundle](t)(c.Join(t.Context(), token, "/lab/a2", 2))
}

// raw connects to the office and reads its hello.
func (o *office) raw(t *testing.T) *tls.Conn {
	t.Helper()
	conn := must[net.Conn](t)(o.dial(t.Context(), string(o.address)))
	t.Cleanup(func() { conn.Close() })
	secured := tls.Client(conn, keytls.Client(nil, nil, Protocol))
	if kind, body, err := readMessage(secured); err != nil || kind != kindHello {
		t.Fatal(kind, err)
	} else if h, err := decodeHello(body); err != nil || h.Now != o.clock.instant() {
		t.Fatal(h, err)
	}
	return secured
}

// TestGarbage sends what is no request, every way of cutting one short, and a request that somebody else sent before.
func TestGarbage(t *testing.T) {
	o := newOffice(t)
	key := o.client(2).Key
	request := must[*identity.JoinRequest](t)(identity.NewJoinRequest(key, "/lab/a2", 2, o.token(t, 1)))
	var good bytes.Buffer
	if err := writeMessage(&good, kindJoin, request.Append(nil)); err != nil {
		t.Fatal(err)
	}
	tokenless := must[*identity.JoinRequest](t)(identity.NewOfflineRequest(key, "/lab/a2", 2, request.Anchor))
	message := func(kind byte, body []byte) []byte {
		var b bytes.Buffer
		if err := writeMessage(&b, kind, body); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	for name, test := range map[string]struct {
		sent   []byte
		answer Code
	}{
		"kind":             {message(99, nil), CodeMalformed},
		"own kind":         {message(kindHello, nil), CodeMalformed},
		"empty":            {message(kindJoin, nil), CodeMalformed},
		"noise":            {message(kindRenew, []byte("noise")), CodeMalformed},
		"noise for tokens": {message(kindToken, bytes.Repeat([]byte{0xff}, 100)), CodeMalformed},
		"trailing":         {message(kindJoin, append(request.Append(nil), 0)), CodeMalformed},
		"without a token":  {message(kindJoin, tokenless.Append(nil)), CodeTokenUnknown},
		"without a key":    {message(kindRenew, o.member().Bundle.Chain.Append(nil)), CodeProof},
	} {
		conn := o.raw(t)
		if _, err := conn.Write(test.sent); err != nil {
			t.Fatal(err)
		}
		kind, body, err := readMessage(conn)
		if err != nil || kind != kindRefusal {
			t.Errorf("%s: %v %v", name, kind, err)
			continue
		}
		if r := must[*refusal](t)(decodeRefusal(body)); r.Code != test.answer {
			t.Errorf("%s: %+v", name, r)
		}
	}
	for _, sent := range [][]byte{{kindJoin, 0xff, 0xff}, {}, good.Bytes()[:2], good.Bytes()[:good.Len()-1]} {
		conn := o.raw(t)
		if _, err := conn.Write(sent); err != nil {
			t.Fatal(err)
		}
		conn.CloseWrite()
		if rest, err := io.ReadAll(conn); len(rest) != 0 || err != nil {
			t.Errorf("%d bytes were answered by %x, %v", len(sent), rest, err)
		}
	}
	if has := len(must[*Listing](t)(o.authority.List(t.Context())).Certificates); has != 1 {
		t.Errorf("%d certificates", has)
	}
	// Who repeats the request of another gets a certificate that is of no use without the key, and takes no use of the token.
	for range 3 {
		conn := o.raw(t)
		if _, err := conn.Write(good.Bytes()); err != nil {
			t.Fatal(err)
		}
		if kind, _, err := readMessage(conn); err != nil || kind != kindGrant {
			t.Fatal(kind, err)
		}
	}
	listing := must[*Listing](t)(o.authority.List(t.Context()))
	if len(listing.Certificates) != 2 || listing.Tokens[0].Uses != 1 {
		t.Errorf("%d certificates, %d uses", len(listing.Certificates), listing.Tokens[0].Uses)
	}
	if s := o.Stats(); s.Malformed != 7 || s.Joined != 3 {
		t.Errorf("%+v", s)
	}
}

// TestOtherProtocols shows that the issuer answers its own protocol only, and a client nobody who is no issuer.
func TestOtherProtocols(t *testing.T) {
	o := newOffice(t)
	conn := must[net.Conn](t)(o.dial(t.Context(), string(o.address)))
	defer conn.Close()
	if err := tls.Client(conn, keytls.Client(nil, nil, "other/1")).Handshake(); err == nil {
		t.Error("another protocol was agreed on")
	}
	listener := must[net.Listener](t)(net.Listen("tcp", "127.0.0.1:0"))
	defer listener.Close()
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			_, _ = io.WriteString(conn, "HTTP/1.0 400 Bad Request\r\n\r\n")
			conn.Close()
		}
	}()
	c := o.client(2)
	_, err := c.Renew(t.Context(), o.member().Bundle, protocol.Address(listener.Addr().String()))
	oneLine(t, "a web server", err, ErrNoAnswer, "does not speak TLS")
}

// pipe returns the ends of a connection in memory, both with their handshake done, the client's without a key.
func pipe(t *testing.T, key identity.PrivateKey) (client, server *tls.Conn) {
	t.Helper()
	a, b := net.Pipe()
	certificate := must[tls.Certificate](t)(keytls.Certificate(key))
	client, server = tls.Client(a, keytls.Client(nil, nil, Protocol)), tls.Server(b, keytls.Server(certificate, true, Protocol))
	done := make(chan error)
	go func() { done <- server.Handshake() }()
	if err := errors.Join(client.Handshake(), <-done); err != nil {
		t.Fatal(err)
	}
	return client, server
}

// TestSlowClients connects and then says nothing, reads nothing, or sends a byte now and then: all are cut off in time.
func TestSlowClients(t *testing.T) {
	o := newOffice(t)
	for name, behave := range map[string]func(*tls.Conn){
		"silent": func(c *tls.Conn) { _, _, _ = readMessage(c) },
		"deaf":   func(c *tls.Conn) {},
		"dripping": func(c *tls.Conn) {
			_, _, _ = readMessage(c)
			for _, b := range []byte{kindJoin, 1, 0, 1, 1, 1, 1, 1, 1, 1} {
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(time.Second)
			}
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			issuer := NewIssuer(IssuerConfig{Authority: o.authority, Chain: o.chain})
			client, server := pipe(t, o.member().Key)
			started := time.Now()
			done := make(chan struct{})
			go func() { behave(client); close(done) }()
			issuer.Serve(t.Context(), server)
			if took := time.Since(started); took != ExchangeTimeout || issuer.Stats().Cut != 1 {
				t.Errorf("%s: %v, %+v", name, took, issuer.Stats())
			}
			client.NetConn().Close()
			<-done
		})
	}
}

// TestConnectionsInFlight holds as many connections as are answered at a time: one more is cut off at once, and when they are done there is room again.
func TestConnectionsInFlight(t *testing.T) {
	o := newOffice(t)
	synctest.Test(t, func(t *testing.T) {
		issuer := NewIssuer(IssuerConfig{Authority: o.authority, Chain: o.chain, Now: time.Now})
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan struct{})
		for range InFlightMax {
			_, server := pipe(t, o.member().Key)
			go func() { issuer.Serve(ctx, server); done <- struct{}{} }()
		}
		synctest.Wait()
		client, server := pipe(t, o.member().Key)
		issuer.Serve(ctx, server)
		if _, err := client.Read(make([]byte, 1)); err == nil || issuer.Stats().Busy != 1 {
			t.Errorf("%v, %+v", err, issuer.Stats())
		}
		cancel()
		for range InFlightMax {
			<-done
		}
		_, server = pipe(t, o.member().Key)
		issuer.Serve(ctx, server)
		if s := issuer.Stats(); s.Busy != 1 || s.Connections != InFlightMax+2 {
			t.Errorf("%+v", s)
		}
	})
}

// TestAddressesAreLimited connects more often than one address may: what is too much is closed before anything is said.
func TestAddressesAreLimited(t *testing.T) {
	o := newOffice(t)
	c := o.client(2)
	c.Dial = nil
	for range AddressBurst {
		_, err := c.Renew(t.Context(), o.member().Bundle, o.address)
		oneLine(t, "within the burst", err, ErrProof)
	}
	conn := must[net.Conn](t)(net.Dial("tcp", string(o.address)))
	defer conn.Close()
	if err := conn.SetReadDeadline(time.Now().Add(time.Minute)); err != nil {
		t.Fatal(err)
	}
	if n, err := conn.Read(make([]byte, 1)); n != 0 || err == nil || errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("%d bytes, %v", n, err)
	}
	_, err := c.Renew(t.Context(), o.member().Bundle, o.address)
	oneLine(t, "too much", err, ErrNoAnswer)
	if s := o.Stats(); s.Limited != 2 || s.Refused != AddressBurst || s.Connections != AddressBurst+2 || s.Cut != 0 {
		t.Errorf("%+v", s)
	}
}

// TestBusyIssuersSaySo connects more often than one address may to an issuer whose port is shared, so that the handshake is done when it is asked.
func TestBusyIssuersSaySo(t *testing.T) {
	o := newOffice(t)
	synctest.Test(t, func(t *testing.T) {
		issuer := NewIssuer(IssuerConfig{Authority: o.authority, Chain: o.chain, Now: o.clock.now})
		for n := range AddressBurst + 1 {
			client, server := pipe(t, o.member().Key)
			done := make(chan struct{})
			go func() { issuer.Serve(t.Context(), server); close(done) }()
			kind, body, err := readMessage(client)
			if want := n < AddressBurst; err != nil || (kind == kindHello) != want {
				t.Errorf("connection %d: %d, %v", n, kind, err)
			} else if !want {
				oneLine(t, "busy", &RefusalError{Code: must[*refusal](t)(decodeRefusal(body)).Code}, ErrBusy)
			}
			client.NetConn().Close()
			<-done
		}
		if s := issuer.Stats(); s.Limited != 1 || s.Connections != AddressBurst+1 {
			t.Errorf("%+v", s)
		}
	})
}

// pipes is a listener of connections in memory.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if conn, open := <-p; open {
		return conn, nil
	}
	return nil, net.ErrClosed
}

func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.UnixAddr{} }

// TestHandshakeCounts is slow with its handshake, and silent after it: all is over within one ExchangeTimeout.
func TestHandshakeCounts(t *testing.T) {
	o := newOffice(t)
	synctest.Test(t, func(t *testing.T) {
		issuer := NewIssuer(IssuerConfig{Authority: o.authority, Chain: o.chain, Now: o.clock.now})
		listener := make(pipes)
		done := make(chan error, 1)
		go func() { done <- issuer.ServeListener(t.Context(), listener, o.member().Key) }()
		a, b := net.Pipe()
		started := time.Now()
		listener <- b
		time.Sleep(ExchangeTimeout / 2)
		client := tls.Client(a, keytls.Client(nil, nil, Protocol))
		if kind, _, err := readMessage(client); err != nil || kind != kindHello {
			t.Errorf("%d, %v", kind, err)
		}
		if _, err := client.Read(make([]byte, 1)); err == nil {
			t.Error("something was answered")
		}
		took := time.Since(started)
		synctest.Wait() // the connection is closed before it is counted
		if took != ExchangeTimeout || issuer.Stats().Cut != 1 {
			t.Errorf("%v, %+v", took, issuer.Stats())
		}
		a.Close()
		close(listener)
		if err := <-done; !errors.Is(err, net.ErrClosed) {
			t.Error(err)
		}
	})
}

// TestIssuersThatDoNotAnswer lets a client meet one that accepts and is silent.
func TestIssuersThatDoNotAnswer(t *testing.T) {
	o := newOffice(t)
	synctest.Test(t, func(t *testing.T) {
		c := &Client{Key: o.member().Key, Now: o.clock.now, Dial: func(context.Context, string) (net.Conn, error) {
			a, b := net.Pipe()
			go func() { _, _ = io.Copy(io.Discard, b) }()
			return a, nil
		}}
		started := time.Now()
		_, err := c.Renew(t.Context(), o.member().Bundle, "a:1", "b:2")
		oneLine(t, "silence", err, ErrNoAnswer, "at a:1: not within 5s")
		if took := time.Since(started); took != 2*ExchangeTimeout {
			t.Errorf("after %v", took)
		}
		token := &identity.Token{ID: identity.TokenID{1}, Addresses: []protocol.Address{"a:1"}}
		started = time.Now()
		_, err = c.Join(t.Context(), token, "/lab/a2", 2)
		if took := time.Since(started); !errors.Is(err, ErrNoAnswer) || took < RoundsMax*ExchangeTimeout || took > RoundsMax*ExchangeTimeout+3*RoundPause {
			t.Errorf("%v after %v", err, took)
		}
	})
}

func TestLimiter(t *testing.T) {
	l := &limiter{}
	now := time.Unix(1000, 0)
	from := func(text string) net.Addr { return must[*net.TCPAddr](t)(net.ResolveTCPAddr("tcp", text)) }
	admit := func(address string, want verdict) {
		t.Helper()
		if got := l.admit(from(address), now); got != want {
			t.Errorf("%s: %v, want %v", address, got, want)
		}
	}
	for range AddressBurst {
		admit("10.0.0.1:1000", admitted)
	}
	admit("10.0.0.1:1001", limited)
	admit("[::ffff:10.0.0.1]:1001", limited)
	admit("10.0.0.2:1000", admitted)
	now = now.Add(time.Second / AddressRate)
	admit("10.0.0.1:1001", admitted)
	admit("10.0.0.1:1001", limited)
	now = now.Add(-time.Hour) // a clock that is set back takes nothing away
	admit("10.0.0.1:1001", limited)

	// Addresses of one IPv6 network are one, and so are all that are none.
	for i := range AddressBurst {
		admit(fmt.Sprintf("[2001:db8::%d]:1", i), admitted)
	}
	admit("[2001:db8::99]:1", limited)
	admit("[2001:db8:0:1::99]:1", admitted)
	for range AddressBurst {
		if l.admit(nil, now) != admitted {
			t.Error("no address")
		}
	}
	if l.admit(&net.UnixAddr{}, now) != limited {
		t.Error("another that is none")
	}
}

func TestLimiterForgets(t *testing.T) {
	l := &limiter{}
	now := time.Unix(1000, 0)
	address := func(i int) net.Addr { return &net.TCPAddr{IP: net.IPv4(10, byte(i>>16), byte(i>>8), byte(i)), Port: 1} }
	for i := range AddressesTracked {
		if l.admit(address(i), now) != admitted {
			t.Fatal(i)
		}
	}
	if l.admit(address(AddressesTracked), now) != crowded {
		t.Error("more addresses than the limit are told apart")
	}
	if l.admit(address(0), now) != admitted {
		t.Error("one that is known is turned away")
	}
	now = now.Add(time.Second)
	if l.admit(address(AddressesTracked), now) != admitted || len(l.buckets) != 1 {
		t.Errorf("%d addresses are remembered", len(l.buckets))
	}
}
