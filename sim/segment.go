package sim

import (
	"math/rand/v2"
	"slices"

	"spinglass/protocol"
)

// GroupsMax is how many groups a host can join.
const GroupsMax = 20

// segment is a network on which hosts hear what is sent to the groups that they have joined.
type segment struct {
	hosts  []uint32                    // ascending, as are those of each group
	groups map[protocol.Group][]uint32 // who has joined
}

// attach puts a new host on its segment.
func (w *World) attach(h *host, name string) {
	s := w.segments[name]
	if s == nil {
		s = &segment{groups: make(map[protocol.Group][]uint32)}
		w.segments[name] = s
		w.segmentOrder = append(w.segmentOrder, s)
	}
	s.hosts = append(s.hosts, h.index)
	h.more().segment = s
}

// offer tells the machine of a host on a segment that there are groups.
func (w *World) offer(h *host) {
	if h.extra != nil && h.extra.segment != nil {
		e := protocol.MulticastOffered{Groups: GroupsMax}
		w.enqueue(h, w.slot(input{kind: InputNotify, to: h.index, aside: &aside{event: e, incarnation: h.incarnation}}))
	}
}

// joinGroup has a host hear a group.
func (w *World) joinGroup(h *host, group protocol.Group) {
	if h.extra == nil || h.extra.segment == nil || len(h.extra.groups) >= GroupsMax || slices.Contains(h.extra.groups, group) {
		w.stats.GroupRefused++
		return
	}
	h.extra.groups = append(h.extra.groups, group)
	members := h.extra.segment.groups[group]
	at, _ := slices.BinarySearch(members, h.index)
	h.extra.segment.groups[group] = slices.Insert(members, at, h.index)
}

// leaveGroup ends joinGroup.
func (h *host) leaveGroup(group protocol.Group) {
	if h.extra == nil || !slices.Contains(h.extra.groups, group) {
		return
	}
	h.extra.groups = slices.DeleteFunc(h.extra.groups, func(other protocol.Group) bool { return other == group })
	members := h.extra.segment.groups[group]
	at, _ := slices.BinarySearch(members, h.index)
	h.extra.segment.groups[group] = slices.Delete(members, at, at+1)
}

// leaveGroups has a host that goes down leave its groups.
func (h *host) leaveGroups() {
	for h.extra != nil && len(h.extra.groups) > 0 {
		h.leaveGroup(h.extra.groups[0])
	}
}

// multicast sends one datagram to a group, which the network copies for each of those who hear it, and one to each target.
func (w *World) multicast(h *host, group protocol.Group, targets []protocol.NodeID, m protocol.Message) {
	sent := w.emit(h, m, targets)
	size := datagramSize(m)
	w.countSent(h, size)
	w.stats.GroupSent++
	left, full := w.leave(h, size)
	switch {
	case full != nil:
		w.stats.GroupCopies++
		*full++
	case h.extra != nil && h.extra.segment != nil:
		for _, index := range h.extra.segment.groups[group] {
			if to := w.hosts[index]; to != h && to.extra.deaf <= w.now {
				w.stats.GroupCopies++
				w.transmit(h, to, left, size, m, sent)
			}
		}
	}
	for _, to := range targets {
		w.sendTo(h, to, m, sent)
	}
}

// Deafen has a host hear no group until the given time; 0 ends that. What is sent to it alone arrives, as on a network that has stopped forwarding
// multicast to it. It may be a host that is on no segment, and means nothing then.
func (w *World) Deafen(id protocol.NodeID, until protocol.Time) { w.must(id).more().deaf = until }

// deafen is the fault of a network that stops forwarding to the groups of a segment, for all or for some of its hosts.
func (s *storm) deafen(r *rand.Rand) {
	w, share := s.world, min(1, 2*r.Float64())
	until := w.now.Add(s.duration(r))
	if len(w.segmentOrder) == 0 {
		return
	}
	for _, index := range w.segmentOrder[r.IntN(len(w.segmentOrder))].hosts {
		if h := w.hosts[index]; r.Float64() < share && !slices.Contains(s.faults.Untouched, h.place.ID) {
			h.extra.deaf = max(h.extra.deaf, until)
		}
	}
}
