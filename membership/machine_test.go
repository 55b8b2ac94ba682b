package membership

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/table"
)

func config() Config {
	return Config{Self: 1, Name: "/lab/self", Addresses: []protocol.Address{"self"}, Rand: rand.New(rand.NewPCG(1, 2))}
}

// lone returns a member that has started at time 0 and is the first.
func lone(t testing.TB) *Machine {
	m, err := New(config())
	if err != nil {
		t.Fatal(err)
	}
	m.Start(0, new(protocol.Output))
	return m
}

func event[E protocol.Event](out *protocol.Output) (found []E) {
	for _, effect := range out.Effects {
		if e, ok := effect.Event.(E); ok {
			found = append(found, e)
		}
	}
	return found
}

func sent[M protocol.Message](out *protocol.Output) (found []M) {
	for _, effect := range out.Effects {
		if m, ok := effect.Message.(M); ok {
			found = append(found, m)
		}
	}
	return found
}

func peerRow(owner protocol.NodeID, sequence uint64) *table.Row {
	return &table.Row{Owner: owner, Epoch: 1, Sequence: sequence, Name: fmt.Sprintf("/lab/p%d", owner), Addresses: []protocol.Address{"a"}}
}

func versionOf(row *table.Row, heartbeat uint64) Evidence {
	return Evidence{Version: row.Version(heartbeat)}
}

// meet makes m know the peers with the given NodeIDs.
func meet(m *Machine, now protocol.Time, ids ...protocol.NodeID) {
	for _, id := range ids {
		row := peerRow(id, 1)
		m.Receive(now, id, &Delta{Evidence: versionOf(row, 1), Rows: []RowUpdate{{Row: row, Heartbeat: 1}}}, new(protocol.Output))
	}
}

// "epoch is a boot counter, made durable before its first use".
func TestNothingIsSentBeforeTheEpochIsDurable(t *testing.T) {
	c := config()
	c.Epoch, c.Durable, c.Seeds = 6, true, []protocol.Address{"seed"}
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	var out protocol.Output
	m.Start(0, &out)
	m.Receive(0, 2, &Probe{Evidence: ownEvidence}, &out)
	m.Timeout(protocol.Time(time.Hour), &out)
	if len(out.Effects) != 2 || out.Effects[1].Reason != ReasonNotStarted {
		t.Fatalf("effects before the epoch is durable: %+v", out.Effects)
	}
	persist := out.Effects[0].Work.(*protocol.Persist)
	if epoch, err := ParseEpoch(persist.Value); persist.Key != EpochKey || epoch != 7 || err != nil {
		t.Fatalf("persist %q = %q", persist.Key, persist.Value)
	}
	out.Reset()
	now := protocol.Time(time.Hour)
	m.Notify(now, protocol.Persisted{Number: persist.Number, Key: EpochKey, Err: errors.New("disk full")}, &out)
	if failed := event[EpochNotStored](&out); len(failed) != 1 || len(sent[*Digest](&out)) != 0 {
		t.Fatalf("a failed write led to %+v", out.Effects)
	}
	now = now.Add(storeRetry)
	m.Timeout(now, &out)
	out.Reset()
	m.Notify(now, protocol.Persisted{Number: persist.Number, Key: EpochKey}, &out)
	if digests := sent[*Digest](&out); len(digests) != 1 || digests[0].Evidence.Epoch != 7 {
		t.Fatalf("a durable epoch led to %+v", out.Effects)
	}
}

func TestParseEpoch(t *testing.T) {
	for text, want := range map[string]uint64{"": 0, "1": 1, "281474976710655": 1<<48 - 1} {
		if got, err := ParseEpoch([]byte(text)); got != want || err != nil {
			t.Errorf("%q: %d, %v", text, got, err)
		}
	}
	for _, text := range []string{"x", "-1", "281474976710656", "99999999999999999999"} {
		if _, err := ParseEpoch([]byte(text)); err == nil {
			t.Errorf("%q is accepted", text)
		}
	}
}

// "Only a member's own fresh heartbeat proves it alive; only silence makes it dead. No third party can declare a member dead".
func TestClaimsAreNoEvidence(t *testing.T) {
	m := lone(t)
	meet(m, 0, 2, 3)
	before := m.table.Get(3).Advanced()
	now := protocol.Time(100 * time.Millisecond)
	held := table.Digest{Last: 1 << 63, Claims: []table.Claim{claim(3, 1000)}}
	var out protocol.Output
	m.Receive(now, 2, &Digest{Evidence: versionOf(peerRow(2, 1), 2), Held: held}, &out)
	if e := m.table.Get(3); e.Version().Heartbeat != 1 || e.Advanced() != before {
		t.Error("a digest advanced the heartbeat of a third member")
	}
	if deltas := sent[*Delta](&out); len(deltas) != 1 || len(deltas[0].WantBeats) != 1 || deltas[0].WantBeats[0] != 3 {
		t.Errorf("the claim was not followed up: %+v", out.Effects)
	}
	if m.table.Get(2).Version().Heartbeat != 2 {
		t.Error("the sender's own heartbeat was not taken")
	}
}

func TestSetAttribute(t *testing.T) {
	m := lone(t)
	meet(m, 0, 2, 3)
	var out protocol.Output
	m.Timeout(0, &out)
	out.Reset()
	now := protocol.Time(50 * time.Millisecond)
	set := func(name string, value []byte) error {
		return m.SetAttribute(now, protocol.Attribute{Name: name, Value: value}, &out)
	}
	value := []byte{1, 2, 3}
	if err := set("load", value); err != nil || m.Deadline() > now {
		t.Fatalf("%v, deadline %v", err, m.Deadline())
	}
	value[0] = 9
	sequence := m.own.Version().Sequence
	if err := set("load", []byte{1, 2, 3}); err != nil || m.own.Version().Sequence != sequence {
		t.Errorf("setting the same value: %v, sequence %d after %d", err, m.own.Version().Sequence, sequence)
	}
	if got := m.Self().Attribute("load"); string(got) != "\x01\x02\x03" {
		t.Errorf("value %x: not copied", got)
	}
	m.Timeout(now, &out)
	deltas := sent[*Delta](&out)
	if len(deltas) != 1 || !deltas[0].Rumour || deltas[0].Rows[0].Row.Sequence != sequence {
		t.Errorf("the new row was not pushed at once: %+v", out.Effects)
	}
	var full *table.RowTooLargeError
	if err := set("big", make([]byte, 2000)); !errors.As(err, &full) || !errors.Is(err, table.ErrRowFull) || full.Limit != table.RowSizeDefault || full.Size < 2000 {
		t.Errorf("a row that is too large: %v", err)
	}
	if err := set(strings.Repeat("n", table.AttributeNameMax+1), nil); !errors.Is(err, ErrAttributeName) {
		t.Errorf("a long name: %v", err)
	}
	if err := set("load", nil); err != nil || m.Self().Attribute("load") != nil {
		t.Errorf("taking it away: %v", err)
	}
	out.Reset()
	m.Notify(now, protocol.SetAttribute{Attribute: protocol.Attribute{Name: "big", Value: make([]byte, 2000)}}, &out)
	if refused := event[protocol.AttributeRefused](&out); len(refused) != 1 || refused[0].Name != "big" {
		t.Errorf("a sibling was not told: %+v", out.Effects)
	}
	m.Leave(now, &out)
	if err := set("load", value); !errors.Is(err, ErrLeft) {
		t.Errorf("after leaving: %v", err)
	}
}

// PeerUp carries all that is known of the peer.
func TestPeerUpIsComplete(t *testing.T) {
	m := lone(t)
	row := peerRow(2, 1)
	row.Attributes = []protocol.Attribute{{Name: "topics", Value: []byte("12345678")}}
	row.Name = "/eu/fra/web"
	var out protocol.Output
	m.Receive(5, 2, &Delta{Evidence: versionOf(row, 1), Rows: []RowUpdate{{Row: row, Heartbeat: 1}}}, &out)
	ups := event[protocol.PeerUp](&out)
	if len(ups) != 1 {
		t.Fatalf("%+v", out.Effects)
	}
	p := ups[0].Peer
	if p.ID != 2 || p.Name != row.Name || p.Distance != 1 || string(p.Attribute("topics")) != "12345678" || p.Addresses[0] != "a" || p.Epoch != 1 {
		t.Errorf("%+v", p)
	}
}

func TestDistance(t *testing.T) {
	for _, c := range []struct {
		own, other string
		want       int
	}{
		{"/a/b/m1", "/a/b/m2", 0}, {"/a/b/m1", "/a/c/m2", 1}, {"/a/b/m1", "/c/m2", 2}, {"/a/b/m1", "/a/m2", 1},
		{"/m1", "/m2", 0}, {"/m1", "/a/m2", 0}, {"/a/m1", "/ab/m2", 1}, {"/a/m1", "/m2", 1},
	} {
		if got := distance(c.own, c.other); got != c.want {
			t.Errorf("%s to %s: %d, not %d", c.own, c.other, got, c.want)
		}
	}
}

// RTT is measured by the echo of the own time, and neither an invented echo nor an own pause enters it.
func TestRoundTrip(t *testing.T) {
	m := lone(t)
	meet(m, 0, 2)
	var out protocol.Output
	evidence := versionOf(peerRow(2, 1), 1)
	m.Receive(protocol.Time(30*time.Millisecond), 2, &ProbeReply{Echo: uint64(10 * time.Millisecond), Evidence: evidence}, &out)
	if changed := event[protocol.PeerChanged](&out); len(changed) != 1 || changed[0].Peer.RoundTrip != 20*time.Millisecond {
		t.Fatalf("%+v", out.Effects)
	}
	m.Receive(protocol.Time(30*time.Millisecond), 2, &ProbeReply{Echo: 1 << 62, Evidence: evidence}, &out)
	m.Timeout(protocol.Time(5*time.Second), &out) // a pause
	m.Receive(protocol.Time(5*time.Second), 2, &ProbeReply{Echo: uint64(40 * time.Millisecond), Evidence: evidence}, &out)
	if got := m.table.Get(2).State.roundTrip; got != 20*time.Millisecond {
		t.Errorf("round trip %v", got)
	}
}

// The answers of one round, to whomever, stay within their bound; a stranger gets one datagram for its own.
func TestAnswersAreBounded(t *testing.T) {
	m := lone(t)
	for id := protocol.NodeID(2); id < 120; id++ {
		row := peerRow(id, 1)
		row.Attributes = []protocol.Attribute{{Name: "fat", Value: make([]byte, 600)}}
		m.Receive(0, id, &Delta{Evidence: versionOf(row, 1), Rows: []RowUpdate{{Row: row, Heartbeat: 1}}}, new(protocol.Output))
	}
	ask := &Digest{Evidence: versionOf(peerRow(5, 1), 1), Held: table.Digest{Last: 1<<64 - 1}}
	var out protocol.Output
	m.Receive(1, 9999, ask, &out)
	if n := len(sent[*Delta](&out)); n != answerDatagramsStranger {
		t.Errorf("a stranger got %d datagrams", n)
	}
	bytes := 0
	for range 200 {
		m.Receive(1, 5, ask, &out)
	}
	for _, delta := range sent[*Delta](&out) {
		if delta.Size() > m.config.payload() {
			t.Fatalf("a delta of %d bytes", delta.Size())
		}
		bytes += delta.Size()
	}
	if bytes > m.config.AnswerBytes+m.config.DatagramSize || bytes < m.config.AnswerBytes/2 || m.Stats().AnswersOverBudget == 0 {
		t.Errorf("%d bytes of answers in a round, %d refused", bytes, m.Stats().AnswersOverBudget)
	}
}

func TestConfigIsChecked(t *testing.T) {
	for name, change := range map[string]func(*Config){
		"no id":          func(c *Config) { c.Self = 0 },
		"no randomness":  func(c *Config) { c.Rand = nil },
		"bad name":       func(c *Config) { c.Name = "web" },
		"epoch":          func(c *Config) { c.Epoch = table.EpochMax },
		"row limit":      func(c *Config) { c.RowLimit = 5000 },
		"own row":        func(c *Config) { c.RowLimit = 20 },
		"zone limit":     func(c *Config) { c.ZoneLimit = ZoneLimitMax + 1 },
		"fanout":         func(c *Config) { c.Fanout = FanoutMax + 1 },
		"beat":           func(c *Config) { c.Beat = time.Millisecond },
		"datagram":       func(c *Config) { c.DatagramSize = 100 },
		"digest":         func(c *Config) { c.DigestBytes = 10 },
		"join addresses": func(c *Config) { c.Seeds = make([]protocol.Address, SeedsMax+1) },
	} {
		c := config()
		change(&c)
		if _, err := New(c); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

// "T_fail <= 10 s" for every zone up to 1024 members, and the figures that the documentation states.
func TestFailTimeout(t *testing.T) {
	c := config().withDefaults()
	for n := 1; n <= 1024; n++ {
		if d := c.failTimeout(n); d > 10*time.Second || n > 1 && d < c.failTimeout(n-1)-time.Millisecond {
			t.Fatalf("%d members: %v", n, d)
		}
	}
	for n, want := range map[int]float64{2: 3.7, 100: 5.4, 1024: 9.8} {
		if got := c.failTimeout(n).Seconds(); got < want-0.05 || got > want+0.05 {
			t.Errorf("%d members: %.2f s", n, got)
		}
	}
	if c.MemoryOfDead < MemoryTimeouts*c.failTimeout(c.ZoneLimit) {
		t.Errorf("memory of the dead %v", c.MemoryOfDead)
	}
}

// "stretches its timeouts": awake time stands still while the member is late.
func TestAwakeTime(t *testing.T) {
	ms := func(n int) protocol.Time { return protocol.Time(n) * protocol.Time(time.Millisecond) }
	a := awake{due: ms(200)}
	a.observe(ms(150))
	a.observe(ms(5000)) // the round is due at 200 and not served
	if a.time != ms(200) {
		t.Fatalf("awake %v", a.time)
	}
	if late := a.serve(ms(5000), ms(5200)); late != 4800*time.Millisecond {
		t.Errorf("late %v", late)
	}
	a.observe(ms(5100))
	if a.time != ms(300) {
		t.Errorf("awake %v", a.time)
	}
	if late := a.serve(ms(5200), ms(5400)); late != 0 || a.time != ms(400) {
		t.Errorf("late %v, awake %v", late, a.time)
	}
}

// The records of the vanished are bounded, and so is how often each is contacted.
func TestRecordsAreBounded(t *testing.T) {
	g := gone{limit: 3}
	for i := range protocol.NodeID(5) {
		g.put(record{row: peerRow(i+1, 1), since: protocol.Time(10 - i)}, protocol.Time(i))
	}
	if len(g.records) != 3 || g.dropped != 2 || g.due.Len() != 3 {
		t.Errorf("%d records, %d dropped, %d due", len(g.records), g.dropped, g.due.Len())
	}
	// Each time the one that vanished first has to go: first 3, then 4.
	if g.get(5) == nil || g.get(1) == nil {
		t.Errorf("records %+v", g.records)
	}
	last := time.Duration(0)
	for ago := time.Duration(0); ago < 24*time.Hour; ago += time.Second {
		after := contactAfter(ago)
		if after < last || after < contactMin || after > contactMax {
			t.Fatalf("%v after %v, %v before", after, ago, last)
		}
		last = after
	}
}

// A round of a steady fleet allocates no more than its messages.
func BenchmarkRound(b *testing.B) {
	for _, n := range []int{100, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			c := config()
			c.ZoneLimit = 1024
			m, _ := New(c)
			m.Start(0, new(protocol.Output))
			for id := 2; id <= n; id++ {
				meet(m, 0, protocol.NodeID(id)<<50)
			}
			var out protocol.Output
			now := m.Deadline()
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				out.Reset()
				m.digest(now)
				row := peerRow(protocol.NodeID(2+i%(n-1))<<50, 1)
				m.favours.begin()
				m.Receive(now, row.Owner, &Digest{Stamp: 1, Evidence: versionOf(row, uint64(i)), Held: m.digest(now).Held}, &out)
			}
		})
	}
}
