// Command peers measures this library beside others that carry messages from one publisher to several receivers, and beside what the sockets of
// the machine can do, all in one run and all in the same way: by package measure of this library, each member in a process of its own.
//
// It is a module of its own, so that the library's users never see what only the comparison needs.
//
// # What is measured
//
//   - The highest rate that every receiver sustains without loss, CPU per delivery and memory per member at that rate, and latency at half of it.
//   - At half of the rate, with one and with a quarter of the receivers asleep half and nine tenths of the time (SIGSTOP and SIGCONT, in slots of
//     100 ms, the same slots for all): what healthy receivers get, on average and in the worst 500 ms, as a share of the offered rate.
//
// # What is compared
//
// Each system has the settings that serve it best here, as far as they are settings that a user could choose: see its file. NATS has its server in one
// more process, whose CPU and memory count.
//
// What protects the traffic is not the same in all of them:
//
//   - Nothing in spinglass-open, nats, gossipsub, memberlist and the limits of the machine.
//   - Links are encrypted and both ends authenticated in nats-tls. The server of NATS sees messages in the clear and vouches for all publishers.
//   - Messages have signatures of their authors, which each receiver verifies, over open links, in gossipsub-signed.
//   - Both in gossipsub-secure: its links prove keys, but there is no authority that says whose keys may take part.
//   - Both in spinglass, which signs runs of packets rather than messages, and verifies those that others than the author hand on, or could have sent.
//
// All that encrypt use AES-128-GCM with keys from TLS 1.3. TLS itself takes another cipher where processors have no instructions for this one.
//
// # Limitations
//
// Everything shares one machine and its loopback interface: no loss, no distance, and processors that are shared by all members.
package main
