// Package membership finds out who is in the fleet and who has failed, by gossip alone. Every member owns one row of a table
// (package table); rows and heartbeats spread epidemically; what the table shows is the membership.
//
// # Vocabulary
//
//   - A round is one exchange of tables that a member begins: a [Digest] to a random peer, answered by a [Delta] with what is
//     newer and with wishes, answered by a Delta that grants them.
//   - A heartbeat is a number in the member's own row that grows once a second by default. Evidence is a heartbeat on its way.
//   - T_fail is the silence of a heartbeat after which a member is suspect; after twice T_fail it is down. See [FailModel].
//   - Unreachable is a peer that does not answer this node. It says nothing about whether the peer lives.
//   - A rumour is a row that just changed, pushed to several peers at once instead of waiting to be asked for.
//   - The memory of the dead is the versions in which members went; rows at or below them do not return.
//   - A notice is what all members have to know and anybody can verify: a revocation list, or a proof that a member said two things under
//     one version of its row. The author of such a proof is quarantined: nothing that its key signs counts any longer.
//   - Awake time is the time that this member was not paused or late.
//
// # Contract
//
//  1. Only a member's own heartbeat proves it alive, and only silence makes it dead. No message can declare a third party dead.
//     Reachability is never told to anybody.
//  2. Silence is measured in awake time, and a member that was paused for longer than a round declares nobody dead before several
//     members have answered it again.
//  3. The boot counter is durable before anything is sent under it (Config.Durable). A member that meets its own row in a higher
//     version than it ever made goes above it.
//  4. A member with join addresses, none of which answers, is not a fleet of its own ([protocol.JoinFailing]) unless Config.First
//     says so; it goes on trying. One without join addresses is the first.
//  5. Vanished members are contacted ever more rarely for Config.RecordLife, join addresses for ever; so partitions heal by
//     themselves ([protocol.Healed]).
//  6. Per peer the events come in this order: PeerUp; any of PeerChanged, PeerUnreachable and PeerReachable in turn, PeerSuspect
//     and PeerAlive in turn; PeerDown or PeerLeft, PeerDown at once where Expelled says why; PeerUp again or nothing more.
//  7. Every message fits into one datagram; the answers of one round, to whomever, are bounded by Config.AnswerBytes.
//  8. What came with a later format is sent to members only whose rows say that they speak it.
//  9. With an identity, no row changes anything before its signatures were checked, and no heartbeat before its link was; all that this
//     takes is bounded, for each sender and in all.
//
// The format of the messages and the reasons behind the constants are in docs/MEMBERSHIP.md.
//
// # Limitations
//
// All members are in one zone, whatever their names, unless Config.Zoned says that only those of the own leaf zone are. Without Config.Identity rows are not signed and heartbeats not proven: whoever can send
// datagrams can invent members and make them live on, and can hide a member behind a forged row of the greatest epoch; saying that a
// member is dead has no effect. With it, a member that loses its boot counter and keeps its key contradicts itself. A member that falls
// silent for twice T_fail is removed though it may come back; that is the definition, not a mistake.
package membership
