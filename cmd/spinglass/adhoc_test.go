package main

import (
	"bytes"
	"context"
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	"spinglass/adhoc/anonymous"
	"spinglass/adhoc/flood"
	"spinglass/live/adhoc"
	"spinglass/protocol"
)

func TestAdhocCheck(t *testing.T) {
	for _, c := range []struct {
		settings adhocSettings
		wrong    string
	}{
		{adhocSettings{device: "lo", group: "platoon", port: adhoc.PortDefault}, ""},
		{adhocSettings{group: "platoon", port: 1}, "--interface is missing"},
		{adhocSettings{device: "lo", port: 1}, "--group is missing"},
		{adhocSettings{device: "lo", group: "platoon"}, "--port: 0 is not in 1 to 65535"},
		{adhocSettings{device: "lo", group: "platoon", port: 65536}, "--port: 65536"},
		{adhocSettings{device: "lo", group: strings.Repeat("x", 300), port: 1}, "300"},
	} {
		err := c.settings.check()
		if c.wrong == "" && err != nil || c.wrong != "" && (err == nil || !strings.Contains(err.Error(), c.wrong)) {
			t.Errorf("%+v: %v, want %q", c.settings, err, c.wrong)
		}
	}
}

func TestAdhocGrants(t *testing.T) {
	if err := ofGrant(anonymous.ErrGrant, "platoon", "publish"); err == nil || err.Error() != "the certificate of this node has no grant publish:platoon" {
		t.Error(err)
	}
	other := errors.New("other")
	if ofGrant(other, "platoon", "publish") != other || ofGrant(nil, "platoon", "publish") != nil {
		t.Error("other errors do not pass")
	}
}

// printed returns what a printer makes of events, on standard output and on standard error.
func printed(t *testing.T, inJSON bool, room int, events ...protocol.Event) (stdout, stderr string, p *adhocPrinter) {
	t.Helper()
	c := anonymous.DefaultConfig()
	c.Self, c.Rand = 1, rand.New(rand.NewPCG(1, 1))
	c.Routing = flood.New(flood.Config{Self: 1, Rand: rand.New(rand.NewPCG(1, 2)), TTL: 1})
	var out, told bytes.Buffer
	p = &adhocPrinter{settings: &adhocSettings{group: "platoon", json: inJSON}, machine: anonymous.New(c), lines: make(chan any, room), stderr: &told, out: newOutput(&out)}
	for _, e := range events {
		p.take(e)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel() // it prints what there is before it looks whether it is to end
	if err := p.print(ctx); err != nil {
		t.Fatal(err)
	}
	if err := p.out.flush(); err != nil {
		t.Fatal(err)
	}
	return out.String(), told.String(), p
}

// Messages and gaps are printed as text and as objects, other events are not; payloads that are no text are in base64.
func TestAdhocPrints(t *testing.T) {
	events := []protocol.Event{
		anonymous.Delivery{Source: anonymous.Source{Node: 2, Epoch: 7}, Number: 3, Payload: []byte("over the hill")},
		anonymous.Walk{To: 2},
		anonymous.Delivery{Source: anonymous.Source{Node: 2, Epoch: 7}, Number: 4, Payload: []byte{0xff, 1}, Repaired: true},
		anonymous.Gap{Source: anonymous.Source{Node: 2, Epoch: 7}, First: 5, Last: 9, Count: 4, Reason: anonymous.GapExpired},
	}
	stdout, stderr, _ := printed(t, false, 10, events...)
	if stdout != "over the hill\n\xff\x01\n" || stderr != "gap: 4 messages from "+protocol.NodeID(2).String()+" are missing (5 to 9): expired\n" {
		t.Errorf("%q and %q", stdout, stderr)
	}
	stdout, stderr, _ = printed(t, true, 10, events...)
	from := `"group":"platoon","from":"` + protocol.NodeID(2).String() + `","epoch":7,`
	want := `{"type":"message",` + from + `"seq":3,"repaired":false,"payload":"over the hill"}` + "\n" +
		`{"type":"message",` + from + `"seq":4,"repaired":true,"payload_base64":"/wE="}` + "\n" +
		`{"type":"gap",` + from + `"first":5,"last":9,"count":4,"reason":"expired"}` + "\n"
	if stdout != want || stderr != "" {
		t.Errorf("%s and %q; want\n%s", stdout, stderr, want)
	}
}

// Lines for which there is no room are counted, and the machine does not wait for them.
func TestAdhocUnprinted(t *testing.T) {
	e := anonymous.Delivery{Source: anonymous.Source{Node: 2, Epoch: 7}, Number: 3, Payload: []byte("x")}
	stdout, _, p := printed(t, false, 2, e, e, e, e, e)
	if stdout != "x\nx\n" || p.unprinted != 3 {
		t.Errorf("%q, and %d unprinted", stdout, p.unprinted)
	}
}
