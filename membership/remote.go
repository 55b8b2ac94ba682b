package membership

import (
	"slices"

	"spinglass/protocol"
)

// Notices and beacons have to reach the members of all zones. Those that represent other zones are told of them, and tell in turn what they hold.

// Bounds of telling other zones.
const (
	remotesMax   = 256 // members of other zones that are known
	remoteRounds = 5   // rounds in which one member of the zone tells one of another
)

// remotes are members of other zones that siblings have in their view, in ascending order.
type remotes []protocol.NodeID

// follow keeps the list up to date.
func (r *remotes) follow(e protocol.Event) {
	switch e := e.(type) {
	case protocol.PeerUp:
		if i, found := slices.BinarySearch(*r, e.Peer.ID); !found && e.Peer.Distance > 0 && len(*r) < remotesMax {
			*r = slices.Insert(*r, i, e.Peer.ID)
		}
	case protocol.PeerDropped:
		if i, found := slices.BinarySearch(*r, e.Peer.ID); found {
			*r = slices.Delete(*r, i, i+1)
		}
	}
}

// remote returns a random one of them, if there is any.
func (m *Machine) remote() (protocol.NodeID, bool) {
	if len(m.remotes) == 0 {
		return 0, false
	}
	return m.remotes[m.config.Rand.IntN(len(m.remotes))], true
}

// tellRemote tells a member of another zone now and then which notices this one holds. All members of the zone together do so once in remoteRounds.
func (m *Machine) tellRemote(out *protocol.Output) {
	if m.guard == nil || m.guard.notices.hash == 0 || m.config.Rand.IntN(remoteRounds*m.table.Len()) != 0 {
		return
	}
	if to, known := m.remote(); known {
		m.summary(to, false, out)
	}
}
