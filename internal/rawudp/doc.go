// Package rawudp measures how fast this machine can fan plain UDP datagrams out to several receivers on its loopback interface,
// with segmentation offload where the kernel has it, and nothing else: the limit that a protocol over unicast UDP cannot exceed
// here.
//
// One sender writes buffers of equal segments (UDP_SEGMENT), one after the other to each receiver; every receiver reads what the
// kernel has coalesced (UDP_GRO) and counts. The sender stays a bounded number of datagrams ahead of the slowest receiver, so
// that the result is a rate of datagrams that arrive, not one of datagrams that are thrown away.
package rawudp
