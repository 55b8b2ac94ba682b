package stack_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"spinglass/protocol"
	"spinglass/stack"
	"spinglass/wire"
)

type note struct {
	protocol.EventMark
	text string
}

type hello struct{ kind protocol.Kind }

func (m hello) Kind() protocol.Kind    { return m.kind }
func (m hello) Size() int              { return 0 }
func (m hello) Append(b []byte) []byte { return b }
func (m hello) Lent() bool             { return false }

// recorder notes its inputs in a log that the machines of a test share, and answers as its script says.
type recorder struct {
	name     string
	log      *[]string
	answers  map[string]func(out *protocol.Output)
	deadline protocol.Time
}

func (m *recorder) input(what string, out *protocol.Output) {
	*m.log = append(*m.log, m.name+":"+what)
	if f := m.answers[what]; f != nil {
		f(out)
	}
}

func (m *recorder) Start(now protocol.Time, out *protocol.Output) { m.input("start", out) }
func (m *recorder) Receive(now protocol.Time, from protocol.NodeID, msg protocol.Message, out *protocol.Output) {
	m.input(fmt.Sprint("receive ", msg.Kind()), out)
}
func (m *recorder) Timeout(now protocol.Time, out *protocol.Output) { m.input("timeout", out) }
func (m *recorder) Deadline() protocol.Time                         { return m.deadline }
func (m *recorder) Notify(now protocol.Time, e protocol.Event, out *protocol.Output) {
	switch e := e.(type) {
	case note:
		m.input(e.text, out)
	case protocol.Persisted:
		m.input(fmt.Sprint("persisted ", e.Number), out)
	case protocol.StreamOpened:
		m.input(fmt.Sprintf("opened %x", e.Number), out)
	}
}

func newPair() (r *stack.Router, a, b *recorder, log *[]string) {
	log = new([]string)
	a = &recorder{name: "a", log: log, answers: map[string]func(*protocol.Output){}, deadline: protocol.Never}
	b = &recorder{name: "b", log: log, answers: map[string]func(*protocol.Output){}, deadline: protocol.Never}
	r = &stack.Router{}
	r.Add(a, wire.KindTableDigest)
	r.Add(b, wire.KindData)
	return r, a, b, log
}

func expect(t *testing.T, log *[]string, want ...string) {
	t.Helper()
	if !slices.Equal(*log, want) {
		t.Errorf("inputs were %v, want %v", *log, want)
	}
	*log = nil
}

func TestMessagesGoToTheOwnerOfTheirKind(t *testing.T) {
	r, _, _, log := newPair()
	var out protocol.Output
	r.Receive(0, 9, hello{wire.KindData}, &out)
	expect(t, log, "b:receive 1")
	r.Receive(0, 9, hello{wire.KindTest}, &out)
	expect(t, log)
	if len(out.Effects) != 1 || out.Effects[0].Reason != stack.ReasonUnknownKind || out.Effects[0].To != 9 {
		t.Fatalf("a message without owner gave %v", out.Effects)
	}
}

func TestEventsGoToEverySiblingOnceInOrder(t *testing.T) {
	r, a, b, log := newPair()
	a.answers["start"] = func(out *protocol.Output) {
		out.Emit(note{text: "x"})
		out.Emit(note{text: "y"})
	}
	b.answers["x"] = func(out *protocol.Output) { out.Emit(note{text: "z"}) }
	var out protocol.Output
	r.Start(0, &out)
	expect(t, log, "a:start", "b:start", "b:x", "a:z", "b:y")
	var emitted []string
	for _, e := range out.Effects {
		emitted = append(emitted, e.Event.(note).text)
	}
	if got := strings.Join(emitted, ""); got != "xyz" {
		t.Fatalf("the driver sees events %q", got)
	}
}

func TestEventsWithoutEndPanic(t *testing.T) {
	r, a, b, _ := newPair()
	a.answers["x"] = func(out *protocol.Output) { out.Emit(note{text: "y"}) }
	b.answers["y"] = func(out *protocol.Output) { out.Emit(note{text: "x"}) }
	defer func() {
		if recover() == nil {
			t.Fatal("no panic")
		}
	}()
	r.Notify(0, note{text: "x"}, new(protocol.Output))
}

func TestWorkCompletesAtTheMachineThatAsked(t *testing.T) {
	r, a, b, log := newPair()
	ask := func(out *protocol.Output) { out.Do(&protocol.Persist{Number: 7, Key: "epoch"}) }
	a.answers["start"], b.answers["start"] = ask, ask
	var out protocol.Output
	r.Start(0, &out)
	*log = nil
	numbers := []uint64{}
	for _, e := range out.Effects {
		numbers = append(numbers, e.Work.(*protocol.Persist).Number)
	}
	if len(numbers) != 2 || numbers[0] == numbers[1] {
		t.Fatalf("the driver sees numbers %v, want two different ones", numbers)
	}
	r.Notify(0, protocol.Persisted{Number: numbers[1]}, &out)
	expect(t, log, "b:persisted 7")
	r.Notify(0, protocol.Persisted{Number: numbers[0]}, &out)
	expect(t, log, "a:persisted 7")
}

func TestStreamOfAPeerIsOfferedToAll(t *testing.T) {
	r, _, _, log := newPair()
	r.Notify(0, protocol.StreamOpened{Number: 1<<63 | 5, From: 9}, new(protocol.Output))
	expect(t, log, "a:opened 8000000000000005", "b:opened 8000000000000005")
}

func TestTimeoutReachesOnlyWhoIsDue(t *testing.T) {
	r, a, b, log := newPair()
	a.deadline, b.deadline = 10, 20
	if r.Deadline() != 10 {
		t.Fatalf("Deadline = %v", r.Deadline())
	}
	r.Timeout(15, new(protocol.Output))
	expect(t, log, "a:timeout")
}
