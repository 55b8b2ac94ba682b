package spinglass

import (
	"sync"

	"spinglass/protocol"
)

// namesMax bounds how many names of authors are remembered.
const namesMax = 1 << 16

// names maps NodeIDs to the names of members, so that messages of members that are gone still tell who wrote them.
type names struct {
	mu     sync.RWMutex
	byID   map[protocol.NodeID]string
	byAge  []protocol.NodeID // a circle, which begins at oldest
	oldest int
}

func (n *names) learn(id protocol.NodeID, name string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.byID == nil {
		n.byID = make(map[protocol.NodeID]string)
	}
	if _, known := n.byID[id]; !known {
		if len(n.byAge) < namesMax {
			n.byAge = append(n.byAge, id)
		} else {
			delete(n.byID, n.byAge[n.oldest])
			n.byAge[n.oldest] = id
			n.oldest = (n.oldest + 1) % namesMax
		}
	}
	n.byID[id] = name
}

// of returns the name of a member, or its id in hexadecimal when the name is not known.
func (n *names) of(id protocol.NodeID) string {
	n.mu.RLock()
	name, known := n.byID[id]
	n.mu.RUnlock()
	if !known {
		return id.String()
	}
	return name
}
