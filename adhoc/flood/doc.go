// Package flood carries payloads through a mobile ad-hoc network in the plainest way: everybody passes on whatever it hears for the first time.
//
// # Vocabulary
//
//   - A [Packet] carries a payload from its origin, which numbers its packets. Whoever has seen the number before drops it.
//   - Jitter is the time, drawn at random, for which a packet waits before it is passed on: neighbours that heard it in the same instant would else send in the same instant.
//   - A route is the neighbour from which the latest packet of a node came first, or from which a hint came: the way back to it.
//   - A side is a neighbour from which packets of a group came of late, with the fewest hops that they had come.
//
// # Contract
//
// A [Machine] is an [adhoc.Routing]. Each packet is broadcast once by each node that it reaches, and no state is kept of members, routes or trees; so nothing has to be repaired when nodes move, and each packet costs as
// many transmissions as there are nodes. A unicast goes along a route where there is one that is fresh, and is flooded, and costs as much, where there is none or a link of it breaks. All tables are bounded by constants; what does not fit is counted in [Stats].
//
// # Limitations
//
// Nothing is sent again: what collides everywhere around a node is lost to it. Members are known to nobody: the distance of a next hop is that to the nearest origin on its side, of late.
// Messages are not signed.
package flood
