package bimodal

import (
	"slices"

	"spinglass/identity"
	"spinglass/protocol"
)

// authorsDeparted bounds how many keys are remembered of members that are gone: what they have published may still be on its way.
const authorsDeparted = 1024

// keyholder is what is known of a member whose packets this node has to check.
type keyholder struct {
	present    tenure
	former     tenure // of the key before; zero when there was none
	credential protocol.Credential
}

// tenure is a key with the epochs in which its owner was seen to have it.
type tenure struct {
	key         identity.PublicKey
	first, last uint64
}

// signingKey is the key by which an epoch of an author's is proven.
type signingKey struct {
	identity.PublicKey
	// certain is false of an epoch from before the author was known here, in which it may have had another key. A signature that does not fit proves nothing then.
	certain bool
}

// keyOf returns the key of a stream's author in its epoch, false when it is not known.
func (m *Machine) keyOf(id StreamID) (key signingKey, known bool) {
	if id.Author == m.config.Self { // of an earlier run
		return signingKey{m.proving.notary.Public(), false}, id.Epoch < m.firstEpoch
	}
	a, known := m.proving.authors[id.Author]
	t := &a.present
	switch {
	case !known || id.Epoch > t.last:
		return signingKey{}, false
	case id.Epoch < t.first && a.former.key != (identity.PublicKey{}):
		if t = &a.former; id.Epoch > t.last {
			return signingKey{}, false
		}
	}
	return signingKey{t.key, id.Epoch >= t.first}, true
}

// knowAuthor takes in the key of a member.
func (m *Machine) knowAuthor(p *protocol.Peer) {
	if !m.signed() || p.Credential == nil {
		return
	}
	key := p.Credential.PublicKey()
	if len(key) != identity.KeySize {
		return
	}
	a, known := m.proving.authors[p.ID]
	switch t := &a.present; {
	case known && t.key == identity.PublicKey(key):
		t.first, t.last = min(t.first, p.Epoch), max(t.last, p.Epoch)
	case known && p.Epoch > t.last:
		a.former, a.present = a.present, tenure{identity.PublicKey(key), p.Epoch, p.Epoch}
	default: // the first, or one of which nobody can tell since when
		a = keyholder{present: tenure{identity.PublicKey(key), p.Epoch, p.Epoch}}
	}
	a.credential = p.Credential
	m.proving.authors[p.ID] = a
}

// departAuthor notes that a member is gone.
func (m *Machine) departAuthor(id protocol.NodeID) {
	v := &m.proving
	if _, known := v.authors[id]; !known {
		return
	}
	if i := slices.Index(v.departed, id); i >= 0 {
		v.departed = slices.Delete(v.departed, i, i+1)
	}
	if v.departed = append(v.departed, id); len(v.departed) <= authorsDeparted {
		return
	}
	if oldest := v.departed[0]; m.peers[oldest] == nil {
		delete(v.authors, oldest)
	}
	v.departed = slices.Delete(v.departed, 0, 1)
}
