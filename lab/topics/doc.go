// Package topics measures what a member receives by how many topics there are in the mesh, at fixed interests: with ratings a member pays for the fractions that it wants, and a constant, however many topics others publish.
//
// All members know each other (one leaf zone). Each of the topics has one author, by turns of the members, who publishes messages of one packet at a fixed rate. Each member subscribes to the same number of topics, drawn at
// random, at the same ratings whatever the number of topics. Views and interests are known from the start: membership is not part of the world.
//
// # Contract
//
// A [Result] follows from its [Config], seed included; equal ones are equal.
//
// # Limitations
//
// What rows of members cost is left out, as membership is: they grow with a member's own topics, and not with those of others. Zones with more topics than their bitmap tells apart are sent some that they do not want.
package topics
