// Package bench measures what a fleet sustains over loopback sockets: the highest rate at which every receiver gets everything, in order, without
// growing delay; the latency at half of it; and what healthy members receive while others sleep. The measuring itself is package measure's.
//
// # Vocabulary
//
//   - The publisher is one of the members; all others receive.
//   - A delivery is one message at one receiver.
//   - The raw limit is what plain UDP fan-out of the same bytes reaches on the same machine, with the same number of receivers: see package
//     rawudp. Messages are packed into, or cut to, datagrams of at most the size that the fleet uses. The single limit is the same with one
//     message a datagram.
//
// # Limitations
//
// CPU, allocations and memory are those of the members' processes, so the loops that publish, receive and record count as well. The raw limits are
// measured in one process, and nothing looks into their datagrams.
package bench
