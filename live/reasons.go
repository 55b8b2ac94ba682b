package live

import (
	"spinglass/protocol"
	"spinglass/seal"
	"spinglass/wire"
)

// The reasons for which the driver itself drops input and output. Those of the machine stand beside them in Stats.Drops.
const (
	ReasonDatagramShort     protocol.Reason = "datagram_short"     // shorter than a header
	ReasonDatagramVersion   protocol.Reason = "datagram_version"   // of another version, or something else altogether
	ReasonDatagramChecksum  protocol.Reason = "datagram_checksum"  // damaged
	ReasonDatagramSender    protocol.Reason = "datagram_sender"    // from NodeID zero
	ReasonDatagramOversize  protocol.Reason = "datagram_oversize"  // above wire.DatagramMax
	ReasonDatagramSelf      protocol.Reason = "datagram_self"      // from the node itself
	ReasonFrameMalformed    protocol.Reason = "frame_malformed"    // ends early, or its body is malformed
	ReasonFrameKind         protocol.Reason = "frame_kind_unknown" // of a kind that the decoder does not know
	ReasonReceiveQueue      protocol.Reason = "receive_queue_full" // arrivals that the loop was too slow for
	ReasonReceiveShare      protocol.Reason = "receive_share_full" // arrivals of a sender that has most of the room already
	ReasonAddressUnknown    protocol.Reason = "address_unknown"    // to a peer without a known address
	ReasonAddressBad        protocol.Reason = "address_bad"        // not host:port, or not an address to send to
	ReasonAddressUnresolved protocol.Reason = "address_unresolved" // to a name that has no address, or too many names
	ReasonMessageOversize   protocol.Reason = "message_oversize"   // does not fit into the largest datagram
	ReasonSendBuffer        protocol.Reason = "send_buffer_full"   // the kernel had no room
	ReasonSendUnreachable   protocol.Reason = "send_unreachable"   // the kernel knows no way, or the socket's family is another
	ReasonSendOversize      protocol.Reason = "send_oversize"      // longer than the path takes
	ReasonSendFailed        protocol.Reason = "send_failed"        // other errors of sending
	ReasonGroupKind         protocol.Reason = "group_kind"         // by multicast, of a kind that is not sent to groups, or not by multicast, of one that is sent to nobody else
	ReasonMulticastStranger protocol.Reason = "multicast_stranger" // by multicast from who is no peer, such as a member of another fleet
	ReasonMulticastNone     protocol.Reason = "multicast_none"     // to a group, though there is no multicast
	ReasonRadioNone         protocol.Reason = "radio_none"         // a broadcast over one hop, though there is no radio
	ReasonSessionUnknown    protocol.Reason = "session_unknown"    // sealed for a session that there is not, as after a restart
	ReasonSessionRate       protocol.Reason = "session_rate"       // more than is opened for one session
	ReasonSessionExhausted  protocol.Reason = "session_exhausted"  // to a peer for which no more may be sealed
	ReasonDatagramForged    protocol.Reason = "datagram_forged"    // not sealed by the peer of its session
	ReasonDatagramReplayed  protocol.Reason = "datagram_replayed"  // opened before, or far too late
	ReasonGroupKeyUnknown   protocol.Reason = "group_key_unknown"  // by multicast from who has not given its key yet
	ReasonGroupKeyRate      protocol.Reason = "group_key_rate"     // requests for keys for groups, and keys, more often than anybody needs them
	ReasonLinkDown          protocol.Reason = "link_down"          // to a peer with which no session could be made
	ReasonLinkWaiting       protocol.Reason = "link_waiting_full"  // too much waits for a session
	ReasonRelayDown         protocol.Reason = "relay_down"         // to a member through a gateway to which there is no connection
	ReasonRelayQueue        protocol.Reason = "relay_queue_full"   // too much waits for the connection to a gateway, or of a gateway to its client
	ReasonGatewayQueue      protocol.Reason = "gateway_queue_full" // of clients of this gateway: too much waits for another one,
	ReasonGatewayRate       protocol.Reason = "gateway_rate"       // it was more than one client may send,
	ReasonGatewayAbsent     protocol.Reason = "gateway_absent"     // or to who is not connected
	ReasonFormat            protocol.Reason = "format_unknown"     // to a peer whose link speaks a format that does not know the message
	ReasonOther             protocol.Reason = "other"              // reasons of the machine beyond the first reasonsMax
)

// driverReasons are all of the above, in the order of the counters.
var driverReasons = []protocol.Reason{
	ReasonDatagramShort, ReasonDatagramVersion, ReasonDatagramChecksum, ReasonDatagramSender, ReasonDatagramOversize, ReasonDatagramSelf,
	ReasonFrameMalformed, ReasonFrameKind, ReasonReceiveQueue, ReasonReceiveShare, ReasonAddressUnknown, ReasonAddressBad, ReasonAddressUnresolved,
	ReasonMessageOversize, ReasonSendBuffer, ReasonSendUnreachable, ReasonSendOversize, ReasonSendFailed, ReasonMulticastStranger, ReasonGroupKind,
	ReasonMulticastNone, ReasonRadioNone, ReasonSessionUnknown, ReasonSessionRate, ReasonSessionExhausted, ReasonDatagramForged, ReasonDatagramReplayed,
	ReasonGroupKeyUnknown, ReasonGroupKeyRate, ReasonLinkDown, ReasonLinkWaiting, ReasonRelayDown, ReasonRelayQueue, ReasonGatewayQueue,
	ReasonGatewayRate, ReasonGatewayAbsent, ReasonFormat, ReasonOther,
}

// openReason tells under which reason an error of wire.CheckDatagram or seal.Open is counted.
func openReason(err error) protocol.Reason {
	switch err {
	case wire.ErrShort:
		return ReasonDatagramShort
	case wire.ErrVersion:
		return ReasonDatagramVersion
	case wire.ErrChecksum:
		return ReasonDatagramChecksum
	case seal.ErrForged:
		return ReasonDatagramForged
	case seal.ErrReplayed:
		return ReasonDatagramReplayed
	}
	return ReasonDatagramSender
}
