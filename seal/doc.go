// Package seal makes datagrams that only the two ends of a session can make and read.
//
// # Vocabulary
//
//   - A session has two ends, of which the initiator asked for it. It is known to each by an index that this end has chosen.
//   - Keys are the secrets of a session, one per direction, which follow from what both ends have agreed upon by other means (TLS 1.3).
//   - To seal is to encrypt and authenticate (AES-128-GCM), to open is to check and decrypt.
//   - The counter numbers the datagrams of a direction. The window knows which of them have been opened, so that none is opened twice.
//   - A group is whoever hears an IP multicast address. A sender has one key for all groups ([GroupKey]), and gives it to who may hear.
//
// # Contract
//
// A datagram is a header of [HeaderSize] bytes (version, the receiver's index of the session, counter), the frames encrypted, and a tag of
// [TagSize] bytes. The header is authenticated with the frames. Whoever opens one knows that the other end has sealed it for this session, and
// that it has not been opened before.
//
// A [Sealer] never uses a counter twice, and refuses beyond [PacketsMax] datagrams. An [Opener] changes nothing but the datagram, and
// its window only by what is authentic. Neither allocates for a datagram. Each belongs to one goroutine at a time.
//
// # Limitations
//
// All who have the key of a sender for groups can seal by it, too. Sizes and timing are not hidden. Datagrams that come later than [WindowSize] others are refused as if opened before. Who has the secret of a
// session can read all of it; forward secrecy comes with new sessions.
package seal
