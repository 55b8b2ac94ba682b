package bimodal

import "bytes"

// Bounds of packets on trial.
const (
	trialsMax      = 4096    // streams with packets on trial, or with an end that was heard of and is not proven
	trialBytesMax  = 8 << 20 // of packets on trial
	trialRounds    = 40      // rounds for which a packet waits for its manifest
	suspectEnds    = 4       // rounds after which a packet at the end of a stream is asked for again: authors close what they send with a manifest at once
	rivalsMax      = 4       // different packets under one number that wait, and as many that came by groups
	suspectCost    = 128     // what one takes besides the packet, in bytes
	suspectsUnused = 1024    // kept for the next use
)

// suspect is a packet that waits for the manifest that proves it.
type suspect struct {
	arrived
	voice        *voice // whose account it is on, and who is to blame if it is not the author's
	trial        *trial
	rival        *suspect // another packet of the same number
	older, newer *suspect // of all, as they came
	round        uint32
	cost         int
}

// suspects are all the packets that wait, as they came.
type suspects struct {
	oldest, newest *suspect
	unused         *suspect // a list of these, by newer
	spare          int      // in it
	bytes          int      // that those which wait keep alive
}

// trial is what is not proven of a stream.
type trial struct {
	id       StreamID
	by       *voice              // who began it
	suspects map[uint64]*suspect // by number
	round    uint32              // in which it was last of use
	claim    claim
}

// trialOf returns the trial of a stream, a new one if need be; nil when there are too many.
func (m *Machine) trialOf(id StreamID, by *voice) *trial {
	v := &m.proving
	t := v.trials[id]
	if t == nil {
		if !m.affords(by, by.trials, len(v.order), 1, trialsMax) {
			return nil
		}
		t = &trial{id: id, by: by, claim: claim{asked: m.round - neverAsked}}
		by.trials++
		v.trials[id] = t
		v.order = append(v.order, t)
	}
	t.round = m.round
	return t
}

// wait keeps a packet until its manifest comes. It reports whether there was room.
func (m *Machine) wait(a arrived, by *voice) bool {
	t := m.trialOf(a.packet.Stream, by)
	if t == nil {
		return false
	}
	rivals := 0
	for x := t.suspects[a.packet.Seq]; x != nil; x = x.rival {
		switch {
		case x.packet.equals(a.packet):
			if !a.taken { // it was counted then
				m.stats.PacketsDuplicate++
			}
			if a.relay != nil && x.relay == nil {
				x.from, x.relay = a.from, m.relayOf(a.relay, x.packet)
			}
			return true
		case x.voice.group == by.group:
			rivals++
		}
	}
	cost := suspectCost + a.packet.costKept()
	v := &m.proving.suspects
	if rivals == rivalsMax || !m.affords(by, by.bytes, v.bytes, cost, trialBytesMax) {
		return false
	}
	if a.packet = m.kept(a.packet); a.relay != nil {
		a.relay = m.relayOf(a.relay, a.packet)
	}
	x := v.take()
	x.arrived, x.voice, x.trial, x.round, x.cost = a, by, t, m.round, cost
	v.add(x)
	by.bytes += cost
	if t.suspects == nil {
		t.suspects = make(map[uint64]*suspect)
	}
	x.rival, t.suspects[a.packet.Seq] = t.suspects[a.packet.Seq], x
	return true
}

// suspectsOf reports whether packets wait that the manifest of c covers.
func (m *Machine) suspectsOf(c *Packet) bool {
	t := m.proving.trials[c.Stream]
	if t == nil || len(t.suspects) == 0 {
		return false
	}
	for seq := c.Seq - c.Manifest.covers(); seq <= c.Seq; seq++ {
		if t.suspects[seq] != nil {
			return true
		}
	}
	return false
}

// relayOf returns a relay as r of a packet that is kept.
func (m *Machine) relayOf(r *Relay, p *Packet) *Relay {
	if r.Packet == p && !r.lent {
		return r
	}
	c := m.arena.relay()
	c.Number, c.Owner, c.Depth, c.Packet = r.Number, r.Owner, r.Depth, p
	return c
}

// take returns a suspect for use.
func (v *suspects) take() *suspect {
	x := v.unused
	if x == nil {
		return new(suspect)
	}
	v.unused, x.newer = x.newer, nil
	v.spare--
	return x
}

// add puts a suspect at the end of all.
func (v *suspects) add(x *suspect) {
	v.bytes += x.cost
	if x.older = v.newest; x.older != nil {
		x.older.newer = x
	} else {
		v.oldest = x
	}
	v.newest = x
}

// remove takes a suspect off the list of all.
func (v *suspects) remove(x *suspect) {
	v.bytes -= x.cost
	if x.older != nil {
		x.older.newer = x.newer
	} else {
		v.oldest = x.newer
	}
	if x.newer != nil {
		x.newer.older = x.older
	} else {
		v.newest = x.older
	}
	if *x = (suspect{}); v.spare < suspectsUnused {
		x.newer, v.unused = v.unused, x
		v.spare++
	}
}

// drop ends that a packet waits.
func (m *Machine) drop(x *suspect) {
	t, seq := x.trial, x.packet.Seq
	if first := t.suspects[seq]; first != x {
		for first.rival != x {
			first = first.rival
		}
		first.rival = x.rival
	} else if x.rival != nil {
		t.suspects[seq] = x.rival
	} else {
		delete(t.suspects, seq)
	}
	x.voice.bytes -= x.cost
	m.proving.suspects.remove(x)
}

// release ends that the packets of a number wait, and calls judge with each.
func (m *Machine) release(t *trial, seq uint64, judge func(*suspect)) {
	x := t.suspects[seq]
	if x == nil {
		return
	}
	delete(t.suspects, seq)
	for x != nil {
		rival := x.rival
		x.voice.bytes -= x.cost
		judge(x)
		m.proving.suspects.remove(x)
		x = rival
	}
}

// waits reports whether a packet waits for its manifest.
func (m *Machine) waits(id StreamID, seq uint64) bool {
	t := m.proving.trials[id]
	return t != nil && t.suspects[seq] != nil
}

// suspectsUpTo returns how many of the packets that a stream misses, up to a number, are here and wait for their manifest. The network has brought them.
func (m *Machine) suspectsUpTo(s *stream, last uint64) (count uint64) {
	t := m.proving.trials[s.id]
	if t == nil || len(t.suspects) == 0 {
		return 0
	}
	last = min(last, s.high)
	for seq, missing := s.first(s.next, last, findMissing); missing && count < uint64(len(t.suspects)); seq, missing = s.first(seq+1, last, findMissing) {
		if t.suspects[seq] != nil {
			count++
		}
	}
	return count
}

// onTrial reports whether a packet that a stream misses is here and waits for nothing but its manifest, so that it is not asked for again. If all that may carry the
// manifest is here as well and none does, or nothing more has come of the stream for some rounds, somebody has sent something else in its place. What it looks at counts.
func (m *Machine) onTrial(s *stream, seq uint64, o *occasion) bool {
	if m.proving.suspects.oldest == nil {
		return false
	}
	t := m.proving.trials[s.id]
	if t == nil || t.suspects[seq] == nil {
		return false
	}
	// At the end of a stream that may be one that is not heard of yet.
	waited, last := m.round-t.suspects[seq].round, seq+manifestMax
	if waited <= 1 || last > s.high && waited <= suspectEnds {
		return true
	}
	last = min(last, s.high)
	for next, missing := s.first(seq+1, last, findMissing); missing; next, missing = s.first(next+1, last, findMissing) {
		if o.scan = max(0, o.scan-1); t.suspects[next] == nil {
			return true
		}
	}
	return false
}

// sweepTrials gives up what has waited for too long, and trials that are of no use any more.
func (m *Machine) sweepTrials() {
	v := &m.proving
	for x := v.suspects.oldest; x != nil && m.round-x.round > trialRounds; x = v.suspects.oldest {
		m.drop(x)
		m.stats.SuspectsExpired++
	}
	kept := v.order[:0]
	for _, t := range v.order {
		if len(t.suspects) == 0 && m.round-t.round > trialRounds {
			delete(v.trials, t.id)
			t.by.trials--
			continue
		}
		kept = append(kept, t)
	}
	clear(v.order[len(kept):])
	v.order = kept
}

// equals reports whether two packets of one number of one stream say the same, and carry the same manifest.
func (p *Packet) equals(q *Packet) bool {
	switch {
	case p == q:
		return true
	case p.Age != q.Age || p.Messages != q.Messages || p.Count != q.Count || !bytes.Equal(p.Body, q.Body) || (p.Manifest == nil) != (q.Manifest == nil):
		return false
	}
	return p.Manifest == nil || p.Manifest.Signature == q.Manifest.Signature && bytes.Equal(p.Manifest.Hashes, q.Manifest.Hashes)
}

// costKept returns what a packet will cost when it is kept, with the memory that is kept alive with it.
func (p *Packet) costKept() int {
	cost := p.cost()
	if p.lent && p.memory != nil {
		cost += max(0, *p.memory-len(p.Body))
	}
	return cost
}
