package adhoc

import "spinglass/protocol"

// Stats counts what a node did since it started.
type Stats struct {
	DatagramsSent     uint64
	BytesSent         uint64
	DatagramsReceived uint64
	BytesReceived     uint64
	Broadcasts        uint64
	Unicasts          uint64
	UnicastsAgain     uint64 // sent again
	UnicastsBroken    uint64 // never acknowledged
	UnicastsRefused   uint64 // not sent: too many were under way
	UnicastsTwice     uint64 // received again, since the acknowledgement was lost
	UnicastsForeign   uint64 // for somebody else
	AcksSent          uint64
	AcksReceived      uint64
	AcksStray         uint64 // of nothing that was under way
	Malformed         uint64 // datagrams and frames that are none
	Unknown           uint64 // frames of kinds that are not known
	InboxFull         uint64
	SendFailed        uint64
	ReceiveFailed     uint64 // times that the socket gave an error in place of a datagram
	Oversized         uint64 // messages that do not fit into a datagram
	NeighboursEvicted uint64 // whose addresses were forgotten because there were NeighboursMax: the next unicast to them is a broadcast
	EffectsRefused    uint64 // what a machine asked for and this driver does not do

	Neighbours int // whose addresses are known
	Underway   int
	Drops      map[protocol.Reason]uint64
}
