package live

import (
	"maps"
	"sync"
	"sync/atomic"

	"spinglass/protocol"
)

// reasonsMax bounds how many reasons of the machine are counted apart.
const reasonsMax = 128

// Stats is a snapshot of the counters of a Node. Counts are since Start.
type Stats struct {
	DatagramsReceived  uint64 // handed to the loop, or refused by the reader
	BytesReceived      uint64 // of those
	MessagesReceived   uint64 // decoded and given to the machine
	ArrivalsReceived   uint64 // reads of the socket that brought something
	KernelDropped      uint64 // datagrams that the kernel dropped because the socket's buffer was full, where it tells
	DatagramsSent      uint64 // taken by the kernel; one spread to eight peers counts as eight
	BytesSent          uint64 // of those
	SendCalls          uint64 // system calls that sent them
	MessagesSent       uint64 // encoded; one spread counts as one
	BytesPadded        uint64 // added to datagrams to make segments of equal size
	WriterWaits        uint64 // times that the loop waited for the writer
	WriterRests        uint64 // times that the writer rested, for more to come together
	FeedsOvertaken     uint64 // times that what Do had queued no longer waited for a writer that was always busy
	ReadErrors         uint64
	AcceptsFailed      uint64 // TCP connections that could not be taken, as when too many files are open; each try counts
	Turns              uint64 // of the loop
	TurnsAssisted      uint64 // taken by a reader, while the loop waited
	Timeouts           uint64 // given to the machine
	Events             uint64 // emitted by the machine
	PausedNanoseconds  uint64 // slept through by Pause and Perturb
	PeersForgotten     uint64 // whose addresses had to make room for others
	StrangersForgotten uint64
	LookupsFailed      uint64
	LookupsRefused     uint64 // because too many were under way
	WorkRefused        uint64 // work beyond a bound, completed with an error
	GroupMessagesSent  uint64 // encoded for a group, and perhaps for peers besides
	GroupDatagrams     uint64 // received by way of a group; counted in DatagramsReceived too
	GroupsRefused      uint64 // groups that could not be joined
	StreamsRefused     uint64 // streams that peers wanted to open, beyond a bound or without a proper greeting

	Handshakes           uint64 // that made a session, begun by either side
	HandshakesFailed     uint64 // connections that came to nothing: unreachable, too slow, garbage
	HandshakesRefused    uint64 // because of who the other end is, by either side
	HandshakesFormat     uint64 // of those, because there is no format that both ends speak
	ConnectionsLimited   uint64 // closed because too many came from one address
	ConnectionsCrowded   uint64 // closed because too many were under way
	ConnectionsSilent    uint64 // closed because they said nothing while many were under way; they count as failed handshakes, too
	ConnectionsDisplaced uint64 // closed because they gave way for others; they count as failed handshakes, too
	SessionsEvicted      uint64 // peers whose sessions had to make room for others
	SessionsExpired      uint64 // peers whose sessions ended for want of use, or because no new one could be made
	SessionsRevoked      uint64 // peers whose sessions ended because their certificates had
	Rekeys               uint64 // handshakes that this node began to replace a session
	NoticesSent          uint64 // that a session is unknown
	NoticesReceived      uint64
	NoticesFollowed      uint64 // of those, that began a handshake
	NoticesLimited       uint64 // not sent or not looked at, beyond a bound, or about nothing that was sent lately
	GroupKeysAsked       uint64 // of senders that were heard by multicast
	GroupKeysRenewed     uint64 // the node's own

	RelayedSent           uint64 // datagrams given to gateways, or by one to its clients; not counted in DatagramsSent
	RelayedSentBytes      uint64
	RelayedReceived       uint64 // datagrams that came by way of a gateway, or to one from a client; counted in DatagramsReceived too
	GatewayConnections    uint64 // that were made to gateways
	GatewayFailures       uint64 // attempts that came to nothing
	GatewaysLost          uint64 // connections to gateways that broke
	GatewaysRefused       uint64 // gateways that were wanted and are too many
	GatewayCallsFollowed  uint64 // calls by gateways that led to their own, or another one's
	GatewayCallsIgnored   uint64 // calls beyond a bound, or for a peer that has no gateways
	GatewayCallsSent      uint64 // of this gateway, to members that a client wants
	ClientsRefused        uint64 // of this gateway, beyond its bound
	ClientsReplaced       uint64 // by a later connection of the same member
	RelayedPassed         uint64 // datagrams passed on from one client to another
	RelayedPassedBytes    uint64 // of these, and of the streams between clients
	RelayConnsRevoked     uint64 // connections cut off because of the certificate of the other end
	RelayFramesMalformed  uint64 // connections cut off because of what came by them
	RelayFramesUnknown    uint64 // frames skipped, of a kind that this version does not know
	RelayedStreamsOpened  uint64 // connections through gateways, in both directions
	RelayedStreamsRefused uint64 // beyond a bound
	RelayedStreamsBroken  uint64 // because something of them could not be carried
	RelayNewsLost         uint64 // that a member is absent or wanted, and of which the loop was not told: too often, or it had enough to do

	Gateways       uint64 // gauge: gateways to which there is a connection
	Clients        uint64 // gauge: of this gateway
	RelayedStreams uint64 // gauge: connections through gateways

	Sessions      uint64 // gauge: peers with a session
	Peers         uint64 // gauge: peers whose addresses are known
	Streams       uint64 // gauge: streams open
	GroupsJoined  uint64 // gauge
	ReceiveBuffer uint64 // bytes of the socket's buffer, as the kernel granted them; 0 when unknown
	SendBuffer    uint64
	Segments      bool // whether the kernel cuts up and coalesces datagrams (GSO, GRO)

	// Drops counts what was dropped, by reason: those of this package and those of the machine.
	Drops map[protocol.Reason]uint64
}

// counters are the counters behind Stats. Each has one writer as a rule, and any reader.
type counters struct {
	datagramsReceived, bytesReceived, messagesReceived, arrivalsReceived, kernelDropped                      atomic.Uint64
	datagramsSent, bytesSent, sendCalls, messagesSent, bytesPadded, writerWaits, writerRests, feedsOvertaken atomic.Uint64
	readErrors, turns, turnsAssisted, timeouts, events, pausedNanoseconds                                    atomic.Uint64
	peersForgotten, strangersForgotten, lookupsFailed, lookupsRefused                                        atomic.Uint64
	groupMessagesSent, groupDatagramsReceived, groupsRefused, groupsJoined                                   atomic.Uint64
	workRefused, streamsRefused, acceptsFailed, peers, streams                                               atomic.Uint64
	handshakes, handshakesFailed, handshakesRefused, connectionsLimited, connectionsCrowded                  atomic.Uint64
	sessions, sessionsEvicted, sessionsExpired, sessionsRevoked, rekeys                                      atomic.Uint64
	noticesSent, noticesReceived, noticesFollowed, noticesLimited, groupKeysAsked, groupKeysRenewed          atomic.Uint64
	connectionsSilent, connectionsDisplaced                                                                  atomic.Uint64
	handshakesFormat                                                                                         atomic.Uint64
	drops                                                                                                    drops
}

func (c *counters) snapshot() Stats {
	return Stats{
		DatagramsReceived: c.datagramsReceived.Load(), BytesReceived: c.bytesReceived.Load(),
		MessagesReceived: c.messagesReceived.Load(), ArrivalsReceived: c.arrivalsReceived.Load(),
		KernelDropped: c.kernelDropped.Load(), DatagramsSent: c.datagramsSent.Load(), BytesSent: c.bytesSent.Load(),
		SendCalls: c.sendCalls.Load(), MessagesSent: c.messagesSent.Load(), BytesPadded: c.bytesPadded.Load(),
		WriterWaits: c.writerWaits.Load(), WriterRests: c.writerRests.Load(), FeedsOvertaken: c.feedsOvertaken.Load(), ReadErrors: c.readErrors.Load(), Turns: c.turns.Load(), TurnsAssisted: c.turnsAssisted.Load(),
		Timeouts: c.timeouts.Load(), Events: c.events.Load(), PausedNanoseconds: c.pausedNanoseconds.Load(),
		PeersForgotten: c.peersForgotten.Load(), StrangersForgotten: c.strangersForgotten.Load(),
		LookupsFailed: c.lookupsFailed.Load(), LookupsRefused: c.lookupsRefused.Load(),
		WorkRefused: c.workRefused.Load(), StreamsRefused: c.streamsRefused.Load(), AcceptsFailed: c.acceptsFailed.Load(),
		GroupMessagesSent: c.groupMessagesSent.Load(), GroupDatagrams: c.groupDatagramsReceived.Load(),
		GroupsRefused: c.groupsRefused.Load(), GroupsJoined: c.groupsJoined.Load(),
		Handshakes: c.handshakes.Load(), HandshakesFailed: c.handshakesFailed.Load(), HandshakesRefused: c.handshakesRefused.Load(),
		HandshakesFormat: c.handshakesFormat.Load(), ConnectionsLimited: c.connectionsLimited.Load(), ConnectionsCrowded: c.connectionsCrowded.Load(),
		ConnectionsSilent: c.connectionsSilent.Load(), ConnectionsDisplaced: c.connectionsDisplaced.Load(),
		Sessions: c.sessions.Load(), SessionsEvicted: c.sessionsEvicted.Load(), SessionsExpired: c.sessionsExpired.Load(),
		SessionsRevoked: c.sessionsRevoked.Load(), Rekeys: c.rekeys.Load(),
		NoticesSent: c.noticesSent.Load(), NoticesReceived: c.noticesReceived.Load(), NoticesFollowed: c.noticesFollowed.Load(),
		NoticesLimited: c.noticesLimited.Load(), GroupKeysAsked: c.groupKeysAsked.Load(), GroupKeysRenewed: c.groupKeysRenewed.Load(),
		Peers: c.peers.Load(), Streams: c.streams.Load(), Drops: c.drops.snapshot(),
	}
}

// drops counts by reason. The map is copied when a reason is new, so that counting takes no lock.
type drops struct {
	adding sync.Mutex
	counts atomic.Pointer[map[protocol.Reason]*atomic.Uint64]
}

func (d *drops) init() {
	counts := make(map[protocol.Reason]*atomic.Uint64, len(driverReasons))
	for _, reason := range driverReasons {
		counts[reason] = new(atomic.Uint64)
	}
	d.counts.Store(&counts)
}

// add counts n drops and returns the new count.
func (d *drops) add(reason protocol.Reason, n uint64) uint64 {
	count := (*d.counts.Load())[reason]
	if count == nil {
		count = d.register(reason)
	}
	return count.Add(n)
}

// of returns how many drops of one of the driver's own reasons were counted.
func (d *drops) of(reason protocol.Reason) uint64 { return (*d.counts.Load())[reason].Load() }

func (d *drops) register(reason protocol.Reason) *atomic.Uint64 {
	d.adding.Lock()
	defer d.adding.Unlock()
	counts := *d.counts.Load()
	if count := counts[reason]; count != nil {
		return count
	}
	if len(counts) >= len(driverReasons)+reasonsMax {
		return counts[ReasonOther]
	}
	counts = maps.Clone(counts)
	count := new(atomic.Uint64)
	counts[reason] = count
	d.counts.Store(&counts)
	return count
}

// snapshot returns the counts that are not zero.
func (d *drops) snapshot() map[protocol.Reason]uint64 {
	counts := *d.counts.Load()
	snapshot := make(map[protocol.Reason]uint64, len(counts))
	for reason, count := range counts {
		if n := count.Load(); n > 0 {
			snapshot[reason] = n
		}
	}
	return snapshot
}
