// Package bimodal is Bimodal Multicast: it spreads the messages of topics to whoever wants them, repairs what the network loses
// by gossip, and tells what cannot be repaired. A publisher never waits for a receiver, and the load that loss puts on a member
// is bounded.
//
// Source: Birman, Hayden, Ozkasap, Xiao, Budiu, Minsky, "Bimodal Multicast", ACM TOCS 17(2), 1999. docs/BIMODAL.md holds the
// design, the formats of the messages and the constants.
//
// # Vocabulary
//
//   - A topic has a name; packets and rows carry its [TopicID]. Interest is the set of topics that a member wants, see
//     [InterestAttribute].
//   - A stream is what one run of one author publishes to one topic. Its packets are numbered from 1, and so are its messages.
//   - A packet carries several small messages, or a piece of a large one. It is the unit of loss and repair.
//   - Spread is the first way of a packet, best effort. Gossip repairs: in each round a member, the gossiper, tells a random
//     other which packets it holds by a digest; that one asks for what it misses by a request, and the gossiper answers with
//     repairs.
//   - A group is what reaches many subscribers of a topic by one datagram (IP multicast). A probe finds out whom.
//   - The short phase is for how many rounds every member keeps a packet for repair. Then only its bufferers do, for the rest of its
//     life. The floor of a stream is the number below which its window has nothing.
//   - A gap is a run of messages that are lost for this node.
//
// # Contract
//
//   - Each stream is delivered in order, without duplicates. Every message of it is delivered or counted in exactly one [Gap],
//     from where this node took the stream up: the beginning, if the stream began after the subscription; else where it stood.
//   - Publish copies the payload and never waits. Rates are kept per topic by a token bucket: see [ErrWouldBlock] and [Writable].
//     Unless it is fixed, a topic's rate follows from what its subscribers tell of their lag: see [Flow].
//   - Events are *[Delivery], *[Gap], *[Writable] and *[StreamRefused], besides protocol.SetAttribute and protocol.Unanswered
//     for membership.
//   - Every table, queue and loop is bounded, by a field of [Config] or a named constant; what is refused is counted in [Stats].
//   - In steady state no packet costs an allocation of its own.
//
// # Limitations
//
//   - Losses that only multicast has are left to repair; it is given up when it fails, not when it is bad.
//   - Packets share their bufferers, and so their fate, in blocks of sixteen.
//   - Orders of trees are believed, and relays depend on each other: a relay of which its sender does not know that it is slow delays what it
//     hands on, until gossip repairs it.
//   - What a digest says of the lag of other members is believed, at the worth of one member each, also of members that this node does not know:
//     a peer that invents such reports can slow a topic, or keep it from being slowed.
//   - What a digest says of a stream's end is believed: a forged one makes this node wait for, and then report, messages that
//     never were, and take what its author sends below that end for old.
//   - Clocks of members must run at the same speed, or the beginning of a stream may be taken for older than it is.
//   - A stream that was forgotten (Config.Forget after it went idle and its author left) and comes back is taken up where it
//     stands then; so are others of its topic that began before it and were not heard of yet.
package bimodal
