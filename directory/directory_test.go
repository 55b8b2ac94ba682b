package directory

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/topic"
)

// docs/TOPICS.md: "a new topic of a member that has published before: a round trip."
func TestTopicsAreLearned(t *testing.T) {
	w := newWorld(t, 3)
	reader, a, b := w.members[0], w.members[1], w.members[2]
	a.publish("grid/north/frequency")
	a.publish("grid/north/voltage")
	b.publish("market")
	w.run(time.Second)
	p := reader.want("grid/+/frequency")
	w.run(time.Second)
	w.expect(reader, p, "grid/north/frequency")
	w.run(time.Minute)
	b.publish("grid/south/frequency")
	b.publish("$grid/x/frequency")
	w.run(50 * time.Millisecond)
	w.expect(reader, p, "grid/north/frequency", "grid/south/frequency")
	a.publish("grid/south/frequency") // another publisher is no other topic
	reader.publish("grid/own/frequency")
	w.run(50 * time.Millisecond)
	w.expect(reader, p, "grid/north/frequency", "grid/own/frequency", "grid/south/frequency")
	if south := reader.Topics(p)[2]; len(south.Publishers) != 2 || south.Publishers[0].ID != 2 || south.Publishers[1].ID != 3 {
		t.Errorf("%+v", south)
	}
	reader.publish("grid/south/frequency")
	if south := reader.Topics(p)[2]; len(south.Publishers) != 3 || south.Publishers[0].ID != 1 {
		t.Errorf("%+v", south)
	}
	reader.Unwant(w.now, p, nil)
	if reader.found["grid/south/frequency"] || reader.found["grid/own/frequency"] {
		t.Errorf("%v is there without a pattern", reader.found)
	}
	if s := reader.Stats(); s.Entries != 0 || s.Wants != 0 || len(reader.list.of) != 0 {
		t.Errorf("%+v", s)
	}
}

// "who publishes for the first time is heard of in a second more"; without its call it would be at the next question.
func TestANewcomerIsHeardOf(t *testing.T) {
	for _, silent := range []bool{false, true} {
		w := newWorld(t, 2)
		reader, a := w.members[0], w.members[1]
		a.publish("old/a")
		p := reader.want("#")
		w.run(30 * time.Second)
		late := w.add()
		if silent {
			late.calls = len(callAfter)
		}
		late.publish("new/a")
		w.run(1100 * time.Millisecond)
		if known := len(reader.names(p)) == 2; known == silent {
			t.Errorf("silent %v: after a second %v is known", silent, reader.names(p))
		}
		w.run(75 * time.Second)
		w.expect(reader, p, "new/a", "old/a")
	}
}

// Subscriptions take a while until others know of them, more than a second in other zones.
func TestSubscriptionsThatPropagateSlowly(t *testing.T) {
	w := newWorld(t, 3)
	w.propagate = 4 * time.Second
	reader, a, b := w.members[0], w.members[1], w.members[2]
	a.publish("x/a")
	w.run(time.Minute)
	p := reader.want("x/+")
	w.run(8 * time.Second)
	w.expect(reader, p, "x/a")
	b.publish("x/b") // it does not hear the board before others know that it listens
	w.run(5 * time.Second)
	w.expect(reader, p, "x/a", "x/b")
}

// "A topic that is announced by nobody goes from a subscriber's list after 150 s; one to which a member has not published for 10 minutes is told as gone."
func TestTopicsEnd(t *testing.T) {
	w := newWorld(t, 3)
	reader, a, b := w.members[0], w.members[1], w.members[2]
	p := reader.want("x/#")
	a.publish("x/a")
	a.publish("x/both")
	b.publish("x/both")
	b.publish("x/b")
	w.run(time.Second)
	w.expect(reader, p, "x/a", "x/b", "x/both")
	a.kill()
	w.run(145 * time.Second)
	w.expect(reader, p, "x/a", "x/b", "x/both")
	w.run(80 * time.Second)
	w.expect(reader, p, "x/b", "x/both")
	if reader.found["x/a"] {
		t.Error("x/a is still there")
	}
	for range 8 {
		w.run(time.Minute)
		b.publish("x/b")
	}
	w.run(11 * time.Second)
	w.expect(reader, p, "x/b")
	if reader.found["x/both"] || b.Stats().Own != 1 {
		t.Errorf("x/both is still there: %+v", b.Stats())
	}
	b.publish("x/both")
	w.run(time.Second)
	w.expect(reader, p, "x/b", "x/both")
	w.run(11 * time.Minute)
	w.expect(reader, p)
	if len(b.subscribed) != 0 {
		t.Errorf("who publishes nothing and wants nothing is subscribed to %v", b.subscribed)
	}
}

// What a subscriber gets is in proportion to what matches, whatever there is besides.
func TestCostIsThatOfWhatMatches(t *testing.T) {
	cost := func(others int) int {
		w := newWorld(t, 41)
		for i, m := range w.members[1:] {
			for j := range others / 40 {
				m.publish(fmt.Sprintf("grid/%d/%d/voltage", i, j))
			}
			if i%4 == 0 {
				m.publish(fmt.Sprintf("grid/%d/0/frequency", i))
			}
		}
		p := w.members[0].want("grid/+/+/frequency")
		w.run(5 * time.Minute)
		if got := len(w.members[0].names(p)); got != 10 {
			t.Fatalf("%d topics", got)
		}
		return w.members[0].bytes
	}
	few, many := cost(40), cost(10_000)
	if many > few+few/10 {
		t.Errorf("%d bytes among 40 other topics, %d among 10000", few, many)
	}
	t.Logf("%d and %d bytes in 5 minutes", few, many)
}

// Members that all want the same ask for it hardly more often than one.
func TestFewAskForWhatManyWant(t *testing.T) {
	w := newWorld(t, 200)
	for _, m := range w.members {
		m.publish(fmt.Sprintf("x/%d", m.id))
		m.want("x/#")
	}
	w.run(5 * time.Minute)
	before := w.sent[topic.System]
	w.run(10 * time.Minute)
	for _, m := range w.members { // nothing of it ends
		m.publish(fmt.Sprintf("x/%d", m.id))
	}
	asked := w.sent[topic.System] - before
	if asked < 7 || asked > 30 {
		t.Errorf("%d questions in ten minutes", asked)
	}
	t.Logf("%d questions in ten minutes", asked)
	before = w.sent[topic.System]
	w.add().publish("x/new")
	w.run(900 * time.Millisecond)
	if told := w.sent[topic.System] - before; told < 2 || told > 12 {
		t.Errorf("%d messages when one calls", told)
	} else {
		t.Logf("%d messages when one calls", told)
	}
}

// "One changes only when it is a quarter beyond the next step, so that steady publishers announce nothing but their answers."
func TestRates(t *testing.T) {
	for value, want := range map[float64]Rate{0: 0, 1: 11, 1.3: 11, 1.5: 12, 2: 12, 1024: 21, 0.1: 8, 1e30: RateMax} {
		if got := rateOf(uint64(min(value, 1e15) * fraction)); got != want {
			t.Errorf("%v a second is rate %d (%v), want %d", value, got, got.PerSecond(), want)
		}
	}
	w := newWorld(t, 2)
	reader, a := w.members[0], w.members[1]
	p := reader.want("x")
	changes := 0
	last := Publisher{}
	at := func(pause time.Duration, lasting time.Duration) {
		for end := w.now.Add(lasting); w.now < end; w.run(pause) {
			a.publish("x")
			if found := reader.Topics(p); len(found) == 1 && found[0].Publishers[0] != last {
				last = found[0].Publishers[0]
				changes++
			}
		}
	}
	at(100*time.Millisecond, 30*time.Second)
	if last.Messages.PerSecond() != 8 || last.Bytes.PerSecond() != 1024 || changes > 2 {
		t.Errorf("%v messages and %v bytes a second, %d changes", last.Messages.PerSecond(), last.Bytes.PerSecond(), changes)
	}
	changes = 0
	for range 20 {
		at(100*time.Millisecond, 5*time.Second)
		at(70*time.Millisecond, 5*time.Second)
	}
	if changes > 2 {
		t.Errorf("%d changes of a rate that is about the same", changes)
	}
	at(10*time.Second, 8*time.Minute)
	if changes = 0; last.Messages.PerSecond() > 0.25 {
		t.Errorf("%v messages a second", last.Messages.PerSecond())
	}
	if at(30*time.Second, 20*time.Minute); changes > 4 {
		t.Errorf("%d changes of a slow rate", changes)
	}
}

func TestWhoMayNotPublishIsNotListed(t *testing.T) {
	w := newWorld(t, 2)
	p := w.members[0].want("x/+")
	w.members[1].forbidden = "x/a"
	w.members[1].publish("x/a")
	w.members[1].publish("x/b")
	w.run(time.Second)
	w.expect(w.members[0], p, "x/b")
	if s := w.members[0].Stats(); s.EntriesForbidden == 0 {
		t.Errorf("%+v", s)
	}
}

func TestPublishingThatIsRefusedIsTriedAgain(t *testing.T) {
	w := newWorld(t, 2)
	p := w.members[0].want("x/+")
	w.run(time.Second)
	w.members[1].publish("x/a")
	w.run(2 * time.Second)
	w.members[1].blocked = true
	w.members[1].publish("x/b")
	w.run(time.Second)
	w.expect(w.members[0], p, "x/a")
	w.members[1].blocked = false
	w.run(time.Second)
	w.expect(w.members[0], p, "x/a", "x/b")
	if s := w.members[1].Stats(); s.PublishRefused == 0 {
		t.Errorf("%+v", s)
	}
}

func TestAFullRow(t *testing.T) {
	w := newWorld(t, 2)
	reader, a := w.members[0], w.members[1]
	reader.full, a.full = true, true
	p, _ := topic.Parse("x/+")
	if err := reader.Want(w.now, p, nil); !errors.Is(err, errBlocked) || reader.Stats().Wants != 0 {
		t.Error(err, reader.Stats())
	}
	reader.full = false
	a.publish("x/a")
	p = reader.want("x/+")
	w.run(5 * time.Second)
	w.expect(reader, p)
	a.full = false
	w.run(12 * time.Second)
	w.expect(reader, p, "x/a")
	if a.Stats().ListenRefused != 1 {
		t.Errorf("%+v", a.Stats())
	}
}

func TestLimits(t *testing.T) {
	w := newWorld(t, 3)
	reader, a, b := w.members[0], w.members[1], w.members[2]
	a.publish("a") // so that it listens
	for i := range WantsMax {
		reader.want(fmt.Sprintf("w/%d/#", i))
	}
	p, _ := topic.Parse("one/more")
	if err := reader.Want(w.now, p, nil); !errors.Is(err, ErrWants) {
		t.Error(err)
	}
	system, _ := topic.Parse("$topics/#")
	if err := reader.Want(w.now, system, nil); !errors.Is(err, ErrSystem) {
		t.Error(err)
	}
	ask := func(teller protocol.NodeID, from, to int) {
		for i := from; i < to; i++ {
			p, _ := topic.Parse(fmt.Sprintf("p/%05d", i))
			a.Deliver(w.now, teller, topic.System, appendQuestion(nil, []ask{{pattern: p}}), nil)
		}
	}
	ask(9, 0, 2000)
	if s := a.Stats(); s.Board != BoardTellerMax || s.BoardRefused == 0 {
		t.Errorf("%+v", s)
	}
	ask(8, 2000, 4000)
	if s := a.Stats(); s.Board != BoardMax {
		t.Errorf("%+v", s)
	}
	w.run(4 * time.Minute)
	if s := a.Stats(); s.Board > WantsMax {
		t.Errorf("what nobody asks for stays: %+v", s)
	}
	for i := range OwnMax + 1 {
		b.publish(fmt.Sprintf("w/0/%d", i))
	}
	if s := b.Stats(); s.Own != OwnMax || s.OwnRefused != 1 {
		t.Errorf("%+v", s)
	}
	w.run(3 * time.Second)
	if s := reader.Stats(); s.Entries != EntriesPublisherMax || s.EntriesRefused == 0 {
		t.Errorf("%+v", s)
	}
	q, _ := topic.Parse("w/0/#")
	for author := protocol.NodeID(10); author < 20; author++ {
		for i := 0; i < EntriesPublisherMax; i += 1000 {
			var items []item
			for j := range 1000 {
				items = append(items, item{name: fmt.Sprintf("w/0/%06d", i+j)})
			}
			for len(w.members) < int(author) {
				w.add()
			}
			reader.Deliver(w.now, author, ChannelOf(q), appendAnnouncement(nil, q, items), nil)
		}
	}
	if s := reader.Stats(); s.Entries != EntriesMax || s.Malformed != 0 {
		t.Errorf("%+v", s)
	}
}

// Whoever asks for all the time does not have others announce without end.
func TestAnswersHaveABudget(t *testing.T) {
	w := newWorld(t, 2)
	a := w.members[0]
	for i := range 10_000 {
		a.publish(fmt.Sprintf("x/%d", i))
	}
	bytes := 0
	w.members[1].subscribed[topic.System] = 0
	for i := range 100 {
		p, _ := topic.Parse(fmt.Sprintf("%s#", []string{"", "x/", "+/"}[i%3]))
		a.Deliver(w.now, 9, topic.System, appendQuestion(nil, []ask{{pattern: p}}), nil)
		w.members[1].subscribed[ChannelOf(p)] = 0
		w.run(500 * time.Millisecond)
	}
	bytes = w.members[1].bytes
	// Besides answers there are announcements of rates that sink. Without a limit it would be 100 answers of 90 kB.
	if most := 50*answerBytes + 1_000_000; bytes > most || bytes < most/2 {
		t.Errorf("%d bytes of answers in 50 s, at most %d", bytes, most)
	}
	if a.Stats().AnswersDelayed == 0 {
		t.Errorf("%+v", a.Stats())
	}
}

// A member that calls for the board again and again has it told as often as a newcomer needs it, and takes nothing from others: neither their calls nor, however many do so, more than so many in a minute.
func TestCallsAreBounded(t *testing.T) {
	w := newWorld(t, 1)
	a := w.members[0]
	a.publish("x")
	w.run(20 * time.Second)
	a.Deliver(w.now, 8, topic.System, appendQuestion(nil, []ask{{pattern: mustParse(t, "#")}}), nil)
	w.run(time.Second)
	flood := func(caller protocol.NodeID, calls int) uint64 {
		before := a.Stats().QuestionsSent
		for range calls {
			a.Deliver(w.now, caller, topic.System, []byte{messageCall}, nil)
			w.run(700 * time.Millisecond)
		}
		return a.Stats().QuestionsSent - before
	}
	if told := flood(9, 30); told != callsTellerMax {
		t.Errorf("the board was told %d times to who called 30 times", told)
	}
	if told := flood(10, 1); told != 1 {
		t.Errorf("the board was told %d times to another member", told)
	}
	if s := a.Stats(); s.CallsRefused != 30-callsTellerMax {
		t.Errorf("%d calls were refused", s.CallsRefused)
	}
	a.Deliver(w.now, 8, topic.System, appendQuestion(nil, []ask{{pattern: mustParse(t, "#")}}), nil)
	w.run(callsWindow + window)
	if told := flood(9, 1); told != 1 {
		t.Errorf("a minute later the board was told %d times", told)
	}
	for id := range protocol.NodeID(2 * callersMax) {
		a.Deliver(w.now, 100+id, topic.System, []byte{messageCall}, nil)
	}
	if len(a.callers) > callersMax {
		t.Errorf("%d callers are remembered", len(a.callers))
	}
}

func mustParse(t *testing.T, text string) topic.Pattern {
	t.Helper()
	p, err := topic.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// What is not for this member, or nonsense, changes nothing.
func TestWhatIsNoMessage(t *testing.T) {
	w := newWorld(t, 2)
	reader := w.members[0]
	p := reader.want("x/+")
	q, _ := topic.Parse("y/+")
	good := appendAnnouncement(nil, p, []item{{name: "x/a"}})
	for i, c := range []struct {
		channel   string
		payload   []byte
		malformed uint64
	}{
		{topic.System, nil, 1}, {topic.System, []byte{3}, 1}, {topic.System, []byte{messageCall, 0}, 1}, {topic.System, []byte{messageQuestion, 9}, 1},
		{topic.System, appendQuestion(nil, []ask{{pattern: p}, {pattern: p}}), 1},
		{channelName((channelOf(p) + 1) % channels), good, 1},
		{ChannelOf(p), good[:len(good)-1], 1},
		{ChannelOf(p), appendAnnouncement(nil, p, []item{{name: "y/a"}}), 1},
		{ChannelOf(p), appendAnnouncement(nil, p, []item{{name: "x/b"}, {name: "x/a"}}), 1},
		{ChannelOf(q), appendAnnouncement(nil, q, []item{{name: "y/a"}}), 0},
		{ChannelOf(p), make([]byte, MessageMax+1), 1},
	} {
		before := reader.Stats()
		reader.Deliver(w.now, 2, c.channel, c.payload, nil)
		if s := reader.Stats(); s.Malformed-before.Malformed != c.malformed || s.Entries != 0 {
			t.Errorf("%d: %+v", i, s)
		}
	}
	if reader.Deliver(w.now, 2, ChannelOf(p), good, nil); reader.Stats().Entries != 1 {
		t.Error("what is good is not taken")
	}
}

// Members publish, want, end and fall silent at random; then each knows exactly what the others publish that matches what it wants.
func TestEveryMemberKnowsWhatMatches(t *testing.T) {
	for seed := range uint64(30) {
		r := rand.New(rand.NewPCG(seed, 7))
		w := newWorld(t, 4+r.IntN(8))
		w.propagate = time.Duration(r.IntN(3000)) * time.Millisecond
		published := map[*member]map[string]bool{}
		wants := map[*member][]topic.Pattern{}
		for range 80 {
			m := w.members[r.IntN(len(w.members))]
			if m.dead {
				continue
			}
			switch r.IntN(10) {
			case 0, 1:
				text := []string{"#", "+/#", "a/+", "+/b", "a/#", "+/+/c", "b/a", "c"}[r.IntN(8)]
				wants[m] = append(wants[m], m.want(text))
			case 2:
				if n := len(wants[m]); n > 0 {
					m.Unwant(w.now, wants[m][n-1], nil)
					wants[m] = wants[m][:n-1]
				}
			case 3:
				if r.IntN(6) == 0 {
					m.kill()
					delete(published, m)
				}
			default:
				name := string("abc"[r.IntN(3)])
				for range r.IntN(3) {
					name += "/" + string("abc"[r.IntN(3)])
				}
				if m.publish(name); published[m] == nil {
					published[m] = map[string]bool{}
				}
				published[m][name] = true
			}
			w.run(time.Duration(r.IntN(3000)) * time.Millisecond)
		}
		w.run(4 * time.Minute)
		for _, m := range w.members {
			if !m.dead {
				checkKnown(t, w, m, published, wants[m])
			}
		}
		if t.Failed() {
			t.Fatalf("seed %d", seed)
		}
	}
}

func checkKnown(t *testing.T, w *world, m *member, published map[*member]map[string]bool, wants []topic.Pattern) {
	matching := func(name string) bool {
		return slices.ContainsFunc(wants, func(p topic.Pattern) bool { return p.Match(name) })
	}
	want := map[string]bool{}
	for _, other := range w.members {
		for name := range published[other] {
			if matching(name) {
				want[name] = true
			}
		}
	}
	for name := range want {
		if !m.found[name] || !m.Knows(name) {
			t.Errorf("member %d does not know %s, of %v", m.id, name, wants)
		}
	}
	for name := range m.found {
		if !want[name] {
			t.Errorf("member %d knows %s, of %v", m.id, name, wants)
		}
	}
	for _, p := range wants {
		for _, known := range m.Topics(p) {
			for _, publisher := range known.Publishers {
				if !published[w.members[publisher.ID-1]][known.Name] {
					t.Errorf("member %d takes %d for a publisher of %s", m.id, publisher.ID, known.Name)
				}
			}
		}
	}
}

func FuzzQuestion(f *testing.F) {
	p, _ := topic.Parse("a/+")
	q, _ := topic.Parse("b/#")
	f.Add(appendQuestion(nil, []ask{{p, 0}, {q, 2 * time.Second}})[1:])
	f.Fuzz(func(t *testing.T, body []byte) {
		asks, err := decodeQuestion(body)
		if err != nil {
			return
		}
		if got := appendQuestion(nil, asks)[1:]; !slices.Equal(got, body) {
			t.Fatalf("%x becomes %x", body, got)
		}
	})
}

func FuzzAnnouncement(f *testing.F) {
	p, _ := topic.Parse("a/+")
	f.Add(appendAnnouncement(nil, p, []item{{name: "a/b", messages: 3, bytes: 9}, {name: "a/bc", gone: true}}))
	f.Fuzz(func(t *testing.T, body []byte) {
		p, items, err := decodeAnnouncement(body)
		if err != nil {
			return
		}
		size := 4 + len(p.String()) + 2
		for i := range items {
			size += items[i].size()
			if !p.Match(items[i].name) {
				t.Fatalf("%s does not match %s", items[i].name, p)
			}
		}
		if got := appendAnnouncement(nil, p, items); !slices.Equal(got, body) || len(got) > size {
			t.Fatalf("%x becomes %x", body, got)
		}
	})
}
