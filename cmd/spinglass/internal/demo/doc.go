// Package demo is a demonstration: a fleet in one process, one member that publishes steadily, and a part of the members asleep for
// much of the time, as overloaded machines are. It shows that the healthy ones keep receiving at the full rate.
//
// # Vocabulary
//
//   - The publisher is healthy, and counted as a member, but not as a receiver: it does not send to itself.
//   - A perturbed member is asleep in each time slot of [Slot] with the given probability; the other receivers are healthy.
//   - Offered is what the publisher handed to its node in a second.
//   - A second is full when publishing lasted for all of it; the figures per second come from those alone.
//   - Drain is the time after the last message in which the receivers may catch up.
//
// # Limitations
//
// All members share the processors of one machine, so a machine that is too slow for the whole fleet shows as slow healthy members.
package demo
