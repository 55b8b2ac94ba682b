// Package sim is a deterministic world for [protocol.Machine]: hosts that take time, a network with faults, and a clock that jumps from
// event to event. It runs the same machines as the real driver.
//
// # Vocabulary
//
//   - A [World] owns hosts, network and clock. Its time begins at 0 and is in nanoseconds, as everywhere.
//   - A host is one process with its disk. It has an inbox and cores; [Cost] says how long it takes for what.
//   - A datagram is one message on its way; its size is that of the real one, header and frame included.
//   - A [Radio] is a channel that hosts share, as they move: who is near hears.
//   - A [Step] is one input of one host with what came of it. The trace is the sequence of all steps; [World.Hash] is its hash.
//   - A [Checker] watches the steps and judges the run. A trial is one run under faults; a swarm is many trials.
//
// # Contract
//
//  1. The same configuration, seed and script give the same trace, with [Config].Wire on or off. A random draw derives from the seed, its
//     purpose and what it is about (the n-th datagram of a host on a link), so a fault that is added shifts no draw of anything else.
//  2. A host handles one input at a time, in the order of arrival. An input begins when core 0 is free; the machine is told that
//     time, and its effects take place after the time that the input took, sends one after the other. Timers have their turn after each batch
//     of up to 64 inputs. A crash comes between two inputs, never within one.
//  3. A datagram finds the receiver's inbox at its arrival: full, it is lost and counted. Whatever is lost is counted in [Stats].
//  4. What a machine hands over is immutable: messages for ever, the data of work until its completion. What it is given is lent. Wire mode
//     encodes at emission, decodes for each receiver, compares, and overwrites lent memory after the call; a breach panics.
//  5. The script (what the caller of World does, from outside or within At and Observe) never runs within an input.
//
// # Limitations
//
// Floating point in the latency distributions makes traces comparable on one architecture only. A link of limited bandwidth serves
// datagrams in the order in which they were sent, not in that in which they reach it. One message makes one datagram: what the
// real driver packs together travels apart. A radio has no fading and no errors by chance. See docs/SIMULATOR.md for what is modelled and what is not.
package sim
