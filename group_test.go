package spinglass_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"spinglass"
	"spinglass/identity"
	"spinglass/internal/memoryfleet"
)

// journal is a state machine that keeps its commands. The result of one is its place.
type journal struct {
	mu     sync.Mutex
	lines  []string
	events []spinglass.GroupEvent
	began  chan struct{} // where it is not nil, it is sent to when a command comes,
	hold   chan struct{} // and the command waits for this to be closed
}

func (j *journal) Apply(c spinglass.Command) any {
	if j.began != nil {
		j.began <- struct{}{}
		<-j.hold
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, string(c.Payload))
	return len(j.lines)
}

func (j *journal) Snapshot() (io.WriterTo, error) {
	return strings.NewReader(strings.Join(j.text(), "\n")), nil
}

func (j *journal) Restore(r io.Reader) error {
	text, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = nil
	for line := range bytes.Lines(text) {
		j.lines = append(j.lines, strings.TrimSuffix(string(line), "\n"))
	}
	return nil
}

func (j *journal) Observe(e spinglass.GroupEvent) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.events = append(j.events, e)
}

func (j *journal) text() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return slices.Clone(j.lines)
}

// foundGroup makes a node found a group.
func foundGroup(t *testing.T, n *spinglass.Node, name string, options ...spinglass.GroupOption) *spinglass.Group {
	t.Helper()
	return joinGroup(t, n, name, append(options, spinglass.FoundAfter(100*time.Millisecond))...)
}

// joinGroup makes a node a member of a group that takes part.
func joinGroup(t *testing.T, n *spinglass.Node, name string, options ...spinglass.GroupOption) *spinglass.Group {
	t.Helper()
	g, err := n.Group(within(t), name, append([]spinglass.GroupOption{spinglass.FoundAfter(0)}, options...)...)
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Ready(within(t)); err != nil {
		t.Fatal(err)
	}
	return g
}

// messagesOf returns the next messages of a group.
func messagesOf(t *testing.T, g *spinglass.Group, count int) (lines []string) {
	t.Helper()
	if count == 0 {
		return nil
	}
	for e, err := range g.Events(within(t)) {
		if err != nil {
			t.Fatalf("after %q: %v", lines, err)
		}
		if m, ok := e.(spinglass.GroupMessage); ok {
			if lines = append(lines, m.From+" "+string(m.Payload)); len(lines) == count {
				break
			}
		}
	}
	return lines
}

// All members get the same messages in the same order, views among them.
func TestGroupOfMessages(t *testing.T) {
	nodes := fleet(t, 3)
	groups := []*spinglass.Group{foundGroup(t, nodes[0], "chat")}
	for _, n := range nodes[1:] {
		groups = append(groups, joinGroup(t, n, "chat"))
	}
	await(t, "three members", func() bool { return len(groups[0].View().Members) == 3 })
	const each = 50
	for _, g := range groups {
		go func() {
			for i := range each {
				if err := g.Cast(t.Context(), fmt.Append(nil, i)); err != nil {
					t.Error(err)
				}
			}
		}()
	}
	want := messagesOf(t, groups[0], 3*each)
	for _, g := range groups[1:] {
		if got := messagesOf(t, g, 3*each); !slices.Equal(got, want) {
			t.Errorf("%q\nand\n%q", got, want)
		}
	}
	if err := groups[1].Flush(within(t)); err != nil {
		t.Error(err)
	}
	if err := groups[2].Leave(within(t)); err != nil {
		t.Error(err)
	}
	if err := groups[2].Cast(within(t), nil); !errors.Is(err, spinglass.ErrClosed) {
		t.Errorf("cast after leaving: %v", err)
	}
	if err := groups[2].Ready(within(t)); !errors.Is(err, spinglass.ErrClosed) {
		t.Errorf("ready after leaving: %v", err)
	}
	for e, err := range groups[0].Events(within(t)) {
		if err != nil {
			t.Fatal(err)
		}
		if v, ok := e.(spinglass.GroupView); ok && len(v.Members) == 2 {
			break
		}
	}
	all, err := nodes[0].Groups(within(t))
	if err != nil || len(all) != 1 || !all[0].Primary() || all[0].Name != "chat" || all[0].Order != spinglass.TotalOrder || len(all[0].View.Members) != 2 {
		t.Errorf("%+v %v", all, err)
	}
}

// Commands are carried out in the same order at all members, results are those of the place, and who joins gets the state.
func TestGroupOfStateMachines(t *testing.T) {
	nodes := fleet(t, 3)
	machines := []*journal{{}, {}, {}}
	groups := []*spinglass.Group{foundGroup(t, nodes[0], "ledger", spinglass.Replicated(machines[0])), nil}
	groups[1] = joinGroup(t, nodes[1], "ledger", spinglass.Replicated(machines[1]))
	var wait sync.WaitGroup
	results := make([]any, 40)
	for i := range results {
		wait.Go(func() {
			var err error
			if results[i], err = groups[i%2].Propose(within(t), fmt.Append(nil, i)); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	lines := machines[0].text()
	for i, result := range results {
		if place, ok := result.(int); !ok || lines[place-1] != fmt.Sprint(i) {
			t.Errorf("result %v of command %d", result, i)
		}
	}
	groups = append(groups, joinGroup(t, nodes[2], "ledger", spinglass.Replicated(machines[2])))
	if result, err := groups[2].Propose(within(t), []byte("last")); err != nil || result != len(results)+1 {
		t.Error(result, err)
	}
	want := append(lines, "last")
	for i, m := range machines {
		await(t, fmt.Sprintf("member %d has all commands", i), func() bool { return len(m.text()) >= len(want) })
		if got := m.text(); !slices.Equal(got, want) {
			t.Errorf("member %d has %q", i, got)
		}
	}
	if s := groups[2].Status(); s.Applied != uint64(len(want)) || !s.Replicated {
		t.Errorf("%+v", s)
	}
	machines[2].mu.Lock()
	defer machines[2].mu.Unlock()
	if len(machines[2].events) < 3 {
		t.Errorf("observed %v", machines[2].events)
	}
}

// What waits for an application is bounded: a member that is too slow leaves, is told so, and joins again.
func TestSlowApplicationsLeaveTheGroup(t *testing.T) {
	nodes := fleet(t, 2)
	fast := foundGroup(t, nodes[0], "chat")
	slow := joinGroup(t, nodes[1], "chat", spinglass.GroupQueue(spinglass.QueueMin))
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	go func() {
		for range fast.Events(ctx) {
		}
	}()
	for slow.Status().Phase != spinglass.GroupPhaseJoining {
		if err := fast.Cast(ctx, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	told := false
	for e, err := range slow.Events(within(t)) {
		if err != nil {
			t.Fatal(err)
		}
		switch e := e.(type) {
		case spinglass.GroupEjected:
			if told = errors.Is(e.Err, spinglass.ErrSlow) && errors.Is(e.Err, spinglass.ErrEjected); !told {
				t.Error(e.Err)
			}
		case spinglass.GroupReady:
			if told {
				if s := slow.Status(); s.Ejections != 1 || s.Phase != spinglass.GroupPhaseMember {
					t.Errorf("%+v", s)
				}
				return
			}
		}
	}
}

func TestWhatIsNoGroup(t *testing.T) {
	n := start(t, spinglass.Config{Name: "/lab/a"})
	ctx := within(t)
	for _, name := range []string{"", "a/+", strings.Repeat("x", spinglass.GroupNameMax+1)} {
		if _, err := n.Group(ctx, name); !errors.Is(err, spinglass.ErrGroup) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, option := range []spinglass.GroupOption{spinglass.Weight(-1), spinglass.Weight(spinglass.GroupWeightMax + 1), spinglass.FoundAfter(-1), spinglass.GroupQueue(1), spinglass.GroupOrder(9), spinglass.Replicated(nil)} {
		if _, err := n.Group(ctx, "g", option); !errors.Is(err, spinglass.ErrConfig) {
			t.Errorf("%T %v: %v", option, option, err)
		}
	}
	if _, err := n.Group(ctx, "g", spinglass.FIFOOrder, spinglass.Replicated(&journal{})); !errors.Is(err, spinglass.ErrConfig) {
		t.Error(err)
	}
	g := foundGroup(t, n, "g")
	if _, err := n.Group(ctx, "g"); !errors.Is(err, spinglass.ErrGroup) {
		t.Error(err)
	}
	if _, err := g.Propose(ctx, nil); !errors.Is(err, spinglass.ErrConfig) {
		t.Error(err)
	}
	if err := g.Cast(ctx, make([]byte, spinglass.GroupMessageMax+1)); !errors.Is(err, spinglass.ErrTooLarge) {
		t.Error(err)
	}
	if err := n.Publish(ctx, "$groups/g", nil); !errors.Is(err, spinglass.ErrTopic) {
		t.Errorf("publishing to the topic of a group: %v", err)
	}
}

// Who cannot reach a majority is told so, and does not send.
func TestMinorityIsOutside(t *testing.T) {
	first := start(t, spinglass.Config{Name: "/lab/a0", FailTimeout: time.Second})
	second := start(t, spinglass.Config{Name: "/lab/a1", FailTimeout: time.Second, Join: []string{first.Addr()}})
	awaitPeers(t, second, 2, spinglass.PeerStateUp)
	foundGroup(t, first, "chat")
	g := joinGroup(t, second, "chat")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	told := false
	for e, err := range g.Events(within(t)) {
		if err != nil {
			t.Fatal(err)
		}
		if _, told = e.(spinglass.GroupOutside); told {
			break
		}
	}
	if err := g.Cast(within(t), []byte("x")); !errors.Is(err, spinglass.ErrNotPrimary) {
		t.Errorf("cast outside: %v", err)
	}
	if s := g.Status(); s.Primary() || s.Phase != spinglass.GroupPhaseOutside {
		t.Errorf("%+v", s)
	}
	if err := g.Leave(within(t)); err != nil {
		t.Error(err)
	}
}

// Groups in which nothing happens cost no goroutines.
func TestManyGroups(t *testing.T) {
	n := start(t, spinglass.Config{Name: "/lab/a"})
	before := runtime.NumGoroutine()
	const count = 40
	var groups []*spinglass.Group
	for i := range count {
		g, err := n.Group(within(t), fmt.Sprint("g", i), spinglass.Replicated(&journal{}), spinglass.FoundAfter(100*time.Millisecond))
		if err != nil {
			t.Fatal(err)
		}
		groups = append(groups, g)
	}
	for _, g := range groups {
		if err := g.Ready(within(t)); err != nil {
			t.Fatal(err)
		}
	}
	await(t, fmt.Sprintf("few more goroutines than %d", before), func() bool { return runtime.NumGoroutine() <= before+10 })
	if all, err := n.Groups(within(t)); err != nil || len(all) != count {
		t.Error(len(all), err)
	}
}

// A group is its topic, as far as grants go.
func TestGrantsOfGroups(t *testing.T) {
	authority, err := memoryfleet.New()
	if err != nil {
		t.Fatal(err)
	}
	grants, err := identity.NewGrants(identity.Grant{Verb: identity.VerbPublish, Pattern: "$groups/*"}, identity.Grant{Verb: identity.VerbSubscribe, Pattern: "$groups/chat"})
	if err != nil {
		t.Fatal(err)
	}
	id, err := authority.Granted("/lab/some", grants)
	if err != nil {
		t.Fatal(err)
	}
	n := start(t, spinglass.Config{Name: "/lab/some", Identity: id})
	if _, err := n.Group(within(t), "ledger"); !errors.Is(err, spinglass.ErrForbidden) {
		t.Errorf("a group without a grant: %v", err)
	}
	if err := foundGroup(t, n, "chat").CastStable(within(t), []byte("x")); err != nil {
		t.Error(err)
	}
}

// blind is a journal that cannot take in a state.
type blind struct{ journal }

func (b *blind) Restore(r io.Reader) error {
	_, _ = io.CopyN(io.Discard, r, 1)
	return errBlind
}

var errBlind = errors.New("blind")

// A member that cannot take in the state of its group leaves it, and says why.
func TestStatesThatCannotBeTakenIn(t *testing.T) {
	nodes := fleet(t, 2)
	first := foundGroup(t, nodes[0], "ledger", spinglass.Replicated(&journal{}))
	if _, err := first.Propose(within(t), []byte("line")); err != nil {
		t.Fatal(err)
	}
	g, err := nodes[1].Group(within(t), "ledger", spinglass.Replicated(&blind{}))
	if err != nil {
		t.Fatal(err)
	}
	if err := g.Ready(within(t)); !errors.Is(err, spinglass.ErrState) || !errors.Is(err, errBlind) {
		t.Errorf("ready: %v", err)
	}
	if _, err := g.Propose(within(t), nil); !errors.Is(err, spinglass.ErrState) {
		t.Errorf("propose: %v", err)
	}
	await(t, "it is out of the view", func() bool { return len(first.View().Members) == 1 })
}

// With StayOut a member whose application is too slow does not come back.
func TestStayOut(t *testing.T) {
	nodes := fleet(t, 2)
	fast := foundGroup(t, nodes[0], "chat")
	slow := joinGroup(t, nodes[1], "chat", spinglass.GroupQueue(spinglass.QueueMin), spinglass.StayOut())
	ctx, cancel := context.WithCancel(within(t))
	defer cancel()
	go func() {
		for range fast.Events(ctx) {
		}
	}()
	for slow.Status().Phase != spinglass.GroupPhaseJoining {
		if err := fast.Cast(ctx, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	for _, err := range slow.Events(within(t)) {
		if err == nil {
			continue
		}
		if !errors.Is(err, spinglass.ErrEjected) || !errors.Is(err, spinglass.ErrSlow) {
			t.Error(err)
		}
	}
	if err := slow.Ready(within(t)); !errors.Is(err, spinglass.ErrSlow) {
		t.Errorf("ready: %v", err)
	}
	if _, err := nodes[1].Group(within(t), "chat"); err != nil {
		t.Errorf("joining anew: %v", err)
	}
}

// What is under way when a node is closed is uncertain.
func TestClosedUnderWay(t *testing.T) {
	n := start(t, spinglass.Config{Name: "/lab/a"})
	machine := &journal{began: make(chan struct{}), hold: make(chan struct{})}
	g := foundGroup(t, n, "ledger", spinglass.Replicated(machine))
	answers := make(chan error, 1)
	go func() {
		_, err := g.Propose(context.Background(), []byte("x"))
		answers <- err
	}()
	<-machine.began
	time.AfterFunc(50*time.Millisecond, func() { close(machine.hold) }) // Close waits for the machine
	if err := n.Close(); err != nil {
		t.Error(err)
	}
	if err := <-answers; err != nil && (!errors.Is(err, spinglass.ErrUncertain) || !errors.Is(err, spinglass.ErrClosed)) {
		t.Errorf("propose: %v", err)
	}
	if err := g.Cast(within(t), nil); !errors.Is(err, spinglass.ErrConfig) {
		t.Error(err)
	}
	if _, err := g.Propose(within(t), nil); !errors.Is(err, spinglass.ErrClosed) {
		t.Errorf("propose to a closed node: %v", err)
	}
}

// A group of which a majority is gone goes on when a person says so, with its state and in a later view; not before this member is outside.
func TestRecoverGroup(t *testing.T) {
	first := start(t, spinglass.Config{Name: "/lab/a0", FailTimeout: time.Second})
	second := start(t, spinglass.Config{Name: "/lab/a1", FailTimeout: time.Second, Join: []string{first.Addr()}})
	awaitPeers(t, second, 2, spinglass.PeerStateUp)
	founder := foundGroup(t, first, "ledger", spinglass.Replicated(&journal{}))
	machine := &journal{}
	g := joinGroup(t, second, "ledger", spinglass.Replicated(machine))
	if _, err := founder.Propose(within(t), []byte("before")); err != nil {
		t.Fatal(err)
	}
	before := g.View()
	if err := g.Recover(within(t)); !errors.Is(err, spinglass.ErrMajority) {
		t.Errorf("a group that has a majority: %v", err)
	}
	if err := second.RecoverGroup(within(t), "other"); !errors.Is(err, spinglass.ErrGroup) {
		t.Errorf("a group that the node is not in: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	await(t, "it is outside", func() bool { return g.Status().Phase == spinglass.GroupPhaseOutside })
	if err := second.RecoverGroup(within(t), "ledger"); err != nil {
		t.Fatal(err)
	}
	after := g.View()
	if s := g.Status(); !s.Primary() || !before.ID.Less(after.ID) || after.ID.Recoveries() != 1 || len(after.Members) != 1 {
		t.Errorf("%+v", s)
	}
	if result, err := g.Propose(within(t), []byte("after")); err != nil || result != 2 {
		t.Error(result, err)
	}
	third := start(t, spinglass.Config{Name: "/lab/a2", FailTimeout: time.Second, Join: []string{second.Addr()}})
	joined := &journal{}
	joinGroup(t, third, "ledger", spinglass.Replicated(joined))
	if got := joined.text(); !slices.Equal(got, []string{"before", "after"}) {
		t.Errorf("who joins has %q", got)
	}
}

// archive is a state machine with a large state, which it takes in slowly.
type archive struct {
	journal
	size  int
	taken int
}

func (a *archive) Snapshot() (io.WriterTo, error) { return bytes.NewReader(make([]byte, a.size)), nil }

func (a *archive) Restore(r io.Reader) error {
	buffer := make([]byte, 16<<10)
	for {
		n, err := r.Read(buffer)
		a.taken += n
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		time.Sleep(time.Millisecond)
	}
}

// A state that is many times as large as the queue, and comes faster than its machine reads it, is held back at the member that gives it: nobody leaves the group because of it.
func TestLargeStatesWait(t *testing.T) {
	nodes := fleet(t, 2)
	const size = 8 << 20
	foundGroup(t, nodes[0], "ledger", spinglass.Replicated(&archive{size: size}))
	machine := &archive{}
	g := joinGroup(t, nodes[1], "ledger", spinglass.Replicated(machine), spinglass.GroupQueue(spinglass.QueueMin))
	if s := g.Status(); s.Ejections != 0 || machine.taken != size {
		t.Errorf("%d bytes taken in of %d; %+v", machine.taken, size, s)
	}
	if _, err := g.Propose(within(t), []byte("x")); err != nil {
		t.Error(err)
	}
}
