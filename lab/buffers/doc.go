// Package buffers measures what members hold of a stream so that it can be repaired or delivered, while its sender publishes at a steady rate whatever becomes of the others.
//
// Source: Birman, Hayden, Ozkasap, Xiao, Budiu, Minsky, "Bimodal Multicast", ACM TOCS 17(2), 1999, and Ozkasap, van Renesse, Birman, Xiao, "Efficient Buffering in Reliable Multicast
// Protocols", NGC 1999: where messages are kept until all members are known to have them, what a member holds grows with the group and with the slowest of its members; where they are kept for a
// number of rounds, and then by a few members, it does neither.
//
// # Vocabulary
//
//   - What a member holds are packets, its own and those of others, for whatever reason: because somebody may want them again, or because one before them is missing. Bytes are those of the payload, of
//     the shipping protocol also of what it takes to keep the place of each.
//   - A healthy member is one that neither sends nor is perturbed.
//   - A perturbed member, the last ones, is asleep in intervals of 100 ms with a given probability.
//
// # The sender is not stopped
//
// The traditional protocol has neither a window nor a limit of its buffer here, so that what the sender holds is what a steady rate needs. With the limits that it ships with it would stop instead: package
// throughput measures that.
//
// # Contract
//
// A [Result] follows from its [Config], seed included.
//
// # Limitations
//
// SRM and RMTP keep as many packets as they have places for, whether anybody wants them or not, and so does the sender of FEC: their figures are constants. Those of receivers of FEC are what incomplete
// blocks hold. Members hold the bytes; what the operating system queues before a sleeper comes on top. The network has multicast.
package buffers
