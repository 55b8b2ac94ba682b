// Package fec is multicast with forward error correction and negative acknowledgements, as a machine of the laboratory.
//
// Source: Adamson, Bormann, Handley, Macker, "NACK-Oriented Reliable Multicast (NORM) Transport Protocol", RFC 5740, 2009, and its building block RFC 5401; Reed-Solomon codes by
// github.com/klauspost/reedsolomon.
//
// # Vocabulary
//
//   - The sender publishes one stream. A block is k packets of it, or fewer when no more came for a while, with up to h parity symbols: any k of them all give the block.
//   - The need of a receiver is how many symbols of a block it lacks to have it.
//   - GRTT is the greatest round trip of the group, as the sender advertises it. K scales back-off.
//
// # The protocol
//
//   - Packets go out when they are published, and are delivered when they arrive. When a block is full, or 200 ms old, a number of its parity symbols follow unasked.
//   - Who finds that a block is over (a parity symbol, a later block, or a flush) and still has a need waits for a back-off, exponentially distributed and truncated at K GRTT (RFC 5401,
//     section 3.2.2). Unless others have asked for as much by then, it multicasts a NAK with its needs. Either way it then holds off for (K + 2) GRTT.
//   - The sender gathers the needs of a block for (K + 1) GRTT and multicasts as many further parity symbols as the greatest one; when there are no more, it begins again with the packets. Needs
//     told within a GRTT after that are from before, and are ignored.
//   - A silent sender repeats every 2 GRTT, 20 times, where its stream ends.
//
// # Parameters
//
// k = 16, h = 16, 1 parity symbol unasked, K = 4, and GRTT is given: the protocol's own measurement would do no better.
//
// # Contract
//
// The machine takes the group from protocol.PeerUp and its like; back-off takes its size from there, too. Packets are delivered when they arrive, or when their block is decoded ([stream.Delivered]).
//
// # Limitations
//
// No congestion control. A block that is needed after 64 further ones is given up. All parity symbols of a block are as long as its longest packet.
package fec
