// Package throughput measures at what rate a healthy member of a group is delivered messages while others are perturbed: figure 1 of Birman, van Renesse, Vogels, "Spinglass: Secure and
// Scalable Communication Tools for Mission-Critical Computing", DISCEX 2001, and of "Bimodal Multicast", ACM TOCS 17(2), 1999.
//
// One sender is eager to send messages of 7 kB. Some members are perturbed in randomly chosen intervals of 100 ms, with a given probability: they sleep, or what they send and
// are sent is delayed, or lost. The rate at members that are not perturbed is sampled over successive 500 ms.
//
// # Vocabulary
//
//   - A protocol is bimodal, the shipping machine with a topic of fixed rate; traditional, virtual synchrony after Ensemble (package lab/traditional); or vsync-bimodal, the shipping virtual synchrony
//     over such a topic (package vsync).
//   - The costs are what a host takes for a datagram, see [Costs]: one published set for all protocols.
//   - Groups with views have an order of messages, and ranks: who has the first one orders with total order.
//
// # Contract
//
// A [Result] follows from its [Config], seed included; equal ones are equal.
//
// # Limitations
//
// Membership is given: bimodal members, and those of vsync-bimodal, know each other from the start, and keep doing so; the latter form their group before anybody is perturbed. Hosts have one process each, and a network without loss of its own.
package throughput
