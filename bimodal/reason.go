package bimodal

import "spinglass/protocol"

// Reasons why input from a peer is dropped.
const (
	ReasonUnwanted      protocol.Reason = "unwanted_topic"        // a packet of a topic that is not subscribed to
	ReasonOwn           protocol.Reason = "own_packet"            // a packet of this node's own came back
	ReasonInvented      protocol.Reason = "invented_packet"       // a digest tells of own packets that were never sent
	ReasonStreams       protocol.Reason = "streams_limit"         // no room for another stream
	ReasonStale         protocol.Reason = "stale_request"         // the request echoes a round that is over
	ReasonFuture        protocol.Reason = "future_request"        // the request echoes a round that has not been
	ReasonRepairs       protocol.Reason = "repairs_limit"         // no room for more packets that wait to be repaired
	ReasonPolls         protocol.Reason = "polls_limit"           // more polls in a round than are answered
	ReasonUnknown       protocol.Reason = "unknown_message"       // a message that this machine does not know
	ReasonInconsistent  protocol.Reason = "inconsistent_messages" // a packet whose counts contradict those before it
	ReasonStranger      protocol.Reason = "stranger"              // a request or poll of who is no peer, whose address nothing proves
	ReasonLeap          protocol.Reason = "leaps_limit"           // more packets found missing in a round than are followed
	ReasonProbes        protocol.Reason = "probes_limit"          // more probes of groups in a round than are answered
	ReasonUnasked       protocol.Reason = "unasked_answer"        // an answer to a probe by who was not asked
	ReasonOrder         protocol.Reason = "inconsistent_order"    // a part of an order that contradicts the parts before it
	ReasonOrders        protocol.Reason = "orders_limit"          // more orders asked for in a round than are sent
	ReasonRelays        protocol.Reason = "relays_limit"          // no room for more packets that wait for an order
	ReasonZone          protocol.Reason = "foreign_zone"          // a packet is to enter a zone that this node is not in
	ReasonCorrupt       protocol.Reason = "corrupt_packet"        // a packet that its author has not made
	ReasonShunned       protocol.Reason = "shunned"               // handed on by who has sent corrupt packets of late
	ReasonAuthor        protocol.Reason = "unknown_author"        // a packet handed on of an author whose key is not known
	ReasonTrials        protocol.Reason = "trials_limit"          // no room for more packets that wait for the proof that their author made them
	ReasonVerifications protocol.Reason = "verifications_limit"   // more signatures than are verified in a round
	ReasonForbidden     protocol.Reason = "forbidden_topic"       // the author may not publish to the topic, or the asker not subscribe to it
	ReasonPeers         protocol.Reason = "peers_limit"           // no room for another peer
)
