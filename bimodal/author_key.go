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
	// vouchers are the members that say that it has the present key in its epochs, the latest last, where it is in no view. A member has no doubt what it says itself.
	vouchers []protocol.NodeID
}

// vouchersMax bounds how many members are remembered that vouch for one key.
const vouchersMax = 8

// viewed reports whether the member is or was in the view of this node, so that its epochs are known here.
func (a *keyholder) viewed() bool { return len(a.vouchers) == 0 }

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
	// vouchers are not nil where only these are certain of it.
	vouchers []protocol.NodeID
}

// binds reports whether a member that hands on a packet is to blame if it does not fit the key.
func (k *signingKey) binds(from protocol.NodeID) bool {
	return k.certain && (k.vouchers == nil || slices.Contains(k.vouchers, from))
}

// keyOf returns the key of a stream's author in its epoch, false when it is not known.
func (m *Machine) keyOf(id StreamID) (key signingKey, known bool) {
	if id.Author == m.config.Self { // of an earlier run
		return signingKey{PublicKey: m.proving.notary.Public()}, id.Epoch < m.firstEpoch
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
	return signingKey{t.key, id.Epoch >= t.first, a.vouchers}, true
}

// knowAuthor takes in the key of a member.
func (m *Machine) knowAuthor(p *protocol.Peer) {
	if !m.signed() || p.Credential == nil {
		return
	}
	a, known := m.proving.authors[p.ID]
	if known && !a.viewed() { // what others say of it is not needed any more
		known = false
	}
	if a.learn(known, p.Epoch, p.Credential) {
		m.proving.authors[p.ID] = a
	}
}

// learn takes in that a member, of which something was known before or not, has a key in an epoch. It reports false when that is no key.
func (a *keyholder) learn(known bool, epoch uint64, c protocol.Credential) bool {
	key := c.PublicKey()
	if len(key) != identity.KeySize {
		return false
	}
	switch t := &a.present; {
	case known && t.key == identity.PublicKey(key):
		t.first, t.last = min(t.first, epoch), max(t.last, epoch)
	case known && epoch > t.last:
		a.former, a.present, a.vouchers = a.present, tenure{identity.PublicKey(key), epoch, epoch}, nil
	default: // the first, or one of which nobody can tell since when
		*a = keyholder{present: tenure{identity.PublicKey(key), epoch, epoch}}
	}
	a.credential = c
	return true
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
