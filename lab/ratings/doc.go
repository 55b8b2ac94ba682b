// Package ratings measures what members get of a topic and what that costs them, against how much of it they want.
//
// Source: Jenkins, Hopkinson, Birman, "A Gossip Protocol for Subgroup Multicast", 2001: members that want a part of the messages get about that part, and carry load in proportion.
//
// # Vocabulary
//
//   - A class is the members of one rating, the fraction of the messages that they want. All classes have as many members, and share one topic.
//   - A copy is one message handed to one member, who may have it already: a contact of the published form, and a packet on its first way or sent again of the shipping protocol.
//
// # The protocols
//
//   - "gravitational": Gravitational Gossip in its published form (package lab/gravitational).
//   - "uniform": the same gossip in which all members count as wanting everything, whatever they want.
//   - "gravity": ratings of the shipping multicast, which repairs what is lost.
//   - "bimodal": the same without ratings: everybody subscribes to everything.
//
// # The world
//
// Member 0, of the class with the highest rating, publishes at an even pace. Latency is 1 ms, all members are in one zone and know each other, and every copy of a datagram is sent on its own.
//
// # Contract
//
// A [Result] follows from its [Config], seed included. Loads are of the time in which member 0 publishes, without the first second. Member 0 itself is in no class.
//
// # Limitations
//
// There is one topic. Hosts take no time and links have no bandwidth. Messages are gossiped in rounds that begin at the same time at all members, as the published analysis has it.
package ratings
