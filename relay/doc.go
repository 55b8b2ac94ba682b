// Package relay carries datagrams and connections between members that cannot reach each other, through a third one.
//
// # Vocabulary
//
// A gateway is a member that others connect to by TCP, its clients. A [Switch] is what it knows of them. A [Conn] is such a connection, at either end: frames go over it that name a
// member, for whom they are when they go to the gateway, and who they are from when they come from it. A stream is a connection between two clients, or a client and the gateway, carried in frames.
//
// # Contract
//
// The caller makes the connection and knows who is at its other end. A gateway replaces the name in each frame by that of the client that it came from, so that no client can use another's; but whoever
// receives from a gateway has nothing but its word for it. What datagrams and streams carry has to be sealed between the two members.
//
// Datagrams are lost rather than delayed: what a queue, or a rate, cannot take is dropped and counted. Streams lose nothing: [Window] bounds what is under way in each, and one of which something could not
// be carried breaks. What both are told by is in [Counters].
//
// Each frame is checked by a gateway before it passes it on, and the sender of a malformed one is cut off. Nothing is allocated from a length that was declared, but up to the largest frame.
//
// # Limitations
//
// Frames share one TCP connection to the gateway and one from it. One lost segment delays all that is behind it.
package relay
