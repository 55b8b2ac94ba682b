package bimodal

import (
	"slices"

	"spinglass/protocol"
	"spinglass/wire"
)

// Receipt tells who sends packets into a zone through this node that they arrive. Otherwise nothing would: the sender need not be a peer, to which a digest ever goes.
type Receipt struct{ lent bool }

// Kind implements protocol.Message.
func (r *Receipt) Kind() protocol.Kind { return wire.KindReceipt }

// Lent implements protocol.Message.
func (r *Receipt) Lent() bool { return r.lent }

// Size implements protocol.Message.
func (r *Receipt) Size() int { return 0 }

// Append implements protocol.Message.
func (r *Receipt) Append(b []byte) []byte { return b }

func (r *Receipt) decode(b []byte) error {
	reader := wire.NewReader(b)
	return reader.Done()
}

// Bounds of receipts.
const (
	receiptPause    = 10   // rounds between two to one sender
	receiptPatience = 3    // rounds, and the round trip, after which one is missed
	receiptsMax     = 1024 // senders that get them
	receiptMemory   = 100  // rounds after which one is forgotten that sends nothing
	silentRounds    = 50   // rounds for which a contact counts as silent that did not send one
)

// receipt is who was sent one.
type receipt struct {
	to    protocol.NodeID
	round uint32 // of the latest
}

// receipts are ascending by sender.
type receipts []receipt

func (r receipts) find(id protocol.NodeID) (int, bool) {
	return slices.BinarySearchFunc(r, id, func(r receipt, id protocol.NodeID) int {
		switch {
		case r.to < id:
			return -1
		case r.to > id:
			return 1
		}
		return 0
	})
}

// acknowledge tells the sender of a packet that enters the zone here that this node is there, now and then.
func (m *Machine) acknowledge(now protocol.Time, to protocol.NodeID, out *protocol.Output) {
	if !m.knowsZones(to) {
		return
	}
	i, known := m.receipts.find(to)
	switch {
	case known && m.round-m.receipts[i].round < receiptPause:
		return
	case known:
		m.receipts[i].round = m.round
	case len(m.receipts) >= receiptsMax:
		m.stats.ReceiptsRefused++
		return
	default:
		m.receipts = slices.Insert(m.receipts, i, receipt{to, m.round})
	}
	m.awake(now)
	m.stats.ReceiptsSent++
	out.Send(to, &Receipt{})
}

// reviewReceipts forgets senders that send nothing any more, and has packets enter zones by others than the contacts that are silent.
func (m *Machine) reviewReceipts() {
	if m.round%receiptMemory == 0 {
		m.receipts = slices.DeleteFunc(m.receipts, func(r receipt) bool { return m.round-r.round > receiptMemory })
	}
	if m.entering == 0 {
		return
	}
	m.entering = 0
	for _, p := range m.peerOrder {
		switch {
		case p.entered == 0:
			continue
		case p.trouble&troubleSilent != 0:
			if m.round-p.entered > silentRounds {
				p.entered = 0
				m.setTrouble(p.id, troubleSilent, false)
				continue
			}
		case int(m.round-p.entered) > receiptPause+receiptPatience+m.allowance(p.id):
			p.entered = m.round
			m.stats.ContactsSilent++
			m.setTrouble(p.id, troubleSilent, true)
		}
		m.entering++
	}
}

// enterBy notes that a packet enters a zone through a contact, from which a receipt is expected.
func (m *Machine) enterBy(contact protocol.NodeID) {
	if p := m.peers[contact]; p != nil && p.entered == 0 && p.broad != nil {
		p.entered = max(1, m.round)
		m.entering++
	}
}

// heard notes that a contact is there.
func (m *Machine) heard(from protocol.NodeID) {
	if m.entering == 0 {
		return
	}
	if p := m.peers[from]; p != nil && p.entered != 0 {
		p.entered = 0
		m.setTrouble(from, troubleSilent, false)
	}
}
