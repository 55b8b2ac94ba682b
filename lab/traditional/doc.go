// Package traditional is virtual synchrony as it was built before Bimodal Multicast, after Ensemble: the protocol with which the laboratory compares. It is a machine of the
// same contract as the shipping ones, and runs in the same simulated world.
//
// Source: the layers Mnak, Stable, Mflow, Suspect, Slander, Sync, Vsync and Intra of Ensemble 2 (Hayden, "The Ensemble System", PhD thesis, Cornell 1998, and its source text), as
// measured in Birman, Hayden, Ozkasap, Xiao, Budiu, Minsky, "Bimodal Multicast", ACM TOCS 17(2), 1999.
//
// # Vocabulary
//
//   - A view is the membership that its members agree on. A member's rank is its position in it.
//   - A stream is what a member multicasts in a view, numbered from 1. A row tells up to where a member has each stream; a message is stable once the rows of all members
//     cover it.
//   - The window is how many bytes a member may have been sent and not acknowledged. The buffer is how many bytes a sender holds because they are not stable.
//   - A flush is the change of a view: members stop sending, agree on what was delivered in it (the cut), and install the next view.
//
// # The protocol
//
//   - Data goes to each member, or to all by multicast where the network has it. A member that finds a gap asks the sender for what is missing (Nak), and again after a
//     retry interval. Delivery is in the order in which a sender sent.
//   - A member acknowledges a stream when half of the window has arrived, the first time at a point that depends on its rank. It tells its row every second, at a phase that
//     depends on its rank.
//   - Send fails while any member's window, or the buffer, is full: the slowest member sets the pace.
//   - Pings go to all members every second, and tell which pings of each were heard last. Who has not heard 15 of a member's is suspected by it. Suspicions are shared.
//   - The lowest rank that is not suspected coordinates the flush. All answer with their rows; the cut is the most that any of them has of each stream; who lacks some of it asks who
//     has it; when all have all, the coordinator sends the view. A view has a majority of the first one, so that two cannot go on side by side.
//   - Who was left out learns that from the first member of a later view that it talks to, and asks to join, which takes a flush as well.
//   - Who wants to be out has the coordinator take it for failed (Leave), and may ask to join later.
//   - With [OrderTotal] the member of rank 0 multicasts the order in which the messages of all arrived at it (as Ensemble's Sequencer layer does).
//
// # Parameters
//
// Those of Ensemble: window 50 000 bytes, half of it for each acknowledgement, 100 bytes counted more for each message, rows every 1 s, pings every 1 s, 15 missed. Where the protocol
// differs, it is to its advantage: what is missing is asked for again after 50 ms, not with the next row; acknowledgements and rows are cumulative, and a sender that is
// stopped asks for them every 50 ms, so that lost ones cost little. Ensemble's buffer has no limit; here it is 4 MiB.
//
// # Contract
//
// Members that install the same two views one after the other have delivered the same messages between them: those of each sender without gaps, and with [OrderTotal] all in
// the same order. Events are *[Delivery], [Writable], [Suspected], [Blocked], *[Installed], [Ejected] and [Left].
//
// # Limitations
//
// Members neither restart nor learn of members beyond Config.Members. Who joins again gets no state. Messages are not cut: each is one datagram. Nothing is signed.
package traditional
