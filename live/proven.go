package live

import (
	"slices"
	"sync"
	"sync/atomic"

	"spinglass/protocol"
)

// proven are sessions that peers have begun and sent by before this node's end of the handshake is done: what proves a session may be read before the last byte of its handshake.
// The loop has to know them before it looks at what came by them, or it would answer by the session before, which a peer that has restarted does not have. Each
// session is in it once at most.
type proven struct {
	some     atomic.Bool
	mutex    sync.Mutex
	sessions []*session
}

// add is called by readers, before they hand over what came.
func (p *proven) add(s *session) {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.sessions = append(p.sessions, s)
	p.some.Store(true)
}

// take returns the sessions that were added.
func (p *proven) take() []*session {
	if !p.some.Load() {
		return nil
	}
	p.mutex.Lock()
	defer p.mutex.Unlock()
	taken := p.sessions
	p.sessions = nil
	p.some.Store(false)
	return taken
}

// takeProven has the loop send by sessions that peers have proven.
func (n *Node) takeProven() {
	k := n.links
	if k == nil {
		return
	}
	for _, s := range k.proven.take() {
		now := n.now()
		n.use(now, s)
		n.release(now, destination{id: s.peer})
	}
}

// use makes a session the one that its peer is sent by, unless it was made that before, or has ended since.
func (n *Node) use(now protocol.Time, s *session) {
	k := n.links
	if p := k.peers[s.peer]; p != nil && (p.current == s || slices.Contains(p.others, s)) || k.table.get(s.index) != s {
		return
	}
	k.count.handshakes.Add(1)
	n.out.flush() // what comes goes by the new session
	k.install(now, s)
}
