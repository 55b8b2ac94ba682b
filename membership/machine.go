package membership

import (
	"slices"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/table"
	"spinglass/wire"
)

// task names the deadlines of a machine.
type task uint8

const (
	taskRound   task = iota // gossip, heartbeat, silence
	taskJoin                // the next attempt to join
	taskSeeds               // contact a join address although joined
	taskRumour              // push news
	taskHealed              // tell of a heal
	taskLeave               // push the left mark again, or be done
	taskStore               // try again to store the epoch
	taskSign                // try again to have the own row signed
	taskVerify              // the rate of checks allows more
	taskNotices             // tell others of notices
	taskSweep               // look at certificates again
	taskBeacons             // push beacons of authorities
)

// stage is how far a member has come.
type stage uint8

const (
	stageNew     stage = iota
	stageStoring       // the epoch is not durable yet; nothing may be sent
	stageSigning       // the first row is not signed yet; nothing can be sent
	stageRunning
	stageLeaving
	stageLeft
)

// entry is a row of the table with what this node knows of its owner.
type entry = table.Entry[peer]

// Machine is the membership protocol of one node. See the package documentation.
type Machine struct {
	config Config
	table  table.Table[peer]
	own    *entry
	gone   gone
	awake  awake

	remotes  remotes // none unless zoned
	departed []departed
	stats    Stats

	stage     stage
	raised    uint64 // epoch that is being stored
	joined    bool   // it is one of a fleet
	met       bool   // another member has answered
	attempts  int
	deadlines protocol.Deadlines[task]
	expected  protocol.Deadlines[protocol.NodeID] // who owes a sign of life, and until when
	probes    int                                 // probes that the present round may still send
	favours   favours                             // what the present round may still answer
	strangers portions                            // what those have had of it who are no members
	lastBeat  protocol.Time

	health     health
	rumours    rumours
	follow     protocol.NodeID // partner of the last exchange that had more to send, 0 for none
	returned   int             // members back since the last Healed
	leavings   int             // pushes of the left mark still to come
	namesakes  []namesake
	jumpNext   protocol.Time // when the own epoch may jump again
	zoneFull   protocol.Time // when ZoneFull may be told again
	failMember int           // number of members that failTimeout was computed for
	failAfter  time.Duration // T_fail

	guard *guard // nil without an identity
	works uint64 // numbers of work given so far

	difference table.Difference[peer]
}

// New returns a machine, or an error that says what is wrong with its configuration.
func New(config Config) (*Machine, error) {
	config = config.withDefaults()
	if err := config.check(); err != nil {
		return nil, err
	}
	config.Seeds = slices.Clone(config.Seeds)
	m := &Machine{
		config: config,
		table:  *table.New[peer](table.Limits{Rows: config.ZoneLimit, RowSize: config.RowLimit}),
		gone:   gone{limit: goneMaxFactor * config.ZoneLimit, off: config.MemoryOfDead < 0},
		awake:  awake{off: config.LocalHealthOff, due: protocol.Never},
	}
	m.favours = newFavours(&config)
	row := &table.Row{
		Owner: config.Self, Epoch: config.Epoch + 1, Sequence: 1, Name: config.Name,
		Addresses: slices.Clone(config.Addresses), Format: namedFormat(config.Format),
	}
	first := row
	if config.Identity != nil {
		var err error
		if m.guard, err = newGuard(&config); err != nil {
			return nil, err
		}
		if err = m.guard.newDraft(row); err != nil {
			return nil, err
		}
		m.knownNotices()
		first = m.guard.signer.draft
	}
	if err := m.check(first); err != nil {
		return nil, err
	}
	m.own, _, _ = m.table.Merge(0, row, 1, nil)
	m.table.Exempt(config.Self)
	return m, nil
}

// Start implements protocol.Machine. A durable member stays silent until its boot counter is stored.
func (m *Machine) Start(now protocol.Time, out *protocol.Output) {
	m.own.State.since = now
	m.awake.seen = now
	if m.config.Durable {
		m.raised = m.own.Row().Epoch
		m.store(out)
		return
	}
	m.ready(now, out)
}

// ready goes on when the epoch is durable, or need not be: a row that is to be signed is signed first.
func (m *Machine) ready(now protocol.Time, out *protocol.Output) {
	if m.guard == nil {
		m.run(now, out)
		return
	}
	m.stage = stageSigning
	m.sign(now, out)
}

// run begins to take part.
func (m *Machine) run(now protocol.Time, out *protocol.Output) {
	m.stage = stageRunning
	m.lastBeat = now
	m.awake.observe(now)
	first := now.Add(time.Duration(m.config.Rand.Int64N(int64(m.config.Round)))) // a random phase
	m.awake.due = first
	m.deadlines.Set(taskRound, first)
	m.refill()
	if m.guard != nil {
		m.deadlines.Set(taskSweep, now.Add(sweepEvery))
		m.watchLife(now, out)
	}
	m.begin(now, out)
	m.table.Grow(len(m.config.Known))
	for _, row := range m.config.Known {
		m.enter(now, row.Owner, &RowUpdate{Row: row, Heartbeat: 1}, nil, false, out)
	}
	m.config.Known = nil
}

// nextWork returns a number for a piece of work.
func (m *Machine) nextWork() uint64 {
	m.works++
	return storeNumber + m.works
}

// Receive implements protocol.Machine.
func (m *Machine) Receive(now protocol.Time, from protocol.NodeID, message protocol.Message, out *protocol.Output) {
	m.awake.observe(now)
	switch {
	case from == m.config.Self:
		out.Drop(from, ReasonSelf)
		return
	case m.stage < stageRunning:
		out.Drop(from, ReasonNotStarted)
		return
	case m.stage > stageRunning:
		out.Drop(from, ReasonLeft)
		return
	case wire.KindFormat(message.Kind()) > m.config.Format:
		out.Drop(from, ReasonUnknownType)
		return
	}
	switch message := message.(type) {
	case *Digest:
		m.receiveDigest(now, from, message, out)
	case *Delta:
		m.receiveDelta(now, from, message, out)
	case *Probe:
		m.receiveProbe(now, from, message, out)
	case *ProbeReply:
		m.receiveReply(now, from, message, out)
	case *Summary:
		m.receiveSummary(from, message, out)
	case *NoticePart:
		m.receivePart(now, from, message, out)
	case *Beacon:
		m.receiveBeacon(now, from, message.Signed, out)
	case *CredentialRequest:
		m.receiveCredentialRequest(now, from, message, out)
	case *Certificates:
		m.receiveCertificates(now, from, message, out)
	default:
		out.Drop(from, ReasonUnknownType)
	}
}

// Notify implements protocol.Machine.
func (m *Machine) Notify(now protocol.Time, e protocol.Event, out *protocol.Output) {
	m.awake.observe(now)
	switch e := e.(type) {
	case protocol.SetAttribute:
		if err := m.SetAttribute(now, e.Attribute, out); err != nil {
			out.Emit(protocol.AttributeRefused{Name: e.Attribute.Name, Err: err})
		}
	case protocol.PeerUp, protocol.PeerDropped:
		m.remotes.follow(e)
		if up, ok := e.(protocol.PeerUp); ok {
			m.departs(up.Peer.ID) // it is in the view as a representative now
		}
	case protocol.Move:
		m.move(now, e.Name, out)
	case protocol.Unanswered:
		m.hint(now, e.Peer, out)
	case protocol.WantCredential:
		m.wantCredential(now, e, out)
	case protocol.Contact:
		m.contact(now, e.Addresses, out)
	case protocol.FleetReached:
		if m.stage == stageRunning {
			m.reached(now, out)
		}
	case protocol.Persisted:
		m.persisted(now, e, out)
	case protocol.Signed:
		m.signed(now, e, out)
	case protocol.Verified:
		m.verified(now, e, out)
	case identity.FalseStatement:
		m.falsified(now, e, out)
	case identity.Contradiction:
		m.contradicted(now, e, out)
	case protocol.WallClock:
		m.setClock(now, e, out)
	}
}

// Timeout implements protocol.Machine.
func (m *Machine) Timeout(now protocol.Time, out *protocol.Output) {
	m.awake.observe(now)
	for due, ok := m.deadlines.Due(now); ok; due, ok = m.deadlines.Due(now) {
		switch due {
		case taskRound:
			m.round(now, out)
		case taskJoin:
			m.join(now, out)
		case taskSeeds:
			m.contactSeed(now, out)
		case taskRumour:
			m.pushRumours(now, out)
		case taskHealed:
			m.tellHealed(out)
		case taskLeave:
			m.pushLeft(now, out)
		case taskStore:
			m.store(out)
		case taskSign:
			m.sign(now, out)
		case taskVerify:
			m.verifyMore(now, out)
		case taskNotices:
			m.pushNotices(now, out)
		case taskSweep:
			m.sweep(now, out)
		case taskBeacons:
			m.pushBeacons(now, out)
		}
	}
	m.overdue(now, out)
}

// Deadline implements protocol.Machine.
func (m *Machine) Deadline() protocol.Time { return min(m.deadlines.Next(), m.expected.Next()) }

// Stats returns the counters.
func (m *Machine) Stats() Stats {
	s := m.stats
	s.Table = m.table.Stats()
	s.RecordsDropped = m.gone.dropped
	if m.guard != nil {
		s.NoticesDropped, s.NoticePartsDropped = m.guard.notices.dropped, m.guard.notices.partsDropped
		s.AuthoritiesSilent = m.guard.silentAuthorities()
		s.Foreigners = len(m.guard.foreigners.known)
	}
	return s
}

// FailTimeout returns T_fail as it is now: it depends on the number of members known.
func (m *Machine) FailTimeout() time.Duration {
	if n := m.table.Len(); n != m.failMember {
		m.failMember, m.failAfter = n, m.config.failTimeout(n)
	}
	return m.failAfter
}
