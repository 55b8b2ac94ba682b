// Package overhead measures what reliability costs members and the sender on the same load, for each protocol, against the size of the group.
//
// # Vocabulary
//
//   - The load of a member is what it sends, a multicast once, and what it receives.
//   - The payload is what would do on a network that loses nothing: each packet once to each member.
//   - The busiest member is the one with the largest load, the sender left out: where members repair for others, it is one of those.
//
// The network is that of package storms: a tree of four levels with multicast.
//
// # Contract
//
// A [Result] follows from its [Config], seed included.
//
// # Limitations
//
// As in package storms. Loads of a few seconds with few losses vary by some percent from seed to seed.
package overhead
