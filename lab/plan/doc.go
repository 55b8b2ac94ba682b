// Package plan says how a group is to be set so that messages reach all of its members with a given probability, and predicts what comes of it: latency, load, memory, and how likely a
// message does not reach all. The command is `spinglass lab plan`; docs/LABORATORY.md states what a network has to be like for the predictions to hold.
//
// # Vocabulary
//
//   - A [Setting] is a group, its network and its load. [Parameters] are what its members are set to; [Choose] chooses them by closed forms (bimodal.Plan, membership.FailModel).
//   - [Figures] are what comes of it: predicted by [Predict], or observed by [Simulate], which runs the machines that ship.
//   - The first way of a packet is how it spreads before anybody repairs. The course of a packet that a member lacks is how polls, digests, requests and pushes bring it, or it is given
//     up. An outbreak is a packet that did not get into a zone at all, and spreads in it from who gets it first.
//
// # Model
//
// Predict computes distributions and simulates nothing. The first way follows the tree that the publisher makes: at each depth a hop more, of which each adds a latency and may lose the packet (spread.go).
// A packet that a member lacks goes through a Markov chain of the rounds since it is known to be missing and since it was asked for, for each phase of the member's rounds; how many others hold it is
// the mean of the same chain (repair.go). A packet that did not get into a zone goes through the Markov chain on the number of its holders, as in package lab/markov, with the polls of the rules that ship
// and what other zones tell (epidemic.go); expectations beside each number say how often holders have replied, and how many members there are of each class: who does not know of the packet, who lacks it for how long and asked for it when, and who holds it
// for how long, each by when the member's rounds begin (step.go). A message is delivered when all before it are; what becomes of different messages counts as independent.
//
// # Contract
//
// Equal arguments give equal results on one processor architecture. Predict and Simulate take valid settings and parameters: Validate reports what is not.
//
// # Limitations
//
// One publisher, one topic, messages of one packet each, no signatures, no IP multicast, nobody slow or asleep. Zones are siblings of each other. Load is that of multicast only: membership, and tables of zones, come on top.
package plan
