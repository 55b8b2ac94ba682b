// Package maodv carries multicasts of a mobile ad-hoc network along a tree that all members of a group share: the multicast operation of the Ad hoc On-Demand Distance Vector routing (draft-ietf-manet-maodv-00), over package aodv.
//
// # Vocabulary
//
//   - The tree of a group connects its members; nodes on it that are no members are routers. Its edges are to neighbours. The upstream edge goes towards the leader, the others downstream.
//   - The leader is the first member of its part of the network. It keeps the group's sequence number and floods a [GroupHello] (GRPH) with the next number at intervals.
//   - A [JoinRequest] (RREQ with the join flag) asks for the tree, a [JoinReply] (RREP) offers a branch, and an [Activation] (MACT) makes one of those that were offered part of the tree, ends one (prune), or asks who is
//     downstream to find a leader.
//   - A [TreeHello] tells neighbours once a hello interval where its sender stands in the tree. It is not in the draft, see below.
//   - The distance of an edge is how many hops away the nearest member on its side is; [Distance] (MODIFY in Anonymous Gossip) tells of changes.
//
// # Contract
//
// A [Machine] is an [adhoc.Routing] for a driver with a radio. Who is no member of a group and not on the tree takes no part but for handing on floods. [adhoc.TreeChanged] tells of each change of a node's edges. A multicast goes as
// one broadcast of each node on the tree, and is repeated by nobody. All tables are bounded by constants; what does not fit is counted in [Stats].
//
// # What is different from the draft
//
//   - Neighbours on the tree are kept by the TreeHello and not by plain hellos. It carries leader, number and distance downstream along the tree, where the draft has the GRPH do so, and it lists the sender's edges, so that an edge that
//     only one end believes in ends, and a loop is found by distances that grow and numbers that stand still.
//   - Two trees merge by the leader with the smaller NodeID, as in the draft. It gives up its role and joins the other tree as a new member does, by a request that names its leader, with all that is downstream of it. In the draft the request is
//     a unicast to the other leader, whose reply makes the branch and turns edges round on its way, and which takes the greater of both sequence numbers.
//   - There is no RETRANSMIT_TIME, and no message of who has restarted: hellos show both.
//   - Only members send. Requests are always flooded, also where the leader is known. The wait for further offers ends OfferWait after the first one.
//
// # Limitations
//
// Messages are not signed: a node that lies about its distance draws a tree to itself. See docs/ADHOC.md.
package maodv
