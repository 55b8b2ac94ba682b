// Package fleet runs a fleet of members in one process, over real loopback sockets, for the demonstration and the benchmark.
//
// The members are nodes of the root package, started as an agent would start them, without data directories. They share a
// process, so they also share its processors: a figure of a fleet is one of the machine, not of one member.
package fleet
