// Package detection measures how often members that are well are taken for failed, and how long it takes until those that have failed are: the shipping membership beside the pings of traditional
// virtual synchrony.
//
// Sources: van Renesse, Minsky, Hayden, "A Gossip-Style Failure Detection Service", Middleware 1998: a mistake is the less likely the longer the silence that is waited for, at a load of a member that
// hardly grows; Dadgar, Phillips, Currey, "Lifeguard", 2017: most mistakes are made by members that are slow themselves, and a member that judges its own health first makes few.
//
// # Vocabulary
//
//   - A slow member sleeps in intervals, each with a given probability: it handles nothing, and wakes with all its timers late. The others are healthy.
//   - A report is that one member takes another one for suspect, or down, which is when the application is told that it is gone. In the traditional protocol down is out of the view. A report of a healthy
//     member that runs is wrong.
//   - A member of the traditional protocol that finds itself out of the view is ejected, and asks to join again.
//
// # The protocols
//
//   - bimodal is package membership as it ships: a round each 200 ms, a heartbeat each second; suspect after T_fail, which follows from the number of members, down after twice that.
//   - heartbeat is a control: the same whose members trust their own clocks also when they were asleep.
//   - traditional pings all members each second, and suspects who has not echoed a number of them in a row; one suspicion changes the view. Rows of stability are left out, as nothing is sent.
//
// # The run
//
// The fleet forms in 30 s in which all are awake. For a while nobody fails, and reports are counted. Then some healthy members crash at one instant, and it is waited, for three minutes at most, until all healthy
// members that are left have found that out.
//
// # Contract
//
// A [Result] follows from its [Config], seed included.
//
// # Limitations
//
// Datagrams are lost one by one. Members have nothing else to do. When slow members have a crashed one down is not looked at.
package detection
