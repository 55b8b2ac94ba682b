package live

import (
	"encoding/binary"
	"net/netip"

	"spinglass/protocol"
	"spinglass/seal"
	"spinglass/wire"
)

// unseal opens the datagrams of an arrival where they lie, and marks those that are not to be looked at again. What is left has the sender in its
// header, as open datagrams do, and the tag behind its frames.
func (r *reader) unseal(b []byte, segment int, from netip.AddrPort) {
	n := r.node
	if len(b) == 0 {
		n.drop(0, ReasonDatagramShort, 1)
	}
	now := n.now()
	r.told = false
	if !r.group { // sessions are shared by all other readers
		n.links.opening.Lock()
		defer n.links.opening.Unlock()
	}
	for len(b) > 0 {
		datagram := firstDatagram(b, segment)
		b = b[len(datagram):]
		if r.group {
			if sender, reason := r.openGroup(now, datagram); reason != "" {
				n.drop(sender, reason, 1)
				datagram[0] = refused
			}
			continue
		}
		if len(datagram) == noticeSize && datagram[0] == noticeVersion {
			r.hearNotice(datagram, from)
			datagram[0] = refused
			continue
		}
		if sender, reason := r.open(now, datagram, from); reason != "" {
			n.drop(sender, reason, 1)
			datagram[0] = refused
		}
	}
}

// open opens one datagram. What costs least comes first.
func (r *reader) open(now protocol.Time, datagram []byte, from netip.AddrPort) (protocol.NodeID, protocol.Reason) {
	k := r.node.links
	if len(datagram) > wire.DatagramMax+seal.TagSize {
		return 0, ReasonDatagramOversize
	}
	index, err := seal.Index(datagram)
	if err != nil {
		return 0, openReason(err)
	}
	s := k.table.get(index)
	if s == nil {
		r.tellUnknown(now, datagram, from)
		return 0, ReasonSessionUnknown
	}
	if !s.bucket.take(now, k.limits.peerRate, k.limits.peerBurst) {
		return s.peer, ReasonSessionRate
	}
	if _, err := s.opener.Open(datagram); err != nil {
		return s.peer, openReason(err)
	}
	if s.heard.Swap(int64(now)) == int64(s.began) && !s.initiator { // the first that came by it
		k.proven.add(s)
	}
	binary.BigEndian.PutUint64(datagram[wire.HeaderSize-8:], uint64(s.peer))
	return s.peer, ""
}
