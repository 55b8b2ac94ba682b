// Package storms counts the requests and repairs that members get because packets are lost here and there in the network, against the size of the group.
//
// Source: Birman, Hayden, Ozkasap, Xiao, Budiu, Minsky, "Bimodal Multicast", ACM TOCS 17(2), 1999, the comparison with SRM: a tree of four levels, 0.1 % loss on every link, 100 messages of 210
// bytes a second. In the same setting Floyd et al. (1997) look at stars.
//
// # Vocabulary
//
//   - Requests are the messages that a member receives by which others ask for what they lack: requests of SRM and of gossip, NAKs. Repairs are packets that are sent again, and parity
//     that was asked for. A poll, in gossip, asks what a member has, because the asker lacks something; an answer to it is followed by a request.
//   - A recovery is all that is sent because of one packet: what many members lack has many requests and hardly more repairs than what one lacks, so that repairs for each request and
//     for each recovery are different measures.
//   - A loss is a packet that did not reach a member on its first way. Losses near the root are few and concern many: in short runs of large groups their number varies much, so that rates
//     are told for each loss, too.
//
// # Contract
//
// A [Result] follows from its [Config], seed included. A run lasts for as long as the wanted number of losses takes to come about.
//
// # Limitations
//
// Links have a delay and no bandwidth. Hosts take no time, so that storms delay nothing, unless they are given a cost: a set of package throughput.
package storms
