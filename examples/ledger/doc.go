// Command ledger is a replicated ledger: keys with values that every member of a group has a copy of, behind HTTP.
//
//	go run ./examples/ledger                         a fleet of processes, clients, members that are killed and come back, and a check of what clients were told
//	go run ./examples/ledger member --name ...       one member
//
// A member answers
//
//	GET  /keys/KEY                     the value, 404 where there is none
//	PUT  /keys/KEY                     sets it to the body
//	POST /keys/KEY?expected=OLD        sets it to the body if it is OLD (empty: not there); 409 and the value where it is not
//	GET  /health                       200 while the member takes part, 503 while it must not act
//	GET  /view                         the view that it has installed
//
// All of /keys go through the total order of the group, reads as well, and are answered when they are settled: what a client is told no failure takes back, and a read sees all that was answered before it. 503 says that a
// request was not carried out, 504 that it may have been, or will be, 400 that a key or a value is not UTF-8.
//
// The fleet has no identities, which is for examples and tests: see [spinglass.Config].
package main
