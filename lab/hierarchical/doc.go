// Package hierarchical is groups of lab/traditional in a cascade: how virtual synchrony was to serve more members than one group can hold. One member of each group, its relay, is the
// sender of the group below and multicasts there what it is delivered above.
//
// Source: the convoys that such cascades form are described in Birman, "A Review of Experiences with Reliable Multicast", Software Practice and Experience 29(9), 1999, and in
// Kalantar, "Issues in Ordered Multicast Performance: A Simulation Study", PhD thesis, Cornell 1995, which also has the remedies.
//
// # Vocabulary
//
//   - A level is one group of the cascade; the source sends in level 1.
//   - A stamp is what the source puts before each payload: number and time.
//   - A remedy is what is done against convoys. Weak: groups above the last one keep FIFO order only. Layer: every member holds what it is delivered until its stamp is so many times
//     the delay old as its level, so that each level begins with even spacing. End: only who is not a relay does.
//
// # Contract
//
// A [Node] delivers, by [Arrival] events, what it is delivered in the group above, or below if it is in no group above; after the delay, if it has one. A relay queues up to
// [BacklogMax] messages that the group below does not take yet; what is beyond that is dropped and counted.
//
// # Limitations
//
// Delays take the clocks of all hosts for synchronised. A relay that crashes is not replaced.
package hierarchical
