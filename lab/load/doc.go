// Package load measures what Bimodal Multicast costs each member of a large group: how many packets and bytes it sends and receives, whatever the
// size of the group. It runs the shipping machines in a simulated world of zones, with partial views such as a hierarchical membership keeps:
// all of the own zone, and a few random contacts of each sibling zone at each level.
package load
