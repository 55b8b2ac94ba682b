// Command discovery finds a host that has something, in a fleet of which no member knows all hosts, and talks to it: the resource discovery of the Astrolabe paper.
//
// It starts a small fleet in one process, on loopback. Some hosts say that they have GPUs. A function sums them up in the rows of all zones, so that the row of a region tells whether there is
// any host below it that has some. The finder looks at the table of the root, which it holds, drills into the regions that have what it wants, table by table, down to a host, and
// sends that a job by a topic of the host's own.
//
// The fleet has no identities, which is for examples and tests: see [spinglass.Config].
package main
