package astrolabe

import (
	"time"

	"spinglass/protocol"
	"spinglass/table"
)

// Machine keeps the tables on the own path of one member. See the package documentation.
type Machine struct {
	config Config
	name   string // of this member's row
	zone   string // whose host this member is
	levels []*level
	root   summed

	awake   protocol.Time // time by which silence is measured
	next    protocol.Time // when the next round is due
	leaving bool          // it represents nothing any longer
	reached bool          // members of other zones were met
	answers budget        // bytes of this round's answers
	stats   Stats

	difference table.Difference[state]
	seeds      seeds
	functions  functions
	serving    serving
	questions  []*question
	blobs      blobs
	own        ownRows
	notary     *notary // nil without identities
	place      place
	sequence   uint64            // the greatest that any own row has had
	behind     []protocol.NodeID // members of the zone that this one has left, to be told of the new one
}

// New returns a machine, or an error that says what is wrong with its configuration.
func New(config Config) (*Machine, error) {
	config = config.withDefaults()
	if err := config.check(); err != nil {
		return nil, err
	}
	m := &Machine{config: config, name: config.Name, zone: protocol.Zone(config.Name), next: protocol.Never, root: summed{zone: Root}}
	zones := path(m.zone)
	for i := range len(zones) - 1 {
		m.levels = append(m.levels, newLevel(i, zones[i], zones[i+1], &m.config))
	}
	m.seeds, m.notary = newSeeds(&m.config), newNotary(&m.config)
	m.know(config.Known)
	m.config.Known = nil
	return m, nil
}

// Start implements protocol.Machine.
func (m *Machine) Start(now protocol.Time, _ *protocol.Output) {
	if len(m.config.Seeds) > 0 {
		m.seeds.until = now.Add(seekRounds*m.config.Round/2 + time.Duration(m.config.Rand.Int64N(int64(seekRounds*m.config.Round))))
	}
	m.next = now.Add(time.Duration(m.config.Rand.Int64N(int64(m.config.Round)))) // a random phase
}

// Deadline implements protocol.Machine.
func (m *Machine) Deadline() protocol.Time { return min(m.next, m.pursueNext()) }

// Timeout implements protocol.Machine.
func (m *Machine) Timeout(now protocol.Time, out *protocol.Output) {
	m.pursue(now, out)
	if now < m.next {
		return
	}
	m.next = now.Add(m.config.Round)
	m.round(now, out)
}

// Notify implements protocol.Machine.
func (m *Machine) Notify(now protocol.Time, e protocol.Event, out *protocol.Output) {
	switch e := e.(type) {
	case protocol.Left:
		m.next = protocol.Never
		m.abandon(out)
	case protocol.AttributeRefused:
		if m.MadeOfOwn(e.Name) {
			m.stats.OutputsDropped++
		}
	case protocol.Persisted:
		m.persisted(e)
	case protocol.Moved:
		m.moved(now, e, out)
	case protocol.PeerDropped:
		m.reviewMember(e.Peer.ID, out)
	}
	if m.notary == nil {
		return
	}
	switch e := e.(type) {
	case protocol.PeerUp:
		m.learn(e.Peer.ID, e.Peer.Credential)
	case protocol.PeerChanged:
		m.learn(e.Peer.ID, e.Peer.Credential)
	case protocol.CredentialKnown:
		m.known(e, out)
	case protocol.CredentialGone:
		m.forget(now, e.Author, out)
	case protocol.CredentialsJudged:
		m.judge(now, e, out)
	}
}

// Receive implements protocol.Machine.
func (m *Machine) Receive(now protocol.Time, from protocol.NodeID, message protocol.Message, out *protocol.Output) {
	switch {
	case from == m.config.Self:
		out.Drop(from, ReasonSelf)
		return
	case m.config.Hosts.Own() == nil:
		out.Drop(from, ReasonNotRunning)
		return
	}
	m.awake, _ = m.config.Hosts.Awake()
	switch message := message.(type) {
	case *Digest:
		m.receiveDigest(now, from, message, out)
	case *Delta:
		m.receiveDelta(now, from, message, out)
	case *FunctionPart:
		m.receivePart(now, from, message, out)
	case *Ask:
		m.receiveAsk(now, from, message, out)
	case *Piece:
		m.receivePiece(now, from, message, out)
	case *AccountQuestion:
		m.receiveAccountQuestion(from, message, out)
	case *AccountPiece:
		m.receiveAccountPiece(from, message, out)
	default:
		out.Drop(from, ReasonUnknownType)
	}
}

// Stats returns the counters.
func (m *Machine) Stats() Stats {
	s := m.stats
	s.Functions = len(m.functions.all)
	s.OwnRows = len(m.own.all)
	s.BlobsOwn, s.BlobsCached, s.BlobsCachedBytes = len(m.blobs.own), len(m.blobs.cached), m.blobs.bytes
	for _, l := range m.levels {
		s.Rows += l.table.Len()
		s.Zones += l.zones()
	}
	return s
}

// Root returns the summary of the whole fleet.
func (m *Machine) Root() Summary { return m.root.summary.clone() }

// Wanted reports whether the summary of the whole fleet says that a host wants a topic.
func (m *Machine) Wanted(topic uint64) bool { return m.root.summary.Interest.Rating(topic) > 0 }

// Zone returns the summary of a zone on the own path, as it is computed here; of any other it is empty.
func (m *Machine) Zone(zone string) Summary {
	if zone == Root {
		return m.Root()
	}
	for _, l := range m.levels {
		if l.own == zone {
			return l.child.summary.clone()
		}
	}
	return Summary{}
}
