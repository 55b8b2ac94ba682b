// Package srm is Scalable Reliable Multicast with fixed and with adaptive timers, as a machine of the laboratory.
//
// Source: Floyd, Jacobson, Liu, McCanne, Zhang, "A Reliable Multicast Framework for Light-Weight Sessions and Application Level Framing", IEEE/ACM Transactions on Networking 5(6),
// 1997. Where the paper leaves a choice, the protocol does what the implementation in the simulator ns-2 (2.35) does.
//
// # Vocabulary
//
//   - The source of a packet is the member that published it. Any member may publish.
//   - d is the distance of a member to the source, d' that to a member which asks: the time of a message on its way, half of a round trip.
//   - A request asks the group for a packet; a repair is that packet, sent to the group again.
//
// # The protocol
//
//   - Every member multicasts a session message every second, more or less by a tenth: the highest number of each source that it has heard of, its clock, and the clocks that others
//     have sent with how long ago, from which those compute their distance (smoothed by a quarter).
//   - Who finds a packet missing, by a later one or by a session message, asks for it after a time drawn evenly from [C1 d, (C1 + C2) d]. Whoever hears such a request while it
//     waits, or has sent its own, draws anew from an interval twice as long (at most 32 times), and ignores further requests until half of that time is over.
//   - Who has a packet that is asked for sends a repair after a time drawn evenly from [D1 d', (D1 + D2) d'], unless it hears one by then. It ignores requests for the packet for
//     3 d' after it has sent or heard a repair, and who asked for 3 d after it has got one.
//   - Adaptive timers: each member moves C1, C2, D1 and D2 by the averages (smoothed by a quarter) of the duplicates that it hears and of the delay until the first request or repair,
//     the paper's algorithm, with the steps of ns-2. Intervals of requests triple instead of doubling.
//   - Requests may be scoped, the form of the paper that limits them by TTL: the first one goes to the members near by only, and so do the repairs for it.
//
// # Parameters
//
// C1 = C2 = 2, D1 = D2 = 1. Adaptive: they begin at C1 = C2 = 2 and D1 = D2 = log10 G, G the number of members, and stay in 0.5 to 2 (C1), 1 to G (C2, D2), 0.5 to log10 G (D1); one
// duplicate and a delay of one round trip are what they aim at.
//
// In ns-2 the first repair that a member hears counts as a duplicate as well, averages are updated twice for each packet, and who has sent and heard no duplicate takes itself for the closest.
// Here it is as in the paper. Both send equally many repairs for a packet, in a star, within a tenth (docs/LABORATORY.md; testdata/star.tcl is what ns-2 was run with).
//
// # Contract
//
// The machine takes the group from protocol.PeerUp and its like; a Peer's RoundTrip, where it is not 0, is the first estimate of its distance, and its Distance says who is near by. Packets are
// delivered when they arrive ([stream.Delivered]). A packet that nobody repairs is asked for until the window has moved on.
//
// # Limitations
//
// The paper has the rate of session messages depend on the size of the group; ns-2 has not, and neither has this: at 1000 members each gets 1000 of them a second. Their size is
// bounded by the clocks of [EchoesMax] members, by turns. Nothing limits the rate of the sources, of requests or of repairs (nor does the paper, but for a token bucket of its application).
package srm
