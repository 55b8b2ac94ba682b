// Package measure finds what a system that carries messages from one publisher to several receivers sustains, whatever the system is: the
// same publisher, the same receivers' records, the same search and the same faults for this library and for others beside it.
//
// # Vocabulary
//
//   - A [System] starts members. Member 0 publishes, all others receive; a system with a broker has one more, the server.
//   - A [Group] is the running members of a system. They share this process, or each has an operating-system process of its own. Either way they are
//     driven by lines of JSON over a pipe, one reply to each request; what passes between them while a trial runs is a few counters in shared memory.
//   - A [Trial] is one run of the publisher: in an open loop at a given rate, or in a closed loop, a window of messages ahead of the slowest
//     receiver. Its [Outcome] says what each receiver got.
//   - A trial is sustained when every receiver got everything, in order if the system promises order, and its delay did not keep growing.
//   - The search takes a closed loop's rate for a first guess and bisects between the rates of trials that are and are not sustained.
//
// # How it is measured
//
// A message is due at an instant that follows from the rate alone. The publisher publishes what is due in slices and then sleeps for a
// fraction of a millisecond, so that it costs little at high rates. A latency is from when a message was due to when the receiver's application
// has it, so it includes what a publisher that is held up adds. It is sampled at high rates: messages whose number is divisible by a small
// prime. Clocks of processes agree since all of them read CLOCK_MONOTONIC.
//
// Messages are told apart by their sequence numbers, so that what is lost, comes twice or comes out of order is known without the system's
// help. CPU is that of all members together, in user and kernel mode, what records and paces included; memory is what is resident.
//
// # Limitations
//
// Members share one machine: a figure is one of the machine, and the more members, the less of it each has. The share of the
// processors that publishers and receivers of the measurement use is the same for all systems but counts against them.
package measure
