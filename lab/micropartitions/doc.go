// Package micropartitions measures what failure detection costs that is in a hurry: how often members that are well are ejected, and how much time goes into the changes of views that
// follow, against the size of the group. Gupta, Birman, van Renesse, "Fighting Fire with Fire", Quality and Reliability Engineering International 18, 2002, argues that both
// grow about as the square of it: there are n² pairs of which one may take the other for failed, and everybody waits for each change.
//
// # Vocabulary
//
//   - An ejection is wrong here, always: nobody fails, and the network merely loses a few datagrams in a thousand.
//   - Time lost is the part of its time that a member cannot send, because a view is being changed or it is in none; the mean over members.
//
// # Contract
//
// A [Result] follows from its [Config], seed included; equal ones are equal.
package micropartitions
