// Package live runs a protocol machine over real sockets, the real clock and real files.
//
// Every input of the machine of a [Node] belongs to a turn, and one goroutine at a time runs turns: the loop, or a reader in its stead while
// the loop waits. So neither the machine nor the callbacks of the application need locks of their own. Around the loop stand readers of the UDP socket
// and of multicast, a writer, workers for signatures and for durable storage, and two goroutines per bulk stream. Each of them is joined to the loop by a bounded queue.
//
// # Vocabulary
//
//   - A turn is one pass of the loop: a bounded number of inputs, then Timeout if it is due, then the hand-over of what is to be sent.
//   - An arrival is what one read of the socket brought: one datagram, or several of equal size which the kernel coalesced (GRO).
//   - A parcel is a buffer of datagrams for one set of destinations. Its segments are of equal size, the last may be shorter, so that
//     the kernel can cut it up itself (GSO). A lane is a parcel still being filled.
//   - The book knows the addresses of peers; a stranger is a sender whom no event of the machine has introduced.
//   - A session is what two nodes have agreed upon to seal datagrams for each other, by a handshake over TCP. A notice tells that one is unknown.
//   - A completion is the event that tells the machine that work which it asked for is done.
//
// # Contract
//
// The loop keeps the contract of package protocol. It carries out effects in order, with two liberties: datagrams to different
// destination sets may overtake each other within a turn, as they may in the network, and several messages for the same destinations
// may share a datagram.
//
// Addresses are text, "host:port". An IP address is used as it stands. A name is resolved off the loop and again on later sends once
// the answer is old; a message to a name that is being resolved waits for the answer, a bounded number of them. A message to an
// address goes to every IP address that the name has; a message to a peer goes to that one of its addresses from which the peer was
// last heard, and until then to each in turn. The source of a datagram is not authenticated: it is used to choose among the addresses that
// the peer has published, and to answer strangers, and never replaces an address of a peer.
//
// With [Config.Security] every datagram and stream is authenticated and encrypted, between members whose certificates both ends have verified; the sender that the machine
// is given is then proven. Nothing is sent in the clear, and nothing that is not sealed for a session is decoded.
//
// Every queue is bounded. When the queue of arrivals is full, arrivals are dropped and counted. When the writer is behind, the loop
// waits for it, which in turn fills the other queues: nothing is lost between machine and kernel without a count. Work beyond a bound
// completes with an error. [Node.Post] fails on a full queue, [Node.Do] and [Node.Call] wait.
//
// [Node.Close], [Node.Call] and [Node.Do] must not be called from the loop (from OnEvent or from a function given to Do, Post or Call);
// [Node.Post] may.
//
// Time is counted from Config.Epoch by Config.Clock, by default the monotonic clock of package time. The loop knows no other: deadlines of the
// machine, pauses, the age of answers about names. Deadlines of sockets, of lookups and of Close are always real. With an in-memory
// net.PacketConn a whole Node also runs inside a bubble of testing/synctest, by the default clock.
//
// # Limitations
//
// Without Security datagrams are neither encrypted nor authenticated. What is sealed to an IP multicast group could be
// sealed in the sender's name by whoever has its key. Segmentation and coalescing by the kernel are used on Linux; elsewhere every
// datagram costs a system call. recvmmsg and sendmmsg are not used: measured, they save next to nothing beside GSO and GRO.
// An injected Conn has no streams. Without a DataDir, Persist completes without storing anything.
package live
