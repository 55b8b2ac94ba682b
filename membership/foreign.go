package membership

import (
	"bytes"
	"crypto/sha256"
	"slices"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/wire"
)

// Members of other zones have no rows here. Whoever hands on what one of them has signed knows its certificates, and is asked for them when a sibling wants them.

// Bounds of credentials of members that have no rows here.
const (
	foreignersMax   = 1024 // that are kept; those used least recently make room
	inquiriesMax    = 64   // that are asked for at once,
	inquiriesSender = 16   // of these of one member
	inquiryLife     = 5 * time.Second
)

// foreigner is a member that has no row here. It is immutable.
type foreigner struct {
	id         protocol.NodeID
	epoch      uint64 // the latest in which it is said to have had the key
	credential *credential
}

// inquiry is a question for a member's credential.
type inquiry struct {
	member, from protocol.NodeID
	until        protocol.Time
}

// foreigners are those that are known, and that are asked for.
type foreigners struct {
	known     []foreigner // those used least recently first
	inquiries []inquiry
}

// find returns the position of a member, -1 when it is not known.
func (f *foreigners) find(id protocol.NodeID) int {
	return slices.IndexFunc(f.known, func(k foreigner) bool { return k.id == id })
}

// use returns a member and makes it the one used last.
func (f *foreigners) use(id protocol.NodeID) (foreigner, bool) {
	i := f.find(id)
	if i < 0 {
		return foreigner{}, false
	}
	k := f.known[i]
	f.known = append(slices.Delete(f.known, i, i+1), k)
	return k, true
}

// put keeps a member.
func (f *foreigners) put(k foreigner) {
	if i := f.find(k.id); i >= 0 {
		f.known = slices.Delete(f.known, i, i+1)
	} else if len(f.known) >= foreignersMax {
		f.known = slices.Delete(f.known, 0, 1)
	}
	f.known = append(f.known, k)
}

// wantCredential asks a member for the credential of another one.
func (m *Machine) wantCredential(now protocol.Time, e protocol.WantCredential, out *protocol.Output) {
	if m.guard == nil || m.stage != stageRunning || m.config.Format < wire.FormatZones || e.Author == m.config.Self || e.From == m.config.Self {
		return
	}
	if asked := m.table.Get(e.From); asked == nil && !m.config.Zoned || asked != nil && !m.speaks(asked, wire.FormatZones) {
		return // members of other zones speak a format that has zones
	}
	f := &m.guard.foreigners
	f.inquiries = slices.DeleteFunc(f.inquiries, func(q inquiry) bool { return now >= q.until || q.member == e.Author && q.from == e.From })
	ofSender := 0
	for _, q := range f.inquiries {
		if q.from == e.From {
			ofSender++
		}
	}
	if len(f.inquiries) >= inquiriesMax || ofSender >= inquiriesSender {
		m.stats.InquiriesRefused++
		return
	}
	f.inquiries = append(f.inquiries, inquiry{e.Author, e.From, now.Add(inquiryLife)})
	q := &CredentialRequest{Member: e.Author}
	m.stats.InquiriesSent++
	m.stats.BytesSent += uint64(q.Size())
	out.Send(e.From, q)
}

// credentialHeld returns the credential of a member as far as it is known here and counts, and the latest epoch in which the member had the key.
func (m *Machine) credentialHeld(now protocol.Time, id protocol.NodeID) (*credential, uint64) {
	var c *credential
	var epoch uint64
	if id == m.config.Self {
		c, epoch = m.guard.own, m.own.Row().Epoch
	} else if e := m.table.Get(id); e != nil {
		c, epoch = e.State.credential, e.Row().Epoch
	} else if r := m.gone.get(id); r != nil {
		c, epoch = r.credential, r.row.Epoch
	} else if k, known := m.guard.foreigners.use(id); known {
		c, epoch = k.credential, k.epoch
	}
	if c == nil || m.guard.distrust(m.guard.policy(now), c) != "" {
		return nil, 0
	}
	return c, epoch
}

// receiveCredentialRequest tells a credential that is known here. Who asks may be of another zone; what all such are answered is bounded.
func (m *Machine) receiveCredentialRequest(now protocol.Time, from protocol.NodeID, q *CredentialRequest, out *protocol.Output) {
	if m.guard == nil {
		out.Drop(from, ReasonUnknownType)
		return
	}
	c, epoch := m.credentialHeld(now, q.Member)
	if c == nil {
		m.stats.CredentialsUnheld++
		return
	}
	answer := &Certificates{Member: q.Member, Epoch: epoch, Chain: c.certificates}
	if answer.Size() > m.config.payload() || !m.mayAnswer(from) {
		m.stats.AnswersOverBudget++
		return
	}
	m.answers(from, answer.Size())
	m.stats.CredentialsSent++
	m.stats.BytesSent += uint64(answer.Size())
	out.Send(from, answer)
}

// receiveCertificates takes the answer to a question, and has it verified.
func (m *Machine) receiveCertificates(now protocol.Time, from protocol.NodeID, a *Certificates, out *protocol.Output) {
	if m.guard == nil {
		out.Drop(from, ReasonUnknownType)
		return
	}
	f := &m.guard.foreigners
	i := slices.IndexFunc(f.inquiries, func(q inquiry) bool { return q.member == a.Member && q.from == from && now < q.until })
	if i < 0 {
		out.Drop(from, ReasonUnasked)
		return
	}
	f.inquiries = slices.Delete(f.inquiries, i, i+1)
	c, fresh, reason := m.foreignCredential(now, a)
	if reason != "" {
		m.stats.CredentialsRefused++
		out.Drop(from, reason)
		return
	}
	k := foreigner{id: a.Member, epoch: a.Epoch, credential: c}
	if !fresh {
		m.takeForeigner(now, from, k, out)
		return
	}
	sum := sha256.Sum256(wire.AppendFixed64(a.Append(nil), uint64(from)))
	m.verify(now, suspect{from: from, sum: sum, checks: m.guard.signatures(c.chain), foreigner: &k}, out)
}

// foreignCredential returns the credential that certificates make, if they are those of the member. fresh says that their signatures have not been checked.
func (m *Machine) foreignCredential(now protocol.Time, a *Certificates) (c *credential, fresh bool, reason protocol.Reason) {
	if held, _ := m.credentialHeld(now, a.Member); held != nil && bytes.Equal(held.certificates, a.Chain) {
		c = held
	} else {
		certificates := bytes.Clone(a.Chain)
		chain, err := identity.DecodeChain(certificates)
		if err != nil || len(chain) == identity.ChainMax {
			return nil, false, ReasonRowCertificate
		}
		c, fresh = &credential{certificates: certificates, chain: append(identity.Chain{m.guard.root}, chain...)}, true
	}
	return c, fresh, m.judgeForeigner(now, a.Member, c)
}

// judgeForeigner returns why a credential is not that of a member, or does not count; empty when it does.
func (m *Machine) judgeForeigner(now protocol.Time, id protocol.NodeID, c *credential) protocol.Reason {
	if reason := m.guard.distrust(m.guard.policy(now), c); reason != "" {
		return reason
	}
	if c.verified.Kind != identity.KindMember || c.verified.NodeID != id {
		return ReasonRowCertificate
	}
	return ""
}

// takeForeigner keeps a credential whose signatures are good, and tells siblings. What is known may have changed since it came.
func (m *Machine) takeForeigner(now protocol.Time, from protocol.NodeID, k foreigner, out *protocol.Output) {
	if m.stage != stageRunning {
		return
	}
	if reason := m.judgeForeigner(now, k.id, k.credential); reason != "" {
		m.stats.CredentialsRefused++
		out.Drop(from, reason)
		return
	}
	if k.id != m.config.Self && m.table.Get(k.id) == nil {
		m.guard.foreigners.put(k)
	}
	m.stats.CredentialsTaken++
	out.Emit(protocol.CredentialKnown{Author: k.id, Epoch: k.epoch, From: from, Credential: k.credential})
}

// judgeForeigners looks at the credentials of members of other zones again, and gives up those that count no longer.
func (m *Machine) judgeForeigners(policy identity.Policy, out *protocol.Output) {
	m.judgeDeparted(policy, out)
	f := &m.guard.foreigners
	f.known = slices.DeleteFunc(f.known, func(k foreigner) bool {
		if m.guard.distrust(policy, k.credential) == "" {
			return false
		}
		m.stats.CredentialsGone++
		out.Emit(protocol.CredentialGone{Author: k.id})
		return true
	})
}
