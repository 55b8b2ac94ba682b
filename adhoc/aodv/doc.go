// Package aodv finds routes to single nodes of a mobile ad-hoc network when they are needed: the Ad hoc On-Demand Distance Vector routing of RFC 3561.
//
// # Vocabulary
//
//   - A [Request] (RREQ) is flooded over an expanding ring; who passes it on keeps a reverse route to its origin. A [Reply] (RREP) goes back along it, from the destination or from a node
//     with a fresh route, and leaves routes to the destination behind. An [Error] (RERR) tells precursors that destinations are no longer reached.
//   - The sequence number of a destination says which of two routes is fresher; numbers are compared with rollover (see newer).
//   - A precursor of a route is a neighbour that uses it through this node.
//   - A [Packet] carries a payload from its origin to its destination.
//
// # Contract
//
// A [Machine] is a machine of package protocol, for a driver with a radio. [Machine.Send] sends a payload; [adhoc.UnicastArrival] brings one, and [adhoc.Undeliverable] gives one back for which no route was found.
// Payloads wait for routes in bounded buffers. Where the driver tells of broken links ([protocol.LinkBroken]) this is used; with [Config.Hello] neighbours are also told by hello messages, and missed by their silence.
// All tables are bounded by constants; what does not fit is counted in [Stats].
//
// # Limitations
//
// Of the RFC these optional parts are left out: local repair by intermediate nodes, gratuitous replies, acknowledged replies (a reply whose unicast fails puts the neighbour on the black list all the same), subnets, several interfaces, and
// the wait after a reboot: a node that restarts begins with a sequence number that its configuration gives it. Messages are not signed: a node that lies can draw routes to itself. The
// encoding is that of docs/WIRE.md and not that of the RFC.
package aodv
