package membership

import (
	"crypto/sha256"
	"strings"
	"time"

	"spinglass/protocol"
	"spinglass/table"
)

// State is what the heartbeat of a member says.
type State uint8

// The states of a member.
const (
	StateUp      State = iota // its heartbeat advances
	StateSuspect              // silent for T_fail
	StateDown                 // silent for twice T_fail: no longer a member
	StateLeft                 // said that it leaves
)

// String returns up, suspect, down or left.
func (s State) String() string {
	return [...]string{StateUp: "up", StateSuspect: "suspect", StateDown: "down", StateLeft: "left"}[s&3]
}

// peer is what this node knows of the owner of a row. What it has of few of them at a time is behind pointers: most of a simulated fleet's memory are peers.
type peer struct {
	since       protocol.Time // when it came into its state
	roundTrip   time.Duration // smoothed; 0 when not measured
	told        time.Duration // roundTrip as siblings know it
	state       State
	unreachable bool
	missing     uint8 // answers missing in a row

	credential *credential        // that the row was verified with; nil without an identity
	sum        *[sha256.Size]byte // SHA-256 of the row without its signature; nil without an identity
	rows       rate               // of changes of the row

	rumoured *rumoured // nil before the first rumour
	portions *portions // of what is done for others in a round; nil before it has had any
}

// check returns a byte of the row's hash.
func (p *peer) check(salt byte) byte {
	if p.sum == nil {
		return 0
	}
	return p.sum[salt]
}

// PeerStatus is a member as the peers command shows it.
type PeerStatus struct {
	Peer        *protocol.Peer
	State       State
	Unreachable bool          // no answers to this node; says nothing about the member
	Since       protocol.Time // when it came into State, as seen here
}

// Peers returns all members known besides this one, in ascending order of NodeID: those of the zone, and those that are down or
// have left for as long as their record lives.
func (m *Machine) Peers() []PeerStatus {
	peers := make([]PeerStatus, 0, m.table.Len()+len(m.gone.records))
	records := m.gone.records
	for i := range m.table.Len() {
		e := m.table.At(i)
		for len(records) > 0 && records[0].row.Owner < e.Owner() {
			peers = m.appendRecord(peers, &records[0])
			records = records[1:]
		}
		if e != m.own && !m.elsewhere(e.Row()) {
			s := &e.State
			peers = append(peers, PeerStatus{Peer: m.view(e), State: s.state, Unreachable: s.unreachable, Since: s.since})
		}
	}
	for i := range records {
		peers = m.appendRecord(peers, &records[i])
	}
	return peers
}

// appendRecord appends a member that is down or has left. Of those that moved to another zone nothing is to be told.
func (m *Machine) appendRecord(peers []PeerStatus, r *record) []PeerStatus {
	if m.elsewhere(r.row) {
		return peers
	}
	return append(peers, m.statusOf(r))
}

func (m *Machine) statusOf(r *record) PeerStatus {
	state := StateDown
	if r.left {
		state = StateLeft
	}
	return PeerStatus{Peer: m.viewOf(r.row, 0, r.credential), State: state, Since: r.since}
}

// view returns the peer of an entry as events carry it.
func (m *Machine) view(e *entry) *protocol.Peer {
	return m.viewOf(e.Row(), e.State.roundTrip, e.State.credential)
}

func (m *Machine) viewOf(row *table.Row, roundTrip time.Duration, c *credential) *protocol.Peer {
	p := &protocol.Peer{
		ID: row.Owner, Epoch: row.Epoch, Name: row.Name, Addresses: row.Addresses, RoundTrip: roundTrip,
		Distance: distance(m.own.Row().Name, row.Name), Attributes: row.Attributes, Format: m.formatOf(row),
	}
	if c != nil {
		p.Credential = c
	}
	return p
}

// distance returns how many levels lie between the leaf zone of the member named own and the deepest zone that has both.
func distance(own, other string) int {
	a, b := protocol.Zone(own), protocol.Zone(other)
	for levels := 0; ; levels++ {
		if a == b || a == "/" || strings.HasPrefix(b, a+"/") {
			return levels
		}
		a = protocol.Zone(a)
	}
}
