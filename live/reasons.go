package live

import (
	"spinglass/protocol"
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
	ReasonAddressUnknown    protocol.Reason = "address_unknown"    // to a peer without a known address
	ReasonAddressBad        protocol.Reason = "address_bad"        // not host:port, or not an address to send to
	ReasonAddressUnresolved protocol.Reason = "address_unresolved" // to a name that has no address, or too many names
	ReasonMessageOversize   protocol.Reason = "message_oversize"   // does not fit into the largest datagram
	ReasonSendBuffer        protocol.Reason = "send_buffer_full"   // the kernel had no room
	ReasonSendUnreachable   protocol.Reason = "send_unreachable"   // the kernel knows no way, or the socket's family is another
	ReasonSendOversize      protocol.Reason = "send_oversize"      // longer than the path takes
	ReasonSendFailed        protocol.Reason = "send_failed"        // other errors of sending
	ReasonMulticastStranger protocol.Reason = "multicast_stranger" // by multicast from who is no peer, such as a member of another fleet
	ReasonMulticastNone     protocol.Reason = "multicast_none"     // to a group, though there is no multicast
	ReasonOther             protocol.Reason = "other"              // reasons of the machine beyond the first reasonsMax
)

// driverReasons are all of the above, in the order of the counters.
var driverReasons = []protocol.Reason{
	ReasonDatagramShort, ReasonDatagramVersion, ReasonDatagramChecksum, ReasonDatagramSender, ReasonDatagramOversize, ReasonDatagramSelf,
	ReasonFrameMalformed, ReasonFrameKind, ReasonReceiveQueue, ReasonAddressUnknown, ReasonAddressBad, ReasonAddressUnresolved,
	ReasonMessageOversize, ReasonSendBuffer, ReasonSendUnreachable, ReasonSendOversize, ReasonSendFailed, ReasonMulticastStranger,
	ReasonMulticastNone, ReasonOther,
}

// openReason tells under which reason an error of wire.OpenDatagram is counted.
func openReason(err error) protocol.Reason {
	switch err {
	case wire.ErrShort:
		return ReasonDatagramShort
	case wire.ErrVersion:
		return ReasonDatagramVersion
	case wire.ErrChecksum:
		return ReasonDatagramChecksum
	}
	return ReasonDatagramSender
}
