// Package links counts what crosses the links of a network of two levels: how many copies of each packet and of its repairs, and how much of all else. The links that matter are the lines of the
// sites, which are few and shared, and long.
//
// Source: Birman, Hayden, Ozkasap, Xiao, Budiu, Minsky, "Bimodal Multicast", ACM TOCS 17(2), 1999: gossip with members that are drawn evenly from all loads the links between parts of a
// network the more the larger the group is; partners that are weighed by how near they are, and hierarchies, keep that load constant.
//
// # Vocabulary
//
//   - A site has a router. A port is the link between a member and the router of its site, a line the link between this router and the middle of the network. Both directions count together.
//   - A copy is a datagram that carries a packet: on its first way, or as a repair; parity counts as well. A perfect tree over the sites has one copy of each packet on each line.
//   - The busiest line is the one with the most; in all protocols but the shipping one that is the sender's.
//
// # The networks
//
// Protocols that are made for multicast have it: what is sent to many passes each link once. The traditional one and the shipping one have not, unless [Config] says so: the former sends a copy to each
// member, the latter one to each site and trees of copies within, as it does where no more than its own table of zones is known to it.
//
// # Contract
//
// A [Result] follows from its [Config], seed included.
//
// # Limitations
//
// A datagram counts on all links of its way, also on those behind one that loses it: with 1 % loss on each of four links counts are up to 3 % too high. Links have a delay and no bandwidth. The sender
// does not fail, and the representatives of a zone, its first members, are up.
package links
