// Package adhoc runs the machine of a node of a mobile ad-hoc network over UDP on a real interface.
//
// # Vocabulary
//
//   - A neighbour is a node from which a datagram came; its address is that of the latest one.
//   - A broadcast is one datagram to the broadcast address of the interface: whoever is within one hop hears it, and it is repeated by nobody.
//   - A unicast is a datagram to a neighbour, with a number by which the neighbour acknowledges it. It is sent again up to [Retries] times, [AckTimeout] apart; then the machine is told of a broken link. What a
//     radio does in its link layer is done here, since over UDP nobody learns of it.
//
// # Contract
//
// One goroutine owns the machine. What comes from the socket reaches it through a bounded queue, and what is lost there is counted in [Stats]. Event is called by that goroutine, and must not block for long. A node is bound to one
// interface, and to its first IPv4 address.
//
// # Limitations
//
// The links are neither sealed nor authenticated: messages of applications are signed above (package adhoc/anonymous), acknowledgements and routing are not. There is no IPv6. On systems other than Linux a node is not bound to its
// interface, and hears broadcasts that arrive by others as well.
package adhoc
