// Package bench measures what a fleet in one process sustains over loopback sockets: one member publishes as fast as the slowest
// receiver takes, without loss.
//
// # Vocabulary
//
//   - The publisher is one of the members; all others receive.
//   - A delivery is one message at one receiver.
//   - The window is how many messages the publisher may be ahead of the slowest receiver: a closed loop, so that the rate found is one that
//     can be kept up. A latency is measured from before Publish to the receiver's loop and includes the waiting that the window allows.
//   - The raw limit is what plain UDP fan-out of the same bytes reaches on the same machine, with the same number of receivers: see package
//     rawudp. Messages are packed into, or cut to, datagrams of at most wire.DatagramDefault bytes for it.
//
// # Limitations
//
// CPU, allocations and memory are those of the whole process, so the loops that publish and receive count as well.
package bench
