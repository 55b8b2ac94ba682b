// Package gravity is Gravitational Gossip as far as it is plain computation: who wants which packet. A member states a rating for each topic, the fraction of
// its messages that it wants; a packet has a height, and is wanted by the members whose rating is above it.
//
// Source: Jenkins, Hopkinson, Birman, "A Gossip Protocol for Subgroup Multicast", 2001. docs/GRAVITY.md holds the design.
//
// # Vocabulary
//
//   - A [Rating] is a fraction of 16 bits, from which 0 is left out: who wants nothing of a topic has no rating for it.
//   - A [Height] is a hash of a packet's name. It takes a [Salt] for each stream, so that streams are independent of each other.
//   - A [Sketch] is what the hosts of a zone want: topics as a bitmap, and for each byte of it the highest rating, and the highest below 1.
//
// # Contract
//
//   - Heights are spread evenly over 64 bits: of many packets of a stream a member with rating r wants the fraction r.
//   - Wanted sets are nested: what a rating wants, all higher ratings want.
//   - A sketch wants what any member wants that was added to it, or to a sketch that was joined; it may want more, up to all. Joining is commutative, associative and idempotent.
//   - All functions are pure. None allocates but what it appends.
//   - What is malformed, or of an older build, says that the rating is [All].
//
// # Limitations
//
//   - Heights are no secret: a publisher can choose numbers that all members want, by publishing often.
//   - Packets of one number differ between streams only by the salt: whose hash is not cryptographic. Nothing relies on that.
package gravity
