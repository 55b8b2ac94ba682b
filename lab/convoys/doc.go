// Package convoys measures how evenly messages arrive that were sent evenly: figure 2 of the Spinglass paper. In a cascade of groups each level adds to the spread of the times
// between arrivals, since a message that comes late holds up those behind it, which then travel on as a convoy.
//
// A source sends at a fixed rate. All members but the source pause now and then, and links have latencies that vary and lose a little. The times between arrivals are those at
// members of the last level that are no relays. For bimodal as many members are one group, whatever the depth, and the same of them are looked at.
//
// # Contract
//
// A [Result] follows from its [Config], seed included; equal ones are equal.
package convoys
