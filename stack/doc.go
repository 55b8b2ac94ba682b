// Package stack puts the protocols of one node together: membership, Bimodal Multicast and the tables of zones as one
// protocol.Machine, so that the drivers, real and simulated, see a single machine.
//
// # Vocabulary
//
//   - The [Router] carries messages to the machine that owns their kind, events to every sibling of the machine that emitted them, and
//     the completion of work to the machine that asked for it.
//   - A [Node] is the router with the protocols of a Spinglass node in it; its fields give access to their commands.
//   - [Quotas] say how many messages of each [Class] a node takes up in a period, in all and from one source. What exceeds them is dropped first of all.
//
// # Contract
//
// The contract of protocol.Machine, as a whole. Commands of a machine inside go through the methods of [Node], so that the events
// they emit reach the siblings.
//
// # Limitations
//
// Unless membership.Config.Zoned is set, membership holds the members of all zones, and the tables of zones know of no others: their hosts are all members.
// An event may lead to further events at most 64 deep; beyond that the machines answer each other without end, which panics.
package stack
