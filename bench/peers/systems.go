package main

import (
	"spinglass/internal/measure"
	"spinglass/internal/measure/node"
)

// garbagePercent is what the garbage collector of members is set to whose cost is mostly garbage: 100 by default.
const garbagePercent = 400

// topic is what everything is published to, where a system has topics.
const topic = "bench"

// contender is a system with what it is to be measured at.
type contender struct {
	measure.System
	raw       bool // a limit of the machine, not a system that anybody would use like that
	perturbed bool // it is of interest what becomes of it when receivers sleep
}

// contenders returns everything that can be measured, in the order of the table: the limits first, since the others are held against one of them.
func contenders() []contender {
	return []contender{
		{System: plainSystem(), raw: true},
		{System: segmentsSystem(), raw: true},
		{System: packedSystem(), raw: true},
		{System: multicastSystem(), raw: true},
		{System: streamSystem(), raw: true, perturbed: true},
		{System: node.System(), perturbed: true},
		{System: node.OpenSystem(), perturbed: true},
		{System: natsSystem(false), perturbed: true},
		{System: natsSystem(true), perturbed: true},
		{System: gossipsubSystem(gossipsubOpen), perturbed: true},
		{System: gossipsubSystem(gossipsubSigned), perturbed: true},
		{System: gossipsubSystem(gossipsubSecure), perturbed: true},
		{System: memberlistSystem(), perturbed: true},
		{System: memberlistQueueSystem(), perturbed: true},
	}
}

// lookup finds the system of a member that this process is to serve.
func lookup(name string) (measure.System, bool) {
	for _, c := range contenders() {
		if c.Name == name {
			return c.System, true
		}
	}
	return measure.System{}, false
}
