package astrolabe

import (
	"slices"

	"spinglass/protocol"
	"spinglass/table"
)

// doubtAccount holds an account against what is known here. What does not agree is doubted: news may be on its way. Doubts that stand for longer than news takes are held against
// the representative.
func (m *Machine) doubtAccount(s *speaker, q *examination) {
	for i := range s.doubts {
		s.doubts[i].named = false
	}
	functions := len(q.account.functions)
	for i := range q.account.functions {
		m.doubtFunction(s, q.account.leaves[i])
	}
	self, ofHosts := false, len(q.account.inputs) > 0 && q.account.inputs[0].host
	for i, claim := range q.claims {
		if ofHosts {
			self = self || claim.Owner == m.config.Self
			m.doubtHost(s, &claim, q.account.leaves[functions+i])
		} else {
			m.doubtZone(s, &claim, q.account.leaves[functions+i])
		}
	}
	if a := &m.notary.auditor; ofHosts && !self && m.isHostOf(s.level) && len(q.claims) < hostsAuditable && a.aged.Epoch == a.own.Epoch && m.hostRow(s.owner) != nil {
		s.doubt(doubt{owner: m.config.Self, kind: doubtLeftOut, since: m.stats.Rounds})
	}
	s.doubts = slices.DeleteFunc(s.doubts, func(d doubt) bool { return !d.named })
}

// doubt notes a doubt, or that one which was there before stands. Between two cuts there may have been no time to ask: what was not seen to stand for long begins anew.
func (s *speaker) doubt(d doubt) {
	d.named, d.last = true, d.since
	i := slices.IndexFunc(s.doubts, func(o doubt) bool {
		return o.owner == d.owner && o.kind == d.kind && (d.owner != 0 || o.leaf == d.leaf)
	})
	if i >= 0 && d.since-s.doubts[i].last <= 2*doubtRounds {
		s.doubts[i].named, s.doubts[i].last = true, d.since
	} else if i >= 0 {
		s.doubts[i] = d
	} else if len(s.doubts) < doubtsMax {
		s.doubts = append(s.doubts, d)
	}
}

// outgrown ends a doubt about an owner that waited for a version which is known here by now.
func (s *speaker) outgrown(owner protocol.NodeID, known table.Version) {
	s.doubts = slices.DeleteFunc(s.doubts, func(d doubt) bool {
		return d.owner == owner && d.kind == doubtAhead && known.CompareRow(d.version) >= 0
	})
}

// isHostOf reports whether the zone of a level's own child is summarised of hosts, of which this member is one.
func (m *Machine) isHostOf(l *level) bool {
	return l.depth == len(m.levels)-1 || l.own == m.zone && !m.levels[l.depth+1].others()
}

// doubtHost holds a host in an account against the one that is known here.
func (m *Machine) doubtHost(s *speaker, claim *table.Claim, leaf inputsDigest) {
	row := m.hostRow(claim.Owner)
	if row == nil {
		if !m.lately(leaf, newsRounds) && m.config.Hosts.Len() < hostsAuditable {
			s.doubt(doubt{owner: claim.Owner, kind: doubtStranger, since: m.stats.Rounds})
		}
		return
	}
	known := row.Version(0)
	s.outgrown(claim.Owner, known)
	switch c := known.CompareRow(claim.Version); {
	case c < 0:
		s.doubt(doubt{owner: claim.Owner, version: claim.Version, kind: doubtAhead, since: m.stats.Rounds})
	case c == 0:
		if !isHost(row, leaf) {
			s.doubt(doubt{owner: claim.Owner, version: known, leaf: leaf, kind: doubtOther, since: m.stats.Rounds})
		}
	case claim.Owner == m.config.Self && claim.Version.CompareRow(m.notary.auditor.aged) < 0 && m.hostRow(s.owner) != nil:
		s.doubt(doubt{owner: claim.Owner, kind: doubtLeftOut, since: m.stats.Rounds})
	}
}

// isHost reports whether a leaf is that of a host, whether it is suspected or not.
func isHost(row *table.Row, leaf inputsDigest) bool {
	for rank := range uint64(2) {
		in := input{row: row, rank: rank, host: true}
		if digestOf(partText, in.appendPart(nil)) == leaf {
			return true
		}
	}
	return false
}

// doubtZone holds a row of a child zone in an account against the one that its maker has sent here. What its maker says of its own child zone without having told others is not looked into.
func (m *Machine) doubtZone(s *speaker, claim *table.Claim, leaf inputsDigest) {
	if claim.Version.Epoch == 0 || s.level.depth+1 >= len(m.levels) {
		return
	}
	e := m.levels[s.level.depth+1].table.Get(claim.Owner)
	if e == nil {
		return // representatives change, and not all rows are kept
	}
	s.outgrown(claim.Owner, e.Version())
	switch c := e.Version().CompareRow(claim.Version); {
	case c < 0:
		s.doubt(doubt{owner: claim.Owner, version: claim.Version, kind: doubtAhead, since: m.stats.Rounds})
	case c == 0:
		if in := (input{row: e.Row()}); digestOf(partText, in.appendPart(nil)) != leaf {
			s.doubt(doubt{owner: claim.Owner, version: claim.Version, leaf: leaf, kind: doubtOther, since: m.stats.Rounds})
		}
	}
}

// doubtFunction holds a function in an account against those that are known here. Where a zone has all that it may have, not all members have the same ones.
func (m *Machine) doubtFunction(s *speaker, leaf inputsDigest) {
	if m.lately(leaf, driftRounds) || len(m.functions.all) >= FunctionsZoneMax {
		return
	}
	s.doubt(doubt{leaf: leaf, kind: doubtFunction, since: m.stats.Rounds})
}

// lately reports whether the summaries of this member were made of something not longer than that ago.
func (m *Machine) lately(leaf inputsDigest, rounds uint64) bool {
	was := func(f former) bool { return f.leaf == leaf && m.stats.Rounds-f.round <= rounds }
	if slices.ContainsFunc(m.notary.auditor.former, was) {
		return true
	}
	return slices.ContainsFunc(m.levels, func(l *level) bool { return l.child.account != nil && slices.Contains(l.child.account.leaves, leaf) })
}

// hostRow returns the row of a host of the own zone, nil for one that is not known.
func (m *Machine) hostRow(id protocol.NodeID) *table.Row {
	for i := range m.config.Hosts.Len() {
		if row := m.config.Hosts.Host(i).Row; row.Owner == id {
			return row
		}
	}
	return nil
}
