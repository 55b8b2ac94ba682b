// Command powergrid controls a power grid by messages, of which everybody gets as many as it needs: the example of the paper on Gravitational Gossip.
//
// A grid of regions is joined by lines. Consumers use power by contracts, each with a producer that is somewhere near, and tell by a signal of each contract, a topic, what they use and what the line frequency is. The producer
// follows its contracts, and restores the frequency. Relays protect the lines on the path between both. Coordinators of regions and programs of the market watch, with ratings that fall with the distance from the path. In the
// middle of the run there is a storm: loads rise and wander, each change is told at once, and a fifth of the datagrams between regions is lost.
//
// The members are nodes with the shipping protocols (package stack) in a simulated world, so that runs are the same whenever they are made. The grid is the swing equation of package frequency. Four
// policies of who subscribes to what run in equal worlds, and are printed beside each other.
//
//   - topology.go: the grid, the members, their contracts, and who wants what.
//   - plant.go, frequency: what the grid does, whether anybody knows or not.
//   - measurement.go: the signals, and what a producer does with them.
//   - fleet.go: the nodes.
//   - run.go: what happens, and what is counted. report.go: the table.
//
// The fleet has no identities, which is for examples and tests.
package main
