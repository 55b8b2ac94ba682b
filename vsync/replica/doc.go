// Package replica keeps one member's copy of a state that a group replicates by the state machine approach: the same commands in the same order make the same state at all members.
//
// Sources: Schneider, "Implementing Fault-Tolerant Services Using the State Machine Approach", ACM Computing Surveys 22(4), 1990; Birman, Joseph, SOSP 1987.
//
// # Vocabulary
//
//   - A [StateMachine] is the application's state. A [Command] changes it, or reads it.
//   - A [Proposal] is a command of this member, from when the group has taken it to its answer.
//   - A command is carried out when it is delivered, and settled once all that was delivered up to it is stable: from then on no change of the view takes it back.
//   - The index of a command is how many the state has carried out with it, counted from the founding of the group.
//
// # Contract
//
// A [Replica] is told what happens in a group, in one order: that a command was taken, and the events of package vsync. It carries out what is delivered, and hands back answers: each proposal is
// answered once. A result is handed back when its command is settled, not when it is carried out, since what a member has delivered and others have not is void if this member is
// cut off or fails. So an answer stands for what all members that stay have carried out, or will, in this order: that makes histories linearizable, for commands that read as well. When this member is
// ejected, proposals that are not settled are answered with [ErrUncertain]: the others may have carried them out or not.
//
// A state is transferred with its index in front of it, see [Replica.Snapshot].
//
// # Limitations
//
// Who repeats a command after ErrUncertain may have it carried out twice, unless the state machine recognises that. State machines must be deterministic: no clock, no randomness, no order of a map.
package replica
