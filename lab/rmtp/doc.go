// Package rmtp is the Reliable Multicast Transport Protocol, as a machine of the laboratory.
//
// Source: Paul, Sabnani, Lin, Bhattacharyya, "Reliable Multicast Transport Protocol (RMTP)", IEEE Journal on Selected Areas in Communications 15(3), 1997.
//
// # Vocabulary
//
//   - The sender publishes one stream to all receivers.
//   - A designated receiver (DR) caches the stream and repairs it for the receivers of its region.
//   - The acknowledgement processor (AP) of a receiver is the DR of its region; that of a DR is the sender, or another DR. So receivers form a tree.
//   - A status says from which packet on a receiver misses something (L), and by a bitmap which of those after it are there.
//
// # The protocol
//
//   - The sender multicasts packets to all. Every receiver sends its AP a status every T_ack, at a phase of its own.
//   - An AP collects what its children miss, and repairs it once a T_retx: to each child that lacks the packet if these are few, else by multicast to its region.
//   - A packet that was sent again is not sent again to the same child before a T_ack has passed, so that the next status, sent before the repair arrived, brings no second copy.
//   - The sender's window moves on when all of its children have a packet; it publishes no more than a window beyond. A child that says nothing for a time is forgotten.
//   - A DR keeps what it cannot deliver to children that lag for as long as it keeps packets at all.
//   - When the sender is silent, it repeats every T_ack up to where the stream goes (a status of its own), for as long as a child lacks something, so that the last packets are missed.
//
// # Parameters
//
// The paper has T_ack follow the round trip to the AP, and has APs chosen by their distance. Here T_ack is 100 ms, the gossip round of the protocol that this is compared with, T_retx 20 ms, and the tree is
// given. More than 3 children that lack a packet get it by multicast. The window is 1024 packets.
//
// # Contract
//
// The machine takes the group from protocol.PeerUp and its like. Publish fails with [ErrWindow] while the window is full; an event [Writable] tells that there is room again. Packets
// are delivered when they arrive ([stream.Delivered]).
//
// # Limitations
//
// The tree does not change: when a DR fails, its region gets no repair. The rate is not controlled otherwise than by the window.
package rmtp
