// Package wire is the encoding that all Spinglass protocols share: variable-length integers and bounded reading of them, the
// datagram with its frames, the packing of small application messages into packets and the cutting of large ones.
//
// # Vocabulary
//
//   - A datagram is what one UDP packet carries: a header and frames. A frame is one protocol message with its kind and length.
//   - A packet is the unit of sequence, repair and signature of a stream of application messages; its body holds records. A record is a
//     whole small message or one piece of a large one.
//   - A format is a number for all that members say to each other, which grows when something is added that members of the one before do not know. A build speaks
//     those from [FormatOldest] to [FormatLatest].
//
// # Contract
//
// Encoding appends to a slice that the caller gives and does not allocate when it has room. Decoding never panics, whatever the input,
// never allocates from a length that the input declares, and accepts exactly one encoding of each value: integers in
// their shortest form, nothing after the last field. What it returns aliases the input.
//
// The encoding is written down in docs/WIRE.md.
//
// # Limitations
//
// The header's checksum detects damage, not forgery; sealed links replace it by an authenticated form under a version of its own.
package wire
