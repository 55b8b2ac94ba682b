// Package views measures what changes of the view cost groups whose members agree on it: how long they take, from when it is known that there is something to change, and from when the next view is proposed, until all have
// installed it; for how long casts are held back meanwhile, and what share of the time that is, against the size of the group.
//
// A member casts at an even pace, and one change follows on the other: a member crashes, the one that coordinates crashes, they return, one leaves and joins again. The groups that ship, whole nodes with their membership (package
// stack), stand beside those of lab/traditional.
//
// # Vocabulary
//
//   - A change is found out when the first member suspects who has crashed; of other changes, when the first member is blocked. It is done when all members that are well are in a view that is as it should be.
//   - A cast is held back while its member is blocked. The time of that is told as the mean over members, and the most of any.
//   - The latency of a cast is from when the application wants it cast until it is delivered, at each member that is well; what the group refuses waits.
//
// # Contract
//
// Results follow from their [Config], seed included; equal ones are equal.
//
// # Limitations
//
// Groups have no state, so that a join is done with the view. Changes come one at a time. What the sleeper itself sees is not counted.
package views
