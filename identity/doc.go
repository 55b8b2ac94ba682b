// Package identity says who is who in a fleet, and who may do what: keys, certificates of its own format, access rules, revocation and enrolment.
//
// # Vocabulary
//
//   - A [Certificate] says what a key may do, by the word of its issuer. There are four kinds: zone (an authority for the names below a path), member (a
//     node), client (a person or program) and function (a summary that zones compute).
//   - A [Chain] is the certificates from a root to a subject. The anchor is the [Fingerprint] of the root's key: all that a node has to know beforehand.
//   - A [Grant] is a verb with a pattern, such as publish:orders*. Grants only shrink along a chain.
//   - Life is the time between not-before and not-after; grace is for how long an expired member is still taken for one, with a warning.
//   - A [RevocationList] takes certificates back; a [Beacon] says that a list is the latest.
//   - A [Statement] is a signature for one place in an author's order; two different ones for one place are an [Equivocation].
//   - A [Token] is what a person copies to let a machine join; a [JoinRequest] is what the machine makes of it.
//   - An [Authority] issues. Its [Register] is its memory of what is out.
//
// # Contract
//
//  1. Nothing here reads a clock, draws randomness or keeps files: instants, entropy and secrets are arguments.
//  2. A signature is valid for one [Context] only. Keys that are weak, or written in a way that is not the shortest, are refused wherever they occur.
//  3. Every value has one encoding, and what decodes is encoded the same again. Unknown versions, algorithms and fields of even tags are refused;
//     unknown fields of odd tags are carried, since signatures cover them, and ignored.
//  4. [Policy.Verify] accepts a chain only if every issuer was entitled to what it issued: kind, place, grants, quotas, life. Its error names the first
//     certificate that is wrong, and says in one line for people what is wrong with it.
//  5. Order is by number, epoch and sequence; the wall clock serves expiry only.
//  6. Nothing is identified by a hash that covers a signature; an [Identity] is compared by its fields.
//  7. Everything is bounded by a named limit, and exceeding it is an error. Decoders allocate no more than their input holds.
//  8. Merging [Revocations] is commutative, associative and idempotent.
//
// The formats and the reasons behind the constants are in docs/IDENTITY.md.
//
// # Limitations
//
// Issuers do not know of each other: each holds to its quotas by itself, and two can give one name to two keys. Who has a zone's key can do all that the zone
// can, until its parent revokes it. A root cannot be revoked; a fleet whose root key is stolen needs a new root. An Authority, Tokens and Revocations are
// not safe for concurrent use. A process restricted to FIPS 140 algorithms cannot sign, since Ed25519 with context is none of them.
package identity
