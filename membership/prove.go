package membership

import (
	"bytes"

	"spinglass/protocol"
	"spinglass/table"
)

// Bounds of the hashing that proofs of heartbeats take in a round. A hash takes a tenth of a microsecond.
const (
	walksPerRound = 1 << 16 // hashes for gaps of more than stepsMax heartbeats
	stepsPerRound = 1 << 16 // hashes for all others
	stepsMax      = 64
	hashingShare  = 4 // one sender gets a quarter of each at most
)

// hashing is what is left of a round's hashing.
type hashing struct {
	walks, steps           int
	walksSpent, stepsSpent [senderBuckets]int
}

// refill begins a round.
func (h *hashing) refill() { *h = hashing{walks: walksPerRound, steps: stepsPerRound} }

// take takes hashes from the budget for a sender, or reports that there are not enough.
func (h *hashing) take(from protocol.NodeID, hashes uint64) bool {
	left, spent, all := &h.steps, &h.stepsSpent[bucketOf(from)], stepsPerRound
	if hashes > stepsMax {
		left, spent, all = &h.walks, &h.walksSpent[bucketOf(from)], walksPerRound
	}
	n := int(hashes)
	if n > *left || *spent+n > all/hashingShare {
		return false
	}
	*left -= n
	*spent += n
	return true
}

// proven reports whether a heartbeat of row is proven by its link. known is an earlier heartbeat with its link; heartbeat 0 is the row itself.
func (m *Machine) proven(from protocol.NodeID, row *table.Row, known uint64, knownProof []byte, heartbeat uint64, proof []byte, out *protocol.Output) bool {
	if known == 0 {
		knownProof = row.Anchor
	}
	if len(proof) != table.LinkSize || len(knownProof) != table.LinkSize || heartbeat <= known || heartbeat-known > table.ChainStepsMax {
		m.stats.BeatsForged++
		out.Drop(from, ReasonBeatForged)
		return false
	}
	if !m.guard.walks.take(from, heartbeat-known) {
		m.stats.BeatsOverBudget++
		out.Drop(from, ReasonBeatBudget)
		return false
	}
	m.stats.BeatsChecked++
	if table.CheckLink(row.Owner, row.Epoch, table.Link(knownProof), known, table.Link(proof), heartbeat) != nil {
		m.stats.BeatsForged++
		out.Drop(from, ReasonBeatForged)
		return false
	}
	return true
}

// proveRow takes the heartbeat of a row whose signature is good back to 0 if it is not proven. A row held before may have the same hash chain.
func (m *Machine) proveRow(from protocol.NodeID, u *RowUpdate, out *protocol.Output) {
	if u.Heartbeat == 0 {
		u.Proof = nil
		return
	}
	known, knownProof := uint64(0), []byte(nil)
	if e := m.table.Get(u.Row.Owner); e != nil && sameLinks(e.Row(), u.Row) && e.Version().Heartbeat < u.Heartbeat {
		known, knownProof = e.Version().Heartbeat, e.Proof()
	}
	if !m.proven(from, u.Row, known, knownProof, u.Heartbeat, u.Proof, out) {
		u.Heartbeat, u.Proof = 0, nil
	}
}

// sameLinks reports whether the heartbeats of two rows of one owner are links of one hash chain.
func sameLinks(a, b *table.Row) bool {
	return a.Epoch == b.Epoch && string(a.Anchor) == string(b.Anchor)
}

// renewedOnly reports whether a row differs from the one held by no more than the anchor of its heartbeats: nobody has to hear of that at once.
func renewedOnly(held, row *table.Row) bool {
	if held == nil || held.Epoch != row.Epoch {
		return false
	}
	same := *held
	same.Sequence, same.Anchor = row.Sequence, row.Anchor
	return bytes.Equal(same.AppendSigned(nil), row.AppendSigned(nil))
}

// beatProven reports whether a heartbeat that belongs to a row in the table, or on record, is news and proven.
func (m *Machine) beatProven(from protocol.NodeID, b *Beat, out *protocol.Output) bool {
	row, version, proof := m.heldProof(b.Owner)
	if row == nil || version.CompareRow(b.Version) != 0 || b.Heartbeat <= version.Heartbeat {
		return false
	}
	return m.proven(from, row, version.Heartbeat, proof, b.Heartbeat, b.Proof, out)
}

// heldProof returns the row of a member with its latest heartbeat and the link that proves it.
func (m *Machine) heldProof(owner protocol.NodeID) (*table.Row, table.Version, []byte) {
	if e := m.table.Get(owner); e != nil {
		return e.Row(), e.Version(), e.Proof()
	}
	if r := m.gone.get(owner); r != nil {
		return r.row, r.version, r.proof
	}
	return nil, table.Version{}, nil
}
