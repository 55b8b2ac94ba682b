// Package drum is a dumb model of gossip under a focused flood, to see the published figures of split quotas: Badishi, Keidar, Sasson, "Exposing and
// Eliminating Vulnerabilities to Denial of Service Attacks in Secure Gossip-Based Multicast" (DSN 2004). The shipping machines are held against the same
// attack in package stack.
//
// # Vocabulary
//
//   - A push brings the message to a random member. A pull request asks a random member for it, and a pull reply brings it.
//   - A member takes up so many pushes, pull requests and pull replies in a round, its quotas, chosen at random among all that came. It cannot tell the fakes
//     of an attacker from the rest.
//   - Victims are those that fakes are sent to. The author of the message is one of them.
//   - Droppers take messages, and hand none on.
//
// # Contract
//
// Pull replies go to places that an attacker does not know: no fakes come there. Rounds are synchronous. Equal configurations and seeds give equal results.
package drum
