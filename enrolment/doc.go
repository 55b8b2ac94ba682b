// Package enrolment lets nodes join a fleet: it keeps identities and authorities in data directories, and issues, renews and asks for certificates over TLS.
//
// # Vocabulary
//
//   - A [Store] is what a data directory holds: the identity of a node and, of an issuer, an [Authority].
//   - An [Issuer] answers who connects: joins by token, renewals, and requests for tokens.
//   - A [Client] asks issuers. A [Renewer] keeps a certificate renewed.
//   - A refusal is what an issuer says instead of a certificate; a client gets it as a [RefusalError].
//
// # Contract
//
//  1. Whatever a file describes is durable before it is handed out: the use of a token and the entry in the register before the certificate, the list
//     before it is shown. After a crash each file is the whole of what it was before or after.
//  2. Files that are damaged, or secrets that others can read, are refused with an error that names the file. No state is guessed.
//  3. An authority is used by one operation at a time, of whatever process.
//  4. A client sends nothing before the issuer has proven that it is of the fleet whose fingerprint the token carries, and that their clocks agree. What it gets it
//     verifies before it believes it.
//  5. An issuer spends bounded memory and time on a connection, and on those of one address; see the constants. What exceeds a bound is counted in [Stats].
//  6. Errors are one line for people, and answer to errors.Is for programs.
//
// How people use it, what is where, and the format of messages are in docs/ENROLMENT.md.
//
// # Limitations
//
// The whole register is written for each certificate. Locks and permissions are not known on systems other than Unix. Any member can take the place of an issuer
// towards who joins, and then make the joining fail; it learns no secret, and cannot issue.
package enrolment
