// Package vsync is virtual synchrony over Bimodal Multicast: groups whose members agree on a sequence of views, deliver the same messages in each, and give their
// state to who joins. One slow member never stalls a group.
//
// Sources: Birman, Joseph, "Exploiting Virtual Synchrony in Distributed Systems", SOSP 1987; the Ensemble stack; Gupta, Birman, van Renesse, "Fighting Fire with Fire", 2002. docs/GROUPS.md holds the
// design, the constants, and what is promised; docs/WIRE.md the encodings.
//
// # Vocabulary
//
//   - A group has a name, and its data go through the topic [TopicOf] of it. A [View] is the membership that its members agree on. A member's rank is its position in it.
//   - A [ViewID] is an epoch and a number. It only grows from one view of a group to the next, and serves as fencing token.
//   - An incarnation is one membership: who was out and is in again has a higher one. So a member is named by its NodeID and its incarnation.
//   - A cast is a message of the application to the group. A member numbers what it sends in a view from 1; beside casts that is what orders them.
//   - A message is stable when all members of the view have it. Until then all keep it.
//   - A flush is the change of a view: members stop sending (they are blocked), agree on who is in the next view and on the cut, which says up to where the messages of each member
//     belong to the present one, and pull what they lack of it.
//   - A view is primary when members with more than half of the weight of the view before have agreed to it. A member is outside while it cannot reach so many.
//   - With total order the sequencer numbers the casts of all. Who does so is the holder of a term.
//   - A donor gives its state to a joiner. A member is ready once it has the state.
//
// # Contract
//
//   - Members that install the same two views one after the other have delivered the same messages between them, in the order of the group; each in the view in which it was sent.
//   - A view follows on the one before by the agreement of a majority of it (of its weight; of exactly half with the member of rank 0). So no two views follow on the same one.
//   - What a member that is outside, or was ejected, delivered last need not have been delivered by others: it is made good by the state that it gets when it joins again. What is stable
//     was: [Flushed] tells.
//   - The events of a group are one ordered stream: *[Installed], *[Delivery], [SnapshotWanted], *[State], [Ready], [Blocked], [Outside], [Ejected], [Left], [Writable], [Flushed].
//   - Every table, queue and loop is bounded by a field of [Config] or [Options] or by a named constant; what is refused is counted in [Stats].
//   - A group in which nothing happens costs no timer of its own: members compare views of all the groups that they share once per [Config].Check.
//
// # Limitations
//
// Crash faults only: what members say is believed. A group of which a majority of the latest view is gone for good stays blocked until a person says that it is, with [Machine.Recover]: nothing else says whether the rest of it goes on elsewhere.
// Who founds a group without having heard of it, since it was cut off, founds another one of the same name: when both meet, the members of the younger one
// give up their state and join the older.
package vsync
