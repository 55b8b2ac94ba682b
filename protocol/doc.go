// Package protocol is the vocabulary that every Spinglass protocol is written in.
//
// A protocol is a [Machine]: an event-driven state machine that never blocks. It receives one input at a time, changes
// its state and appends what is to be done to an [Output]. A driver (package live over real sockets, package sim in a
// simulated world) carries the effects out and brings their completions back as inputs. The same machine code runs in both.
//
// # Vocabulary
//
//   - A driver owns the machines of a node, the clock and the links.
//   - An input is one call of a Machine method or of a command (a method of the concrete machine type, such as
//     bimodal.Machine.Publish). An effect is one entry of an Output.
//   - A [Message] is what machines of different nodes say to each other; an [Event] is what a machine says to its siblings on
//     the same node, to the application, or what a driver says to a machine.
//   - A peer is another member that this node knows of. The peers known are a partial view, never the whole membership.
//
// # Contract
//
//  1. One input, one Output, owned by the caller. Its effects have one total order, and the driver carries them out in that
//     order. A machine queues nothing for later delivery and calls nothing back. Wall-clock time and keys are inputs;
//     randomness comes from a *rand.Rand that the machine is given, and is never used for secrets.
//  2. now never decreases over the inputs of a machine. An early or spurious Timeout does nothing. Timers that are no longer
//     wanted stay inside the machine: see [Deadlines]. A driver calls Timeout once now >= Deadline(), after the inputs that
//     it already holds; so a machine that sets a deadline of now is called again once the present batch of inputs is done.
//  3. Buffers that come in are lent until the call returns: a machine copies what it keeps (a received Message whose Lent
//     method reports true, and everything that it refers to). Messages and target lists are immutable once emitted, and a
//     driver may keep and share them for ever.
//  4. Bad input from a peer never panics and never returns an error: the machine calls [Output.Drop] with a [Reason], which
//     drivers count. A broken invariant of the node itself panics.
//  5. The same configuration, seed and inputs give byte-identical outputs. No machine ranges over a map where the order can be
//     seen, and none knows clocks, sockets, files, locks, channels, goroutines or loggers; a test in this package holds the
//     protocol packages to that.
//  6. [Time] is an int64 of nanoseconds since an epoch that the driver chose.
//
// # Limitations
//
// A machine is not safe for concurrent use; its driver serialises all inputs. A machine cannot wait: what needs several
// steps keeps its state between inputs.
package protocol
