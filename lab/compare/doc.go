// Package compare puts protocols side by side: groups of machines, the shipping ones or baselines, that carry one stream in equal worlds. The experiments of the laboratory build on it.
//
// # Vocabulary
//
//   - A [Protocol] is what the members of a group run; [Protocols] lists them.
//   - A [Layout] is where members stand in the network.
//   - Member 0 is the sender. It publishes at a constant rate.
//   - A [Class] says what a message is for. Loads are counted by class: what a member sends, a multicast once, and what it receives.
//
// # The world
//
// The network has multicast, for all protocols: what a member sends to many passes each link once and is lost there for all behind it. A member knows all others, and how far away they are. Hosts take no
// time unless [Config] says otherwise.
//
// # Limitations
//
// There is one stream. Baselines but the traditional one deliver packets in any order, when they arrive; that one and the shipping protocol keep the order, which costs them time.
package compare
