// Package spinglass is gossip-based communication for large fleets: topics that stay steady at healthy members while others are slow,
// failing or cut off, without a server.
//
// A process starts a [Node], which meets the fleet by the addresses in [Config].Join, and publishes and subscribes:
//
//	node, err := spinglass.Start(ctx, spinglass.Config{Name: "/eu/fra/web-1", Join: []string{"10.0.0.5:7400"}})
//	...
//	defer node.Close()
//	err = node.Publish(ctx, "orders", payload)
//	subscription, err := node.Subscribe(ctx, "orders")
//	subscription, err = node.Subscribe(ctx, "grid/+/frequency")  // all topics that match, also those that begin later
//	subscription, err = node.SubscribePatterns(ctx, spinglass.Patterns{"grid/#": 0.1, "grid/+/alarm": 1})  // of each the part that the most specific pattern says
//	topics, err := node.Topics(ctx, "grid/#")                    // who publishes what, at which rates
//	for message, err := range subscription.Messages(ctx) { ... } // err is a *Gap where messages are missing; the loop goes on
//	for event, err := range node.Events(ctx) { ... }             // PeerUp, PeerSuspect, PeerDown, PeerLeft, Healed, ...
//	err = node.Set(ctx, spinglass.Attrs{"role": "web", "weight": 0.5}) // in its row
//	rows, err := node.Rows(ctx, "/eu/fra")                       // of all members of the zone
//	group, err := node.Group(ctx, "ledger", spinglass.Replicated(machine)) // whose members agree on who they are, and carry out the same commands in the same order
//	err = node.Install(ctx, &spinglass.Function{...})            // a program that makes attributes of the rows of zones
//
// # Vocabulary
//
//   - A fleet is the nodes that know each other. A member is a node of a fleet; its name is a path, of which all but the last component is
//     its zone.
//   - A topic is a name to publish to and to subscribe to. Its levels are parted by slashes, and a pattern stands for all that match: see docs/TOPICS.md. What one member publishes to a topic is a stream: it has an order and numbers.
//   - Each member has a row with attributes in the table of its zone; the tables of the zones above have a summary of each zone below. [Node.Set], [Node.Rows], [Node.Watch].
//     What a summary has is said by functions: [Node.Install].
//   - A group is members that agree on a sequence of views, which say who is in it, and get the same messages in each: see docs/GROUPS.md. [Node.Group].
//   - A gap is a run of messages of a stream that a subscriber does not get, with the reason.
//
// # Contract
//
// Every method is safe from any goroutine and may be called inside loops over messages and events. Messages of one publisher to one topic arrive
// in the order in which they were published, at most once; what is missing is told as a [Gap], always. A publisher never waits for a receiver: a
// member that is slow or cut off loses messages and is told so, the others go on. With the defaults a message survives losses for two seconds of
// gossip; a member that was away for longer gets gaps.
//
// Close stops everything at once; Leave sends what was published and tells the fleet first. Neither leaves a goroutine behind.
//
// # Limitations
//
// Without [Config].Identity nothing is encrypted and nobody is authenticated: that is for networks that nobody else is on; see docs/SECURITY.md. Nodes know the members of
// their own zone, at most [Config].ZoneLimit, and of others the tables on the way to the root; without an identity, messages of members of other zones tell their author's
// NodeID in place of the name. What was set in the row is gone when the node has ended. Order holds per publisher and topic, not between publishers.
package spinglass
