package astrolabe_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"testing"
	"time"

	"spinglass/astrolabe"
	"spinglass/identity"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/table"
)

// trickster is a representative that changes the rows that it makes, and signs them as they are then.
type trickster struct {
	protocol.Machine
	f     *fleet
	i     int
	trick *trick
}

// trick is what it does.
type trick struct {
	zone    string                    // of which it makes rows
	change  func(row *table.Row) bool // changes a row that it is about to hand on, and depends on nothing else; false leaves it
	answers func(p *astrolabe.AccountPiece) bool
	asked   func(q *astrolabe.AccountQuestion)
	from    uint64        // sequence of the first row that is changed
	told    protocol.Time // when the first one was handed on
}

func (l trickster) Timeout(now protocol.Time, out *protocol.Output) {
	l.do(now, out, func() { l.Machine.Timeout(now, out) })
}

func (l trickster) Receive(now protocol.Time, from protocol.NodeID, m protocol.Message, out *protocol.Output) {
	if q, ok := m.(*astrolabe.AccountQuestion); ok && l.trick.asked != nil {
		changed := *q
		l.trick.asked(&changed)
		m = &changed
	}
	l.do(now, out, func() { l.Machine.Receive(now, from, m, out) })
}

func (l trickster) do(now protocol.Time, out *protocol.Output, do func()) {
	mark := len(out.Effects)
	do()
	for i := mark; i < len(out.Effects); i++ {
		switch m := out.Effects[i].Message.(type) {
		case *astrolabe.Delta:
			out.Effects[i].Message = l.delta(now, m)
		case *astrolabe.AccountPiece:
			p := *m
			if l.trick.answers == nil || l.trick.answers(&p) {
				out.Effects[i].Message = &p
			} else {
				p.Digest = [astrolabe.DigestSize]byte{} // which nobody has asked for
				out.Effects[i].Message = &p
			}
		}
	}
}

func (l trickster) delta(now protocol.Time, d *astrolabe.Delta) *astrolabe.Delta {
	changed := *d
	changed.Rows = nil
	for _, u := range d.Rows {
		if row := *u.Row; row.Owner == l.f.ids[l.i] && row.Name == l.trick.zone && !row.Left && row.Sequence >= l.trick.from && l.trick.from > 0 {
			row.Attributes = append([]protocol.Attribute(nil), row.Attributes...)
			if l.trick.change(&row) {
				l.f.resign(l.i, &row)
				u.Row = &row
				if l.trick.told == 0 {
					l.trick.told = now
				}
			}
		}
		changed.Rows = append(changed.Rows, u)
	}
	return &changed
}

// resign signs a row that was changed.
func (f *fleet) resign(i int, row *table.Row) {
	notary := identity.NewNotaryOf(f.publicKey(i), func(v *protocol.Sign) []byte { return f.world.SignNow(f.ids[i], v) }, nil)
	s := astrolabe.StatementOf(row)
	notary.Sign(&s)
	row.Signature = s.Signature[:]
}

// set gives a row another value of an attribute that it has.
func set(row *table.Row, name string, value table.Value) bool {
	for i := range row.Attributes {
		if row.Attributes[i].Name == name {
			row.Attributes[i].Value, _ = value.Encode()
			return true
		}
	}
	return false
}

// madeUp returns a digest of nothing, which is always the same for a row.
func madeUp(row *table.Row) (d [astrolabe.DigestSize]byte) {
	sum := sha256.Sum256(fmt.Append(nil, row.Epoch, row.Sequence))
	copy(d[:], sum[:])
	return d
}

// verdict is what was found about a representative.
type verdict struct {
	proofs      []protocol.Time
	unaccounted map[protocol.Reason][]protocol.Time
	others      []string // findings about anybody else, and proofs that do not hold
}

// findings collects what members find about one of them.
func (f *fleet) findings(about protocol.NodeID) *verdict {
	v := &verdict{unaccounted: make(map[protocol.Reason][]protocol.Time)}
	f.world.Observe(func(now protocol.Time, by protocol.NodeID, e protocol.Event) {
		if by == about {
			return // it believes in what it has made of its rows before they were changed
		}
		switch e := e.(type) {
		case identity.FalseStatement:
			s, err := astrolabe.Judge{}.Accused(e.Proof)
			key := identity.PublicKey(f.world.PublicKey(e.Peer))
			if err = errors.Join(err, astrolabe.Judge{}.Convicts(e.Proof)); err != nil || e.Peer != about || s.Author != key {
				v.others = append(v.others, fmt.Sprintf("at %v %v proves %v guilty: %v", now, by, e.Peer, err))
			}
			v.proofs = append(v.proofs, now)
		case astrolabe.Unaccounted:
			if e.Peer != about {
				v.others = append(v.others, fmt.Sprintf("at %v %v leaves out %v: %s", now, by, e.Peer, e.Reason))
			}
			v.unaccounted[e.Reason] = append(v.unaccounted[e.Reason], now)
		}
	})
	return v
}

const liarZone = "/eu/0"

// lying makes a fleet of sixty that sign their rows, of which a representative of /eu/0 does what a trick says, from a change of its zone on.
func lying(t *testing.T, seed uint64, t0 *trick, tune func(i int, tables *astrolabe.Config)) (f *fleet, liar int, v *verdict) {
	t0.zone = liarZone
	f = trickFleet(seed, nil, -1, tune) // who represents the zone is seen in a run without a liar
	liar = f.speaker(t)
	f = trickFleet(seed, t0, liar, tune)
	f.until(t, time.Minute, func() error { return f.counted(60) })
	f.world.Run(f.world.Now().Add(10 * time.Second))
	v = f.findings(f.ids[liar])
	return f, liar, v
}

// speaker forms a fleet, and returns who represents a zone then.
func (f *fleet) speaker(t *testing.T) int {
	f.until(t, time.Minute, func() error { return f.counted(60) })
	f.world.Run(f.world.Now().Add(10 * time.Second))
	for i := range 10 {
		if f.tables(i).Represents(liarZone) {
			return i
		}
	}
	t.Fatal("nobody represents the zone")
	return -1
}

func trickFleet(seed uint64, t0 *trick, liar int, tune func(i int, tables *astrolabe.Config)) *fleet {
	f := tunedTables(seed, tune)
	if t0 != nil {
		f.wrap = func(i int, n protocol.Machine) protocol.Machine {
			if i == liar {
				return trickster{n, f, i, t0}
			}
			return n
		}
	}
	return f
}

// begin has the liar lie from the next row on, for which there is a reason.
func (f *fleet) begin(t *testing.T, liar int, t0 *trick) {
	t0.from = f.tables(liar).Issued(liarZone) + 1
	f.load(t, (liar+1)%10, 5)
	f.until(t, 10*time.Second, func() error {
		if t0.told == 0 {
			return errors.New("the lie is not told")
		}
		return nil
	})
}

const round = astrolabe.RoundDefault

// What a representative signs that does not follow from the inputs that it names is proven by a member of its zone within three rounds, seeds 1 to 10; and nobody else is accused of anything. The
// control is a fleet that does not audit, where the lie stays.
func TestFalseSummariesAreProven(t *testing.T) {
	lies := map[string]func(row *table.Row) bool{
		"count":   func(row *table.Row) bool { return set(row, astrolabe.AttributeHosts, table.Int(1000)) },
		"outputs": func(row *table.Row) bool { return set(row, "most", table.Float(-1)) },
		"contact": func(row *table.Row) bool { return set(row, astrolabe.AttributeContacts, table.List()) },
		"flaps": func(row *table.Row) bool {
			return row.Sequence%2 == 0 && set(row, astrolabe.AttributeRowsIn, table.Int(9))
		},
	}
	for _, name := range []string{"count", "outputs", "contact", "flaps"} {
		for seed := range uint64(10) {
			if seed >= 3 && !full() {
				break
			}
			t0 := &trick{change: lies[name]}
			f, liar, v := lying(t, seed+1, t0, nil)
			if err := f.install(1, &astrolabe.Function{Name: "loads", Scope: "/", Version: 1, Expires: 3600, Program: loads}); err != nil {
				t.Fatal(err)
			}
			for i := range 10 {
				f.load(t, i, float64(i))
			}
			f.world.Run(f.world.Now().Add(10 * time.Second))
			for n := 0; t0.told == 0 && n < 3; n++ {
				t0.from = f.tables(liar).Issued(liarZone) + 1
				f.load(t, (liar+1)%10, float64(100+n))
				f.world.Run(f.world.Now().Add(3 * time.Second))
			}
			f.world.Run(f.world.Now().Add(5 * round))
			if t0.told == 0 || len(v.proofs) == 0 {
				t.Errorf("%s, seed %d: told at %v, and not proven", name, seed+1, t0.told)
				continue
			}
			took := v.proofs[0].Sub(t0.told)
			if took > 3*round || len(v.others) > 0 {
				t.Errorf("%s, seed %d: proven after %v; %v", name, seed+1, took, v.others)
			}
			t.Logf("%s, seed %d: proven after %v by %d members", name, seed+1, took, len(v.proofs))
		}
	}
}

func TestWithoutAuditsLiesStay(t *testing.T) {
	t0 := &trick{change: func(row *table.Row) bool { return set(row, astrolabe.AttributeHosts, table.Int(1000)) }}
	f, liar, v := lying(t, 1, t0, func(_ int, tables *astrolabe.Config) { tables.AuditsOff = true })
	f.begin(t, liar, t0)
	f.world.Run(f.world.Now().Add(20 * round))
	believed := 0
	for i := 10; i < 60; i++ {
		if f.tables(i).HostsInAllRows("/eu") >= 1000 || f.tables(i).Root().Hosts >= 1000 {
			believed++
		}
	}
	if len(v.proofs) > 0 || believed == 0 {
		t.Errorf("%d proofs, and %d believe the lie", len(v.proofs), believed)
	}
}

// Who names a digest of nothing is asked, and left out by whoever it tells other inputs, or nothing.
func TestMadeUpDigests(t *testing.T) {
	for _, c := range []struct {
		name    string
		silent  bool
		reason  protocol.Reason
		rounds  int
		members int
	}{{"tells other inputs", false, astrolabe.ReasonAccountFalse, 6, 1}, {"is silent", true, astrolabe.ReasonUnanswered, 45, 1}} {
		for seed := range uint64(3) {
			var honest, claimed [astrolabe.DigestSize]byte
			t0 := &trick{change: func(row *table.Row) bool {
				v, _ := row.Attribute(astrolabe.AttributeInputs)
				value, _ := table.DecodeValue(v)
				b, _ := value.Bytes()
				copy(honest[:], b)
				claimed = madeUp(row)
				set(row, astrolabe.AttributeHosts, table.Int(1000))
				return set(row, astrolabe.AttributeInputs, table.Bytes(claimed[:]))
			}}
			t0.asked = func(q *astrolabe.AccountQuestion) {
				if q.Digest == claimed {
					q.Digest = honest
				}
			}
			t0.answers = func(p *astrolabe.AccountPiece) bool {
				if p.Digest == honest {
					p.Digest = claimed
				}
				return !c.silent
			}
			f, liar, v := lying(t, seed+1, t0, nil)
			f.begin(t, liar, t0)
			f.world.Run(f.world.Now().Add(time.Duration(c.rounds+10) * round))
			found := v.unaccounted[c.reason]
			if len(found) == 0 || len(v.others) > 0 || len(v.proofs) > 0 {
				t.Errorf("who %s, seed %d: %v, %d proofs, %v", c.name, seed+1, v.unaccounted, len(v.proofs), v.others)
				continue
			}
			took := found[0].Sub(t0.told)
			if took > time.Duration(c.rounds)*round {
				t.Errorf("who %s, seed %d: found after %v", c.name, seed+1, took)
			}
			t.Logf("who %s, seed %d: found after %v, by %d members", c.name, seed+1, took, len(found))
		}
	}
}

// inventedHosts are the hosts that a member knows, one of them with another load and a later version, once it is to be so.
type inventedHosts struct {
	partialHosts
	ahead uint64
}

func (h inventedHosts) Len() int { return h.all().Len() }
func (h inventedHosts) Host(i int) membership.Host {
	host := h.all().Host(i)
	if host.Row.Owner == *h.hidden {
		row := *host.Row
		row.Sequence += h.ahead
		row.Attributes = nil
		host.Row = &row
	}
	return host
}

// A representative that makes up what a host says, under its version or a later one, is found by those who hold that host's row.
func TestMadeUpInputs(t *testing.T) {
	for _, ahead := range []uint64{0, 50} {
		victimID := protocol.NodeID(1)
		var f *fleet
		f = tunedTables(5, nil)
		liar := f.speaker(t)
		f = tunedTables(5, func(i int, tables *astrolabe.Config) {
			if i == liar {
				tables.Hosts = inventedHosts{partialHosts{f, i, &victimID}, ahead}
			}
		})
		f.until(t, time.Minute, func() error { return f.counted(60) })
		v := f.findings(f.ids[liar])
		victim := (liar + 1) % 10
		f.load(t, victim, 12)
		f.world.Run(f.world.Now().Add(20 * time.Second))
		if len(v.unaccounted) > 0 {
			t.Fatalf("before: %v", v.unaccounted)
		}
		victimID = f.ids[victim]
		f.load(t, (victim+1)%10, 13)
		start := f.world.Now()
		limit := time.Minute
		if ahead > 0 {
			limit = 12 * time.Minute
		}
		f.world.Run(f.world.Now().Add(limit))
		found := v.unaccounted[astrolabe.ReasonInputs]
		if len(found) == 0 || len(v.proofs) > 0 || len(v.others) > 0 {
			t.Errorf("%d ahead: %v, %d proofs, %v", ahead, v.unaccounted, len(v.proofs), v.others)
			continue
		}
		if took := found[0].Sub(start); took < 30*round {
			t.Errorf("%d ahead: found after %v, sooner than news may take", ahead, took)
		}
		t.Logf("%d ahead: found after %v by %d members", ahead, found[0].Sub(start), len(found))
	}
}

// partialHosts are the hosts that a member knows but one.
type partialHosts struct {
	f      *fleet
	i      int
	hidden *protocol.NodeID
}

func (h partialHosts) all() *membership.Machine { return h.f.node(h.i).members }
func (h partialHosts) indices() (all []int) {
	for i := range h.all().Len() {
		if h.all().Host(i).Row.Owner != *h.hidden {
			all = append(all, i)
		}
	}
	return all
}
func (h partialHosts) Len() int                                     { return len(h.indices()) }
func (h partialHosts) Host(i int) membership.Host                   { return h.all().Host(h.indices()[i]) }
func (h partialHosts) Own() *table.Row                              { return h.all().Own() }
func (h partialHosts) Missing(n protocol.Time, a time.Duration) int { return h.all().Missing(n, a) }
func (h partialHosts) Awake() (awake protocol.Time, held bool)      { return h.all().Awake() }

// A representative that leaves a host out of its summaries, and names the inputs that it is left with, is found by that host.
func TestWhoIsLeftOutSaysSo(t *testing.T) {
	for seed := range uint64(3) {
		hidden := protocol.NodeID(1)
		liar := -1
		var f *fleet
		tune := func(i int, tables *astrolabe.Config) {
			if i == liar {
				tables.Hosts = partialHosts{f, i, &hidden}
			}
		}
		f = tunedTables(seed+1, nil)
		liar = f.speaker(t)
		f = tunedTables(seed+1, tune)
		f.until(t, time.Minute, func() error { return f.counted(60) })
		v := f.findings(f.ids[liar])
		victim := (liar + 1) % 10
		for f.tables(victim).Represents(liarZone) {
			victim = (victim + 1) % 10
		}
		f.world.Run(f.world.Now().Add(40 * time.Second))
		start := f.world.Now()
		hidden = f.ids[victim]
		f.load(t, (victim+1)%10, 77)
		f.world.Run(f.world.Now().Add(100 * time.Second))
		found := v.unaccounted[astrolabe.ReasonInputs]
		if len(found) == 0 || len(v.proofs) > 0 || len(v.others) > 0 {
			t.Errorf("seed %d: %v, %d proofs, %v", seed+1, v.unaccounted, len(v.proofs), v.others)
			continue
		}
		t.Logf("seed %d: found after %v, %d times", seed+1, found[0].Sub(start), len(found))
	}
}
