// Package stream is what the baselines of the laboratory have in common that carry streams of numbered packets: who is in the group, and which packets of a stream a member has.
//
// # Vocabulary
//
//   - A [Group] is whom a member knows, and the lists of them that messages are spread to.
//   - A [Window] is the packets of one stream at one member: those that it has, up to as many as it keeps, and which ones it misses.
//   - A packet is given up when the window moves on without it.
//   - [Delivered] is the event that tells of a packet that arrived. The baselines deliver packets when they arrive, in any order: what order costs is not counted against them.
package stream
