package live

import (
	"encoding/binary"
	"net/netip"

	"spinglass/protocol"
	"spinglass/seal"
)

// A notice tells the sender of a sealed datagram that its session is not known here, as after a restart. It is the one thing that is not sealed. So it is not believed,
// and only makes its receiver try a handshake.
const (
	noticeVersion = 3
	noticeSize    = seal.HeaderSize // the header of the datagram that came, with another version
)

// notice is what one says.
type notice struct {
	index   uint32 // of the session, as the sender of the datagram has it from its receiver
	counter uint64
	from    netip.AddrPort
}

// tellUnknown answers a sealed datagram whose session is not known, with less than has come.
func (r *reader) tellUnknown(now protocol.Time, datagram []byte, from netip.AddrPort) {
	n := r.node
	if r.told {
		return
	}
	r.told = true
	if !r.notices.take(now, n.links.limits.noticeRate, n.links.limits.noticeBurst) || !answerable(from) || !r.incoming.reaches(from) {
		n.count.noticesLimited.Add(1)
		return
	}
	copy(r.notice[:], datagram)
	r.notice[0] = noticeVersion
	if r.incoming.answer(r.notice[:], from) == nil {
		n.count.noticesSent.Add(1)
	}
}

// hearNotice hands a notice to the loop, unless the loop has enough to do.
func (r *reader) hearNotice(datagram []byte, from netip.AddrPort) {
	n := r.node
	n.count.noticesReceived.Add(1)
	if !r.heard.take(n.now(), n.links.limits.noticeRate, n.links.limits.noticeBurst) {
		n.count.noticesLimited.Add(1)
		return
	}
	heard := &notice{index: binary.BigEndian.Uint32(datagram[1:]), counter: seal.Counter(datagram), from: from}
	select {
	case n.work.completions <- completion{kind: completionNotice, notice: heard}:
	default:
		n.count.noticesLimited.Add(1)
	}
}

// noticed begins a handshake with the peer whose session a notice is about. The session is kept until there is another.
func (n *Node) noticed(heard *notice) {
	k, now := n.links, n.now()
	for id, p := range k.peers {
		sealed := p.current.sealed.Load()
		if p.current.remote != heard.index || heard.counter >= sealed || sealed-heard.counter > noticeRecent {
			continue
		}
		if p.noticed != 0 && now.Sub(p.noticed) < k.limits.noticeSpacing {
			break
		}
		k.found.delete(heard.from) // somebody else may be there now
		if n.attempt(now, destination{id: id}, k.attemptAt(destination{id: id})) {
			p.noticed = now
			n.count.noticesFollowed.Add(1)
		}
		return
	}
	n.count.noticesLimited.Add(1)
}
