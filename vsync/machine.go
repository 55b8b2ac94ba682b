package vsync

import (
	"slices"
	"strings"
	"time"

	"spinglass/bimodal"
	"spinglass/protocol"
)

// Machine is the groups of one node. See the package documentation.
type Machine struct {
	config Config

	groups  []*group // as they were joined
	byTopic map[string]*group
	byID    map[uint64]*group
	timers  protocol.Deadlines[timer]

	peers    map[protocol.NodeID]peer
	attempts uint64 // to join, of the group that was left after the most
	seconds  int64  // the wall clock, 0 when it is not known
	checked  int    // index into groups from which the next check goes on
	lateAt   protocol.Time

	streamNumber uint64
	transfers    []*transfer // states that this node is given
	gifts        []*gift     // and that it gives
	giftNumber   uint64
	parts        []*assembly
	decoder      Decoder
	stats        Stats
}

// peer is what is known of a node by membership.
type peer struct {
	down  bool
	epoch uint64
}

// timer names a deadline: of a group, or of the machine.
type timer struct {
	group *group
	what  task
}

type task uint8

const (
	taskCheck    task = iota // of the machine
	taskGossip               // tell of stability
	taskHurry                // tell of it at once, since somebody waits
	taskFlush                // lead the change of the view
	taskWatch                // what is to change does not
	taskSeek                 // call for the group
	taskOrder                // order what has arrived
	taskPatience             // something has no place in the order for too long
	taskSeal                 // a term is to begin
	taskRecover              // a recovery takes too long
	taskPull                 // ask for what is missing
	taskLeave                // say again that this member wants to be out
	taskState                // ask for the state
)

// late is by how much a deadline is missed by a node that was stopped.
const late = 60 * time.Millisecond

// New returns a machine. The error says which field of config is out of range.
func New(config Config) (*Machine, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	return &Machine{attempts: config.Rand.Uint64N(1 << (attemptBits - 1)), seconds: config.Wall, config: config, byTopic: make(map[string]*group), byID: make(map[uint64]*group), peers: make(map[protocol.NodeID]peer), lateAt: -1 << 62}, nil
}

// Start implements protocol.Machine.
func (m *Machine) Start(protocol.Time, *protocol.Output) {}

// Deadline implements protocol.Machine.
func (m *Machine) Deadline() protocol.Time { return m.timers.Next() }

// Timeout implements protocol.Machine.
func (m *Machine) Timeout(now protocol.Time, out *protocol.Output) {
	if next := m.timers.Next(); next <= now && now.Sub(next) > late {
		m.lateAt = now
	}
	for t, ok := m.timers.Due(now); ok; t, ok = m.timers.Due(now) {
		if t.group == nil {
			m.check(now, out)
			continue
		}
		t.group.due(now, t.what, out)
	}
}

// due does what the time has come for.
func (g *group) due(now protocol.Time, what task, out *protocol.Output) {
	switch what {
	case taskGossip:
		g.tick(now, out)
	case taskHurry:
		g.hurry(now, out)
	case taskFlush:
		g.driveFlush(now, out)
	case taskWatch:
		g.watch(now, out)
	case taskSeek:
		g.call(now, out)
	case taskOrder:
		g.sequence(now, out)
	case taskPatience:
		g.patience(now, out)
	case taskSeal:
		g.driveSeal(now, out)
	case taskRecover:
		g.giveUpRecovery(now, out)
	case taskPull:
		g.pullMissing(now, out)
	case taskLeave:
		g.tellLeave(now, out)
	case taskState:
		g.driveState(now, out)
	}
}

func (g *group) set(what task, at protocol.Time) { g.m.timers.Set(timer{g, what}, at) }

// setSooner sets a deadline unless there is an earlier one.
func (g *group) setSooner(what task, at protocol.Time) {
	if g.m.timers.At(timer{g, what}) > at {
		g.set(what, at)
	}
}

func (g *group) cancel(what task) { g.m.timers.Cancel(timer{g, what}) }

// wasStopped reports whether this node was stopped a short time ago, so that its inbox may hold what makes its own conclusions void.
func (m *Machine) wasStopped(now protocol.Time) bool { return now.Sub(m.lateAt) < stoppedFor }

// stoppedFor is how long a node that was stopped draws no conclusions.
const stoppedFor = 100 * time.Millisecond

// Receive implements protocol.Machine.
func (m *Machine) Receive(now protocol.Time, from protocol.NodeID, message protocol.Message, out *protocol.Output) {
	switch message := message.(type) {
	case *Check:
		m.receiveCheck(now, from, message, out)
		return
	case *Part:
		m.receivePart(now, from, message, out)
		return
	case *Decided:
		if g := m.groupOf(from, message.Group, out); g != nil {
			g.receiveDecided(now, from, message, out)
		}
		return
	}
	h := headerOf(message)
	if h == nil {
		out.Drop(from, ReasonUnknown)
		return
	}
	g := m.groupOf(from, h.Group, out)
	if g == nil {
		return
	}
	if p, ok := message.(*Pull); ok {
		g.receivePull(now, from, p, out)
		return
	}
	if l, ok := message.(*Leave); ok && g.view == nil {
		if l.Incarnation == g.incarnation {
			g.renew() // the attempt is over: it was in a view that this node has not learned of
		} else {
			out.Drop(from, ReasonStale)
		}
		return
	}
	if g.view == nil || h.View != g.view.ID {
		g.strange(now, from, h.View, out)
		return
	}
	rank := g.rankOf(from)
	if rank < 0 {
		out.Drop(from, ReasonStranger)
		return
	}
	g.receive(now, rank, message, out)
}

func headerOf(message protocol.Message) *header {
	switch m := message.(type) {
	case *Stability:
		return &m.header
	case *Flush:
		return &m.header
	case *FlushAnswer:
		return &m.header
	case *Proposal:
		return &m.header
	case *Agreed:
		return &m.header
	case *Failed:
		return &m.header
	case *Leave:
		return &m.header
	case *Pull:
		return &m.header
	case *Pieces:
		return &m.header
	case *Seal:
		return &m.header
	case *Sealed:
		return &m.header
	case *Recover:
		return &m.header
	}
	return nil
}

// receive takes a message of a member of the present view.
func (g *group) receive(now protocol.Time, rank int, message protocol.Message, out *protocol.Output) {
	switch message := message.(type) {
	case *Stability:
		g.receiveStability(now, rank, message, out)
	case *Flush:
		g.receiveFlush(now, rank, message, out)
	case *FlushAnswer:
		g.receiveFlushed(now, rank, message, out)
	case *Proposal:
		g.receiveProposal(now, rank, message, out)
	case *Agreed:
		g.receiveAgreed(now, rank, message, out)
	case *Failed:
		g.receiveFailed(now, rank, message, out)
	case *Leave:
		if message.Incarnation != g.view.Members[rank].Incarnation {
			out.Drop(g.view.Members[rank].ID, ReasonStale)
			return
		}
		g.receiveLeave(now, rank, out)
	case *Pieces:
		g.receivePieces(now, rank, message, out)
	case *Seal:
		g.receiveSeal(now, rank, message, out)
	case *Sealed:
		g.receiveSealed(now, rank, message, out)
	case *Recover:
		g.receiveRecover(now, rank, message, out)
	}
}

func (m *Machine) groupOf(from protocol.NodeID, id uint64, out *protocol.Output) *group {
	g := m.byID[id]
	if g == nil {
		out.Drop(from, ReasonUnknown)
	}
	return g
}

// strange answers a message of another view: who is behind is told of the present one, and who is ahead is asked.
func (g *group) strange(now protocol.Time, from protocol.NodeID, view ViewID, out *protocol.Output) {
	out.Drop(from, ReasonView)
	if g.view != nil && view.Epoch == g.view.ID.Epoch && view.Number < g.view.ID.Number {
		g.teach(now, from, out)
		return
	}
	g.ask(now, from, out)
}

// Notify implements protocol.Machine. It takes in what membership says of peers, what the multicast delivers, and what becomes of streams.
func (m *Machine) Notify(now protocol.Time, e protocol.Event, out *protocol.Output) {
	switch e := e.(type) {
	case *bimodal.Delivery:
		m.deliver(now, e, out)
	case *bimodal.Gap:
		if g := m.byTopic[e.Topic]; g != nil {
			m.stats.Gaps++
			g.setSooner(taskPull, now.Add(m.config.Retry))
		}
	case *bimodal.Writable:
		if g := m.byTopic[e.Topic]; g != nil {
			g.offer(out)
		}
	case protocol.PeerUp:
		m.peerIs(now, e.Peer, false, out)
	case protocol.PeerChanged:
		m.peerIs(now, e.Peer, m.peers[e.Peer.ID].down, out)
	case protocol.PeerAlive:
		m.peerIs(now, e.Peer, false, out)
	case protocol.PeerDown:
		m.peerIs(now, e.Peer, true, out)
	case protocol.PeerLeft:
		m.peerIs(now, e.Peer, true, out)
	case protocol.PeerDropped:
		delete(m.peers, e.Peer.ID)
	case protocol.WallClock:
		m.seconds = e.Seconds
	case protocol.EpochRaised:
		m.config.Epoch = e.Epoch
		for _, g := range slices.Clone(m.groups) {
			if g.view != nil {
				g.eject(now, EjectEpoch, out)
			} else {
				g.renew()
			}
		}
	case protocol.StreamOpened, protocol.StreamRead, protocol.StreamWritten, protocol.StreamClosed:
		m.stream(now, e, out)
	}
}

// deliver takes what the multicast brings.
func (m *Machine) deliver(now protocol.Time, d *bimodal.Delivery, out *protocol.Output) {
	g := m.byTopic[d.Topic]
	if g == nil || d.Author == m.config.Self {
		return
	}
	for c := d.Begin(); c.Next(); {
		g.payload(now, d.Author, c.Payload, out)
		if m.byTopic[d.Topic] != g {
			return // it has left meanwhile
		}
	}
}

// peerIs takes in what membership says of a peer.
func (m *Machine) peerIs(now protocol.Time, p *protocol.Peer, down bool, out *protocol.Output) {
	before, known := m.peers[p.ID]
	is := peer{down: down, epoch: max(p.Epoch, before.epoch)}
	if known && before == is {
		return
	}
	if m.peers[p.ID] = is; down && !m.meets(p.ID) {
		delete(m.peers, p.ID) // nobody would look at it
		return
	}
	for _, g := range slices.Clone(m.groups) {
		g.regard(now, p.ID, out)
	}
}

// meets reports whether a node is in a view that this one is in.
func (m *Machine) meets(id protocol.NodeID) bool {
	return slices.ContainsFunc(m.groups, func(g *group) bool { return g.rankOf(id) >= 0 })
}

// regard looks whether a member of the view has failed, as far as membership knows.
func (g *group) regard(now protocol.Time, id protocol.NodeID, out *protocol.Output) {
	rank := g.rankOf(id)
	if rank < 0 || rank == g.rank {
		return
	}
	switch p := g.m.peers[id]; {
	case min(p.epoch, epochMost) > g.view.Members[rank].Incarnation>>attemptBits:
		g.dead.add(rank)
		g.suspect(now, rank, SuspectRestart, out)
	case p.down:
		g.suspect(now, rank, SuspectDown, out)
	case g.outside:
		g.setSooner(taskWatch, now.Add(g.m.config.Retry))
	}
}

// attemptBits are the lower bits of an incarnation, which count the attempts to join of one run of a node, from a random number on: a node that has lost its boot counter is not taken for what it was.
const (
	attemptBits = 20
	epochMost   = 1<<(64-attemptBits) - 1 // the last boot counter that has a place beside them
)

// renew begins another attempt to join. Groups count their attempts each for themselves; a group that is joined anew goes on behind the most that any had. In a run of the node there is room for half a million of one group at least; later ones keep
// the last number, and come to nothing where that was in a view.
func (g *group) renew() {
	if g.attempt++; g.attempt >= 1<<attemptBits {
		g.m.stats.AttemptsSpent++
		g.attempt = 1<<attemptBits - 1
	}
	g.incarnation = min(g.m.config.Epoch, epochMost)<<attemptBits | g.attempt
}

// Stats returns what the machine counted so far.
func (m *Machine) Stats() Stats {
	s := m.stats
	s.Groups = len(m.groups)
	for _, g := range m.groups {
		switch {
		case g.view == nil:
			s.Seeking++
			continue
		case g.outside:
			s.Outside++
		}
		if s.Members++; g.blocked {
			s.Blocked++
		}
	}
	return s
}

// checkName reports whether a group can have a name.
func checkName(name string) error {
	if name == "" || len(name) > NameMax {
		return ErrName
	}
	for level := range strings.SplitSeq(name, "/") {
		if level == "+" || level == "#" {
			return ErrName
		}
	}
	return nil
}
