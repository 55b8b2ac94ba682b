// Package upgrade tests rolling upgrades with real processes on loopback: a fleet of a build that speaks only an earlier format
// (docs/WIRE.md) is replaced by the build of this tree, while messages flow: one of one zone from format 1, agent by agent, of which one goes back; and one of three zones from the format before, an agent of each zone at
// the same time. It has tests only. They build the program three times and take some 40 s, and are left out of short runs.
package upgrade
