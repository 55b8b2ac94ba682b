package bimodal

import (
	"time"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/wire"
)

// Machine is the protocol of one node. See the package documentation.
type Machine struct {
	config Config
	packer wire.Packer
	proven wire.Packer // of bodies that leave room for a signature
	arena  arena
	hash   uint64 // of config.Self, for the choice of bufferers

	ownArena   arena // for packets of this node's own, which it keeps for their life
	longArena  arena // for copies of packets that few members keep
	freeBlocks []*block

	stats Stats

	topics        map[TopicID]*topic
	byName        map[string]*topic
	topicOrder    []*topic // as they were taken up
	subscriptions int

	byID       map[StreamID]*stream
	authors    map[protocol.NodeID]*author // of the streams
	pass       uint64                      // over them, for their authors
	streams    []*stream                   // as they were taken up
	firstEpoch uint64                      // of this run; config.Epoch is the present one
	newest     *stream                     // list of active streams
	rotation   int                         // index into streams from which the next digest lists idle ones
	forgetAt   int                         // index into streams from which the next round looks for some to forget

	groups       int // that the driver can join
	groupsJoined int
	bands        map[TopicID]banded // lower bands by their ids

	peers         map[protocol.NodeID]*peer
	peerOrder     []*peer // by id
	partners      []*peer
	background    background
	greetings     []protocol.NodeID // peers to be greeted
	endings       []*stream         // that have some to be told of
	partnersKnown bool
	proximity     proximity
	fanoutLeast   int // of the topics that have streams
	fanoutMost    int
	laggards      int    // 0 when no peer is marked as lagging
	settled       uint32 // round from which on no peer's standing changes with time
	depth         int    // of what the hosts of the own leaf zone are to other zones
	orders        orders

	opened   []*topic // with a packet being filled
	sealAt   protocol.Time
	writable protocol.Deadlines[*topic] // topics that somebody waits for
	roundAt  protocol.Time

	round       uint32
	carried     int     // bytes that the streams carried in the present round
	carriedMean float64 // of the past rounds
	lengthMean  int     // bytes of a packet's body, of the packets of late, times lengthMemory
	granted     int     // bytes for repairs in the present round
	budget      int     // of these, left; one packet passes whatever its size, and may leave a debt
	pollsLeft   int     // to send in the present round
	refusalTold bool    // in the present round
	roomSought  bool    // for streams, in the present round
	repairs     repairQueue
	favours     favours  // what is done for others in the present round
	strangers   portions // what those have had of it who are no peers
	digestStamp uint64
	quiet       []quiet // a ring
	quietAt     int
	overrun     uint32 // round in which this node fell further behind with a stream; 0 for never
	proving     proving
	carrying    carrying
	receipts    receipts
	entering    int // contacts from which receipts are expected
	assembled   int // bytes of messages being put together, all streams
	scratch     scratch
}

// New returns a machine. The error says which field of config is out of range.
func New(config Config) (*Machine, error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	m := &Machine{
		config:  config,
		packer:  wire.NewPacker(config.DatagramSize - packetOverheadMax),
		proven:  wire.NewPacker(config.DatagramSize - packetOverheadMax - identity.SignatureSize),
		topics:  make(map[TopicID]*topic),
		byName:  make(map[string]*topic),
		bands:   make(map[TopicID]banded),
		byID:    make(map[StreamID]*stream),
		authors: make(map[protocol.NodeID]*author),
		peers:   make(map[protocol.NodeID]*peer),
		depth:   depthOf(hostsOf(config.Zone)),
		orders:  orders{books: make(map[orderKey]*book)},
		favours: newFavours(),
		sealAt:  protocol.Never,
		roundAt: protocol.Never,

		firstEpoch: config.Epoch,
		hash:       hashMember(config.Self),
		proving:    newProving(config.Notary),
		carrying:   carrying{limit: carriesMax},
		background: newBackground(config.Background),
	}
	m.beginRound()
	return m, nil
}

// Start implements protocol.Machine.
func (m *Machine) Start(protocol.Time, *protocol.Output) {}

// Receive implements protocol.Machine.
func (m *Machine) Receive(now protocol.Time, from protocol.NodeID, message protocol.Message, out *protocol.Output) {
	m.heard(from)
	switch message := message.(type) {
	case *Packet:
		m.carryBroad(now, from, message.Stream.Topic, out)
		m.receive(now, arrived{packet: message, from: from, way: wayFirst}, out)
	case *Repair:
		if p := m.peers[from]; p != nil {
			p.unanswered = 0
		}
		m.receive(now, arrived{packet: message.Packet, from: from, way: wayRepair}, out)
	case *Shared:
		m.receiveShared(now, from, message, out)
	case *Relay:
		m.receiveRelay(now, from, message, out)
	case *Digest:
		m.receiveDigest(now, from, message, out)
	case *Request:
		m.receiveRequest(now, from, message, out)
	case *Poll:
		m.receivePoll(now, from, message, out)
	case *Order:
		m.receiveOrder(from, message, out)
	case *OrderRequest:
		m.receiveOrderRequest(from, message, out)
	case *Receipt: // that it came is all that it says
	case *TopicName:
		m.receiveTopicName(now, from, message, out)
	case *MulticastProbe:
		m.receiveProbe(from, message, out)
	case *MulticastHeard:
		m.receiveHeard(now, from, message, out)
	default:
		out.Drop(from, ReasonUnknown)
	}
}

// Notify implements protocol.Machine. It takes in the views that membership emits.
func (m *Machine) Notify(now protocol.Time, e protocol.Event, out *protocol.Output) {
	switch e := e.(type) {
	case protocol.PeerUp:
		m.setPeer(e.Peer, out)
	case protocol.PeerChanged:
		m.setPeer(e.Peer, out)
	case protocol.PeerUnreachable:
		m.setReachable(e.Peer.ID, false)
	case protocol.PeerReachable:
		m.setReachable(e.Peer.ID, true)
	case protocol.PeerSuspect:
		m.setTrouble(e.Peer.ID, troubleSuspect, true)
	case protocol.PeerAlive:
		m.setTrouble(e.Peer.ID, troubleSuspect, false)
	case protocol.PeerDown:
		m.removePeer(e.Peer.ID)
	case protocol.PeerLeft:
		m.removePeer(e.Peer.ID)
	case protocol.PeerDropped:
		m.removePeer(e.Peer.ID)
	case protocol.CredentialKnown:
		m.knowCredential(now, e, out)
	case protocol.CredentialGone:
		m.forgetKey(e.Author)
	case protocol.CredentialsJudged:
		m.judgeKeys(e)
	case protocol.MulticastOffered:
		m.offerGroups(e.Groups, out)
	case protocol.Moved:
		m.moved(protocol.Zone(e.Name), out)
	case protocol.EpochRaised:
		m.raiseEpoch(now, e.Epoch, out)
	case protocol.AttributeRefused:
		switch e.Name {
		case InterestAttribute:
			m.stats.InterestRefused++
		case CarriesAttribute:
			m.refuseCarries(out)
		}
	}
}

// Timeout implements protocol.Machine.
func (m *Machine) Timeout(now protocol.Time, out *protocol.Output) {
	if now >= m.sealAt {
		m.sealAll(now, out)
	}
	if now >= m.proving.coverAt {
		m.coverAll(now, out)
	}
	for t, ok := m.writable.Due(now); ok; t, ok = m.writable.Due(now) {
		out.Emit(&Writable{Topic: t.name})
	}
	if now >= m.roundAt {
		m.gossip(now, out)
	}
}

// Deadline implements protocol.Machine.
func (m *Machine) Deadline() protocol.Time {
	return min(m.sealAt, m.roundAt, m.proving.coverAt, m.writable.Next())
}

// Stats returns what the machine counted so far.
func (m *Machine) Stats() Stats {
	stats := m.stats
	stats.Round = uint64(m.round)
	stats.Streams, stats.Topics, stats.Peers = len(m.streams), len(m.topicOrder), len(m.peerOrder)
	stats.RelaysHeld, stats.OrdersPending = len(m.orders.held), m.orders.pending
	stats.SuspectBytes = m.proving.suspects.bytes
	stats.RepairsWaiting = m.repairs.length
	stats.RepairBudget = m.roundBudget()
	stats.RateAllowed, stats.CrowdLag = m.slowest()
	for _, p := range m.peerOrder {
		if p.trouble&troubleLagging != 0 {
			stats.PeersLagging++
		}
		if p.trouble&troubleCorrupt != 0 {
			stats.PeersShunned++
		}
	}
	stats.GroupsJoined, stats.Carries = m.groupsJoined, len(m.carrying.topics)
	for _, t := range m.topicOrder {
		for g := range t.groups() {
			stats.MulticastTargets += g.hearing
		}
		stats.GroupsLacking += m.wantedGroups(t).without(t.joined).count()
		stats.ZonesBarred += t.barred
	}
	return stats
}

// nextRound returns when the round after the one due at m.roundAt comes. Rounds keep their phase, and those that this node was
// too late for are left out.
func (m *Machine) nextRound(now protocol.Time) protocol.Time {
	if len(m.streams) == 0 && !m.proving.busy() && !m.carrying.busy() {
		return protocol.Never
	}
	round := m.config.Round
	missed := now.Sub(m.roundAt) / round
	return m.roundAt.Add(time.Duration(missed+1) * round)
}
