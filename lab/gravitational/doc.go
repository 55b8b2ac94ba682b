// Package gravitational is Gravitational Gossip in its published form, as a machine of the laboratory.
//
// Source: Jenkins, Hopkinson, Birman, "A Gossip Protocol for Subgroup Multicast", International Workshop on Applied Reliable Group Communication, 2001.
//
// # Vocabulary
//
//   - A member's rating r, 0 to 1, is the part of the group's messages that it wants.
//   - Its susceptibility S = -ln(1 - r) is the weight with which it is drawn as a partner. Ratings count as [RatingMax] at most, since all of the messages would take an infinite one.
//   - Its infectivity I scales how many partners it draws. I = S here, so that load follows interest.
//   - A holder of a message has it and still gossips it. A contact is one message handed to one partner, who may have it already.
//   - The scalar of a group is how many partners a member of infectivity 1 draws in a round.
//
// # The protocol
//
//   - There is no first way: who publishes a message becomes its first holder.
//   - A round begins at every multiple of Config.Round. In each, a holder draws scalar x I partners from all others, each with weight S, and sends them what it holds. Where that is no
//     whole number, the rest is the probability of one more.
//   - A message is gossiped in Config.Life rounds after it was published, T. It tells how many these were.
//
// # How the scalar is fitted
//
// With proportional mixing a member is not reached by the end of round t with probability exp(-S L(t)), where L grows in each round by scalar x (the sum of I over the holders) / (the sum of S over all members). [Fit] finds by
// bisection the scalar with which L(T) = 1, so that every member gets 1 - exp(-S) = r. Each member does so for itself, from the ratings that it knows.
//
// # Parameters
//
// T = 10 rounds of 100 ms; ratings count as 0.995 at most.
//
// # Contract
//
// The machine takes the group from protocol.PeerUp and its like; a peer's rating is its attribute [RatingAttribute]. Messages are delivered when they arrive ([stream.Delivered]), none to who published it.
//
// # Limitations
//
// Nothing is repaired, as published: lost datagrams make all fractions smaller, and a rating of 1 gets 0.995 at best. There is one group, whose messages are taken to be published by a member of its
// highest rating: others are weaker first holders, whose
// messages may die out early. Members with equal ratings get different messages, so that somebody in a zone of 25 with a rating of 0.1 wants 93 % of them.
// Drivers whose clocks do not agree have rounds that do not coincide; a message then spreads a little further than fitted.
package gravitational
