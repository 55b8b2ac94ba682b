package bimodal

import (
	"maps"
	"slices"

	"spinglass/protocol"
)

// Authors of other zones are in no view. Whoever hands on their packets knows their keys, and membership asks it for them. Until that answers the packets are on trial.

// Bounds of asking for keys.
const (
	keysWanted = 256 // authors asked for at once
	keyAgain   = 2   // rounds after which an author is asked for again
	keyRounds  = 40  // rounds after which it is forgotten that an author was asked for
)

// wantedKey is an author that was asked for.
type wantedKey struct {
	author protocol.NodeID
	round  uint32 // in which that was last
}

// wantKey asks for the key of an author that a member must know, since it hands on what that has made.
func (m *Machine) wantKey(author, from protocol.NodeID, out *protocol.Output) {
	v := &m.proving
	switch i := slices.IndexFunc(v.wants, func(w wantedKey) bool { return w.author == author }); {
	case i >= 0 && m.round-v.wants[i].round < keyAgain:
		return
	case i >= 0:
		v.wants[i].round = m.round
	case len(v.wants) >= keysWanted:
		m.stats.KeysRefused++
		return
	default:
		v.wants = append(v.wants, wantedKey{author, m.round})
	}
	m.stats.KeysWanted++
	out.Emit(protocol.WantCredential{Author: author, From: from})
}

// sweepWants forgets what was asked for long ago.
func (m *Machine) sweepWants() {
	m.proving.wants = slices.DeleteFunc(m.proving.wants, func(w wantedKey) bool { return m.round-w.round > keyRounds })
}

// waitForKey keeps a packet of an author whose key is not known, and asks for the key.
func (m *Machine) waitForKey(a arrived, by *voice, out *protocol.Output) {
	m.stats.AuthorsUnknown++
	m.wantKey(a.packet.Stream.Author, a.from, out)
	m.waitOrDrop(a, by, out)
}

// knowCredential takes in the key of a member that is in no view, and proves what has waited for it.
func (m *Machine) knowCredential(now protocol.Time, e protocol.CredentialKnown, out *protocol.Output) {
	v := &m.proving
	a, known := v.authors[e.Author]
	if !m.signed() || e.Credential == nil || known && a.viewed() && (m.peers[e.Author] != nil || e.Epoch <= a.present.last) {
		return // its row says more
	}
	if !a.learn(known, e.Epoch, e.Credential) {
		return
	}
	if !slices.Contains(a.vouchers, e.From) {
		if a.vouchers = append(slices.Clone(a.vouchers), e.From); len(a.vouchers) > vouchersMax {
			a.vouchers = slices.Delete(a.vouchers, 0, 1)
		}
	}
	v.authors[e.Author] = a
	v.wants = slices.DeleteFunc(v.wants, func(w wantedKey) bool { return w.author == e.Author })
	m.stats.KeysLearned++
	m.departAuthor(e.Author)
	if forbidden := func(s *stream) bool { return s.id.Author == e.Author && m.forbidden(s.id) }; slices.ContainsFunc(m.streams, forbidden) {
		m.forget(forbidden)
	}
	if p := m.peers[e.Author]; p != nil && !p.regional {
		p.credential = e.Credential
		m.regardPeer(p)
	}
	m.judgeAgain(now, e.Author, out)
}

// credentialOf returns what shows who a peer is. Views do not have that of representatives of other zones, but it may have become known otherwise.
func (m *Machine) credentialOf(p *protocol.Peer) protocol.Credential {
	if p.Credential != nil || p.Distance == 0 {
		return p.Credential
	}
	return m.proving.authors[p.ID].credential
}

// judgeAgain proves the packets on trial of an author whose key has become known, as they came.
func (m *Machine) judgeAgain(now protocol.Time, author protocol.NodeID, out *protocol.Output) {
	var signed []place
	for x := m.proving.suspects.oldest; x != nil; x = x.newer {
		if x.trial.id.Author == author && x.packet.Manifest != nil {
			signed = append(signed, place{x.trial.id, x.packet.Seq})
		}
	}
	for _, at := range signed {
		t := m.proving.trials[at.stream]
		if t == nil {
			continue
		}
		m.release(t, at.seq, func(x *suspect) {
			if x.taken && x.packet.Manifest != nil {
				m.handSigned(now, x.arrived, x.voice, out)
			} else {
				m.try(now, x.arrived, out)
			}
		})
	}
}

// judgeKeys forgets the keys of members whose credentials count no longer. Membership tells of those that it keeps, and it keeps fewer.
func (m *Machine) judgeKeys(e protocol.CredentialsJudged) {
	v := &m.proving
	maps.DeleteFunc(v.authors, func(_ protocol.NodeID, a keyholder) bool { return !e.Believed(a.credential) })
	v.departed = slices.DeleteFunc(v.departed, func(id protocol.NodeID) bool {
		_, known := v.authors[id]
		return !known
	})
}

// forgetKey forgets the key of a member of which nothing counts any longer.
func (m *Machine) forgetKey(author protocol.NodeID) {
	v := &m.proving
	delete(v.authors, author)
	v.departed = slices.DeleteFunc(v.departed, func(id protocol.NodeID) bool { return id == author })
}
