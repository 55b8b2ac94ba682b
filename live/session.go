package live

import (
	"crypto/rand"
	"encoding/binary"
	"sync"
	"sync/atomic"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/seal"
)

// session is what two nodes have agreed upon, to seal datagrams for each other.
type session struct {
	peer      protocol.NodeID
	name      string
	chain     identity.Chain // of the peer, verified
	format    uint64         // that both ends speak by it
	initiator bool           // this node asked for it
	index     uint32         // of what arrives
	remote    uint32         // of what is sent
	began     protocol.Time
	rekeyAt   protocol.Time // of the loop

	// of the reader
	opener *seal.Opener
	bucket bucket
	heard  atomic.Int64 // when something was last opened, a protocol.Time; began before that, abandoned when it is too late

	// of the writer
	sealer *seal.Sealer
	sealed atomic.Uint64 // how many datagrams
}

// newSession derives a session from a secret that both ends have.
func newSession(secret []byte, initiator bool, index, remote uint32) (*session, error) {
	keys, err := seal.Derive(secret, initiator)
	if err != nil {
		return nil, err
	}
	return &session{
		initiator: initiator, index: index, remote: remote,
		opener: seal.NewOpener(keys.Receive, index), sealer: seal.NewSealer(keys.Send, remote),
	}, nil
}

// abandoned stands for a time when a handshake has failed before anything came by its session.
const abandoned = -1

// abandon gives up a session that a peer has begun and whose handshake has failed, and reports whether it did: not if the peer has sent by it, which proves it as
// the end of the handshake does. The loop uses it then.
func (s *session) abandon() bool { return s.heard.CompareAndSwap(int64(s.began), abandoned) }

// sessions finds the session of what arrives by its index, of which the low bits are the place in the table and the others are drawn at random. The reader
// looks up without a lock.
type sessions struct {
	slots []atomic.Pointer[session]

	mutex   sync.Mutex
	taken   map[uint32]uint32 // place to index
	limit   int
	pending map[protocol.NodeID]int // handshakes that peers have begun, and that the loop has not been told the end of
}

func newSessions(limit int) *sessions {
	size := 1
	for size < 2*limit {
		size *= 2
	}
	return &sessions{slots: make([]atomic.Pointer[session], size), taken: map[uint32]uint32{}, limit: limit, pending: map[protocol.NodeID]int{}}
}

func (t *sessions) place(index uint32) uint32 { return index & uint32(len(t.slots)-1) }

// get returns the session of an index, nil when there is none.
func (t *sessions) get(index uint32) *session {
	if s := t.slots[t.place(index)].Load(); s != nil && s.index == index {
		return s
	}
	return nil
}

// reserve returns an index that nobody else gets until it is freed, and whether there is one.
func (t *sessions) reserve() (index uint32, ok bool) {
	var b [4]byte
	if _, err := rand.Read(b[:]); err != nil {
		return 0, false
	}
	index = binary.BigEndian.Uint32(b[:])
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if len(t.taken) >= t.limit {
		return 0, false
	}
	for { // at most half of the places are taken
		if _, taken := t.taken[t.place(index)]; !taken {
			t.taken[t.place(index)] = index
			return index, true
		}
		index++
	}
}

// put makes a session findable under its index, which was reserved.
func (t *sessions) put(s *session) { t.slots[t.place(s.index)].Store(s) }

// free gives an index back, and forgets its session.
func (t *sessions) free(index uint32) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if place := t.place(index); t.taken[place] == index {
		t.slots[place].Store(nil)
		delete(t.taken, place)
	}
}

// expect notes that a session with a peer is about to be there, and done that the loop knows whether it is.
func (t *sessions) expect(peer protocol.NodeID) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	t.pending[peer]++
}

func (t *sessions) done(peer protocol.NodeID) {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	if t.pending[peer]--; t.pending[peer] == 0 {
		delete(t.pending, peer)
	}
}

// expected reports whether a session with a peer is about to be there.
func (t *sessions) expected(peer protocol.NodeID) bool {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return t.pending[peer] > 0
}

// used returns how many indices are taken.
func (t *sessions) used() int {
	t.mutex.Lock()
	defer t.mutex.Unlock()
	return len(t.taken)
}
