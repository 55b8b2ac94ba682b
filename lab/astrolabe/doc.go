// Package astrolabe finds out how news spreads through tables of zones, and what that costs: fleets of shipping machines, membership and astrolabe of each member, in
// a simulated world. The tests of the shipping package build their fleets with it, too.
//
// # Vocabulary
//
//   - An agent is a member with both machines. A fleet is a tree of zones: branching to the power of levels is the number of agents.
//   - A change is that one host begins to want a topic; an agent sees it when the root's summary, as the agent computes it, says so.
//   - Rounds are of the same length at every level and in membership, so that times can be counted in them.
//   - A message is a datagram that an agent sends, those of membership in its own zone included.
//
// # Contract
//
// A [Result] follows from its [Config], seed included; equal ones are equal. [Grid] says which runs the given sizes come to, or what is wrong with them.
//
// # Limitations
//
// Fleets begin settled: all know what they come to know after long, without the time that forming takes. Rows are not signed. Hosts take no time. An agent
// takes memory: docs/ASTROLABE.md says how much.
package astrolabe
