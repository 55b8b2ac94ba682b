// Package table holds the rows of one zone: what the members say of themselves, one row each, and how fresh the evidence is that
// their owners live. It is a plain data structure: it merges what it is given, tells what another table lacks, and keeps order.
//
// # Vocabulary
//
//   - A [Row] is what a member (its owner) says of itself: name, addresses, attributes. It is immutable and shared by pointer.
//   - A [Version] is (epoch, sequence, heartbeat). Epoch is the owner's boot counter; sequence grows with each change of the row
//     within an epoch; heartbeat grows while the row stays as it is. Versions are ordered in this order of fields, never by a
//     clock.
//   - A beat is a heartbeat that travels without its row, with a [Link] of a hash chain as its proof.
//   - A [Claim] is an owner with a version: what a digest consists of. A claim says what somebody holds. It is not evidence of
//     life.
//   - An [Entry] is a row with its latest heartbeat and when that advanced, by the clock of whoever holds the table.
//   - The silence of a row is the time since its heartbeat advanced.
//
// # Contract
//
// Merging takes the greater version, and of two different rows under one version (its owner is faulty or lying) the one with the
// greater encoding; so merging is commutative, associative, idempotent and monotone, and tables that have seen the same rows hold
// the same rows. All orders that can be seen are by owner, or by silence.
//
// Everything is bounded: rows to [Limits.Rows], a row to [Limits.RowSize] bytes of encoding, a digest to the bytes that the
// caller gives. Exceeding a limit is a typed error. Encodings are canonical: one for each row and each value.
//
// # Limitations
//
// Signatures and certificates are carried and not checked here; proofs of heartbeats are carried, and [CheckLink] checks them, but Table itself
// adopts what it is given. A Table is not safe for concurrent use.
package table
