// Package manet measures multicast in mobile ad-hoc networks: how many of the packets of one source reach the members of a group while all nodes move, by protocol.
//
// Source: Chandra, Ramasubramanian, Birman, "Anonymous Gossip: Improving Multicast Reliability in Mobile Ad-Hoc Networks", ICDCS 2001.
//
// # Vocabulary
//
//   - Nodes move in a square by random waypoint, and share one radio channel (package sim). A third of them are members of a group, of which one is the source.
//   - The range is that of the radio; what is delivered is counted as a part of the packets that the source sends, for each member but the source.
//   - A setting is everything of a run but protocol and seed. Runs of one setting and seed are paired: nodes are members, move and send alike, whatever the protocol.
//   - A packet could be delivered to a member at once if there was a path of nodes within range of each other when it was sent. The part of which that is so is in each row (reachable).
//   - The goodput is the part of the repairs by gossip that brought something new.
//   - Jitter is how uneven arrivals are: the standard deviation of the time between two arrivals at a member, and that of the rate in windows of a second and of ten. A packet that is missing leaves a gap; one that comes late leaves it too, and fills another one.
//   - The interarrival jitter is that of RFC 3550: the mean difference of the delays of two packets that arrive one after the other. What never arrives does not count in it, so that who repairs has more of it than who does not.
//   - The delay variation is that of RFC 5481, packet delay variation: a quantile of the delays less the least one. The quantile is over all packets that were sent; one that never arrives has an infinite delay (RFC 7679, section 5.1).
//
// # Contract
//
// A [Result] follows from its [Config], seed included.
//
// # Limitations
//
// The radio is that of docs/SIMULATOR.md: no fading, no errors by chance, no RTS. What the publication does not tell (where members stand, how large headers are, what the radio does beyond its range) is chosen here, and said in docs/LABORATORY.md.
package manet
