package sim

import (
	"time"

	"spinglass/protocol"
)

// Stats counts what happened in a world.
type Stats struct {
	Events uint64 // entries taken off the queue
	Inputs uint64 // inputs given to machines

	Sent      uint64 // datagrams that machines sent, one for each target
	SentBytes uint64 // of these, as UDP payload
	Received  uint64 // datagrams given to machines

	GroupSent    uint64 // of the datagrams sent: to groups
	GroupCopies  uint64 // what the network made of these, one for each host that was to hear it; one for each that did not leave its host
	GroupRefused uint64 // groups joined beyond GroupsMax, twice, or on no segment

	Radio     RadioStats
	RadioNone uint64 // broadcasts over one hop of hosts without a radio: not sent

	Lost       uint64 // by chance on a link
	Duplicated uint64
	Reordered  uint64 // held back by chance
	Corrupted  uint64 // dropped by their receiver's checksum
	Cut        uint64 // lost at a partition
	Clogged    uint64 // held back by Clog
	EgressFull uint64 // lost before the egress of their host
	LinkFull   uint64 // lost before a link
	InboxFull  uint64 // lost before a full inbox
	InboxLost  uint64 // in the inbox of a host that crashed
	Down       uint64 // arrived at a host that is down
	NoAddress  uint64 // sent to an address where nobody listens
	NoHost     uint64 // sent to an unknown NodeID
	Oversized  uint64 // sent although larger than wire.DatagramDefault
	TooLarge   uint64 // lost because larger than wire.DatagramMax
	FlightFull uint64 // lost because Config.FlightMax inputs are pending

	Crashes  uint64
	Restarts uint64
	Pauses   uint64

	WorkLost    uint64 // completions of work that a crash made void
	WorkRefused uint64 // work refused because a host has WorkMax under way
	CommandLost uint64 // commands for a host that is down

	StreamsOpened  uint64
	StreamsBroken  uint64 // ended with an error
	StreamBytes    uint64 // that arrived
	StreamsRefused uint64 // beyond StreamsMax
	StreamStale    uint64 // writes and closes for streams that have ended
}

// HostStats counts what one host did since it was added, over all restarts.
type HostStats struct {
	Sent, SentBytes         uint64
	Received, ReceivedBytes uint64
	InboxFull               uint64        // datagrams lost before its inbox
	Busy                    time.Duration // of core 0
}

// DropCount says how often machines dropped input for a reason.
type DropCount struct {
	Reason protocol.Reason
	Count  uint64
}

// Stats returns the counters.
func (w *World) Stats() Stats { return w.stats }

// HostStats returns the counters of one host.
func (w *World) HostStats(id protocol.NodeID) HostStats { return w.must(id).stats }

// Drops returns what machines dropped, by reason, in the order in which the reasons first occurred.
func (w *World) Drops() []DropCount { return append([]DropCount(nil), w.drops...) }

// Dropped returns how often machines dropped input for the given reason.
func (w *World) Dropped(reason protocol.Reason) uint64 {
	for i := range w.drops {
		if w.drops[i].Reason == reason {
			return w.drops[i].Count
		}
	}
	return 0
}

func (w *World) countDrop(reason protocol.Reason) {
	for i := range w.drops {
		if w.drops[i].Reason == reason {
			w.drops[i].Count++
			return
		}
	}
	w.drops = append(w.drops, DropCount{Reason: reason, Count: 1})
}
