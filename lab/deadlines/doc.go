// Package deadlines measures which part of the packets arrives within a second while a group grows under constant load.
//
// Source: Birman, Hayden, Ozkasap, Xiao, Budiu, Minsky, "Bimodal Multicast", ACM TOCS 17(2), 1999, begins with such a fleet: it met a deadline of a second until a few members were added.
//
// # The run
//
// The group grows evenly from 8 to 96 members over a minute, while member 0 publishes 100 packets of 210 bytes a second. Latencies have a heavy tail: those of a datagram are at least 5 ms, 9 ms
// in the median, and one in 577 takes longer than a second (Pareto, alpha 1.2, at most 5 s). One datagram in a hundred is lost. Half of the members stand on the other side of a
// wide-area path. In the middle of the run its route changes: for 200 ms nothing passes, and then it is eight times as long. Hosts have the commodity cost of the simulator.
//
// # Vocabulary
//
//   - A stage is a part of the run. A packet counts in the stage in which it is published, for members that joined a second before at the latest.
//   - It is in time when the application has it a second after it was to be published. Time that it waited for room at the sender counts.
//
// # Contract
//
// The [Result]s of a run follow from its [Config], seed included.
//
// # Limitations
//
// The shipping and the traditional protocol deliver in order and the others do not; what order costs counts against the former two. FEC is told that the greatest round trip is 100 ms.
package deadlines
