// Package adhoc is the vocabulary of multicast in mobile ad-hoc networks: what a protocol that spreads messages to a group expects of the routing under it, whatever that is.
//
// # Vocabulary
//
//   - A node is a host with a radio. It reaches whoever is within one hop, by [protocol.Output.Broadcast], or one of these by [protocol.Output.Send].
//   - A [Group] is a set of nodes, its members. No node knows who they are. Who is no member may forward for the group.
//   - A [Routing] carries payloads to a group, and to one node, over as many hops as it takes, best effort.
//   - A next hop of a group is a neighbour beyond which there are members of it; its distance is how many hops away the nearest of these is.
//
// The implementations of Routing are adhoc/maodv, a tree, and adhoc/flood. Above them is adhoc/anonymous, which repairs what they lose.
//
// # Contract
//
// A Routing is a [protocol.Machine] with commands, and keeps its contract. What it has for who is above it comes as events of this package, whose payloads may be kept and must not be changed. Payloads that it
// is given must not change afterwards.
package adhoc
