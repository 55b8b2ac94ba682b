// Package colluders finds out what members can do to others that hand on packets for them and do not do it as they should: shipping machines in a simulated world, some
// of which drop, delay, change or replay what they should hand on, or lie of how far streams go.
//
// # Vocabulary
//
//   - A colluder is a member whose machine is the shipping one, behind something that looks at all that it sends: see [Behaviour]. What it publishes itself is left as it
//     is, and so is what it says of what it holds, unless it lies, so that others rely on it.
//   - What is handed on is a relay, a repair, a packet that has entered a zone, or a part of an order, of another member's.
//   - A colluder is named if some honest member's machine emits a Corruption of it.
//
// # Contract
//
// A run follows from its [Config], seed included. Its [Result] counts what honest members were delivered, held against what was published, and whom they have named.
//
// # Limitations
//
// Colluders do not forge signatures, do not choose whom they harm, and do not attack membership, which is not there: every member knows every other. Authors are honest:
// those that contradict themselves are tried in packages membership and bimodal.
package colluders
