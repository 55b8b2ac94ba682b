// Package upgrade tests rolling upgrades with real processes on loopback: a fleet of a build that speaks only the format before this one's
// (docs/WIRE.md) is replaced, agent by agent, by the build of this tree, while messages flow; and one agent goes back. It has tests only. They build the program twice
// and take some 20 s, and are left out of short runs.
package upgrade
