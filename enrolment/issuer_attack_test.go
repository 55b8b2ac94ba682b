package enrolment

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"spinglass/identity"
	"spinglass/internal/keytls"
	"spinglass/protocol"
)

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
