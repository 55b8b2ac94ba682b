// Package directory lets members learn which topics there are, at a cost that does not grow with the number of topics.
//
// # Vocabulary
//
//   - A member wants a pattern, and asks for it: a question, which is a message of the topic [topic.System].
//   - The board is the patterns that members have asked for, and when each was asked for last. All members that publish, or want a pattern, keep it.
//   - An announcement tells what a member publishes that matches a pattern of the board: names and rates. It is a message of one of the topics of [ChannelOf].
//   - A [Rate] is a power of two, so that it changes rarely.
//   - The [Host] is what carries the messages: a multicast with topics.
//
// # Contract
//
// A [Directory] is a part of a machine, with the rules of the core: no clock, no input or output of its own; time comes with each call, and it does things by calling its Host. Its methods must not
// be called from within those of the Host, but for Topics. Every table has a limit, and what is refused is counted in [Stats]. It believes announcements as far as their author may publish the topics
// in them.
//
// # Limitations
//
// What members publish by names that match many patterns is announced once for each. A member that announces what it does not publish makes others subscribe to topics that bring nothing. Questions go to all members that publish:
// their number grows with that of different patterns in the fleet, once a minute for each.
package directory
