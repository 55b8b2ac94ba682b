// Package anonymous repairs what the multicast of a mobile ad-hoc network loses, by gossip among members that do not know each other: Anonymous Gossip (Chandra, Ramasubramanian and Birman, ICDCS 2001).
//
// # Vocabulary
//
//   - A source is a run of a member that publishes; it numbers its messages from 1.
//   - The lost table of a member has the numbers of each source that it misses; the expected number of a source is the one behind the greatest that arrived; the history has the latest messages that arrived, whatever their source.
//   - A round comes about once a second. In it a member sends one [Request], which names what it misses. An anonymous request walks: a neighbour of the tree hands it to another one, until a member on the way accepts it. A cached request goes straight to
//     a node of the member cache, which remembers some that were found to be members.
//   - Who accepts a request looks up what it names, and sends that back to its initiator in a reply. A member that finds nothing hands a walk on, if it is choosy ([Config.Choosy]); in the reference it is as likely to accept as others.
//   - A cached request goes to a member to which there is a route ([Config.Routed]), since the search for one is a flood; in the reference it goes to any.
//   - What is behind the expected numbers of a request may just be on its way to the initiator: it is sent once it has settled here. In the reference it is sent at once.
//   - Locality: a walk goes to near members rather than to far ones (see [adhoc.NextHop]), but goes to these too.
//
// # Contract
//
// A [Machine] carries an [adhoc.Routing], which it owns, and is the machine of a whole node: its driver has a radio. It takes whatever is a Routing. Nodes that are no members run it too, since walks go over them.
// [Delivery] brings each message at most once, in the order of arrival; [Gap] tells of those that are lost for good. With an identity ([Config.Identity]) messages are signed, and neither
// delivered nor handed on by gossip before their source has proven who it is and that it may publish to the group. All tables are bounded by constants or by [Config]; what does not fit is counted in [Stats].
//
// # Limitations
//
// Requests, replies and routing are not signed: who is in the air can have walks end with itself, and can ask for what it may not subscribe to. Messages can be read by whoever hears them, and those of earlier runs can be
// replayed to members that have not had them. Revocation lists are those that the configuration gives.
//
// A member remembers SourcesMax sources of a group. One that has been silent for five minutes makes room where there are more; what was missing of it is told as lost. Should it come back, it goes on where it was, unless ForgottenMax others have been forgotten since: then
// its latest messages may be delivered again.
//
// Messages are not ordered. What every member has lost from its history is lost. A member that joins late is offered what histories hold of earlier messages. Gossip about a group costs one request a round of each member, whether anything is lost or not. See docs/ADHOC.md.
package anonymous
