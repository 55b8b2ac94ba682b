package relay

import "sync/atomic"

// Counters tell what happened. One is shared by all connections of a node.
type Counters struct {
	QueueFull     atomic.Uint64 // datagrams for which the queue of the own connection had no room
	Malformed     atomic.Uint64 // connections cut off because of what came by them
	Unknown       atomic.Uint64 // frames skipped because of their kind
	Streams       atomic.Int64  // gauge
	StreamsOpened atomic.Uint64 // by either end
	StreamRefused atomic.Uint64 // beyond a limit
	StreamBroken  atomic.Uint64 // because something of them could not be carried

	Clients         atomic.Int64  // gauge, of a gateway
	ClientsRefused  atomic.Uint64 // beyond the limit
	ClientsReplaced atomic.Uint64 // by a later connection of the same member
	Passed          atomic.Uint64 // datagrams passed on
	PassedBytes     atomic.Uint64 // of all frames passed on
	PassQueueFull   atomic.Uint64 // datagrams not passed on for want of room,
	PassRate        atomic.Uint64 // because there were too many of one client,
	PassAbsent      atomic.Uint64 // or because they were for somebody who is not there
}
