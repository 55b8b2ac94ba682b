package wire

import "spinglass/protocol"

// The kinds of frames. Numbers are never used again for something else.
const (
	KindPadding protocol.Kind = 0 // the rest of the datagram is filler

	KindData    protocol.Kind = 1 // bimodal: a packet on its first way
	KindRepair  protocol.Kind = 2 // bimodal: a packet sent again
	KindDigest  protocol.Kind = 3 // bimodal: what a member holds
	KindRequest protocol.Kind = 4 // bimodal: what a member misses
	KindPoll    protocol.Kind = 5 // bimodal: asks for a digest of some streams at once
	KindRelay   protocol.Kind = 6 // bimodal: a packet on its first way that is to be handed on

	KindOrder        protocol.Kind = 7 // bimodal: in which order packets are handed on
	KindOrderRequest protocol.Kind = 8 // bimodal: asks for such an order

	KindMulticastProbe protocol.Kind = 9  // bimodal: who hears this, which was sent to a group
	KindMulticastHeard protocol.Kind = 10 // bimodal: this member does, or no longer does

	KindShared protocol.Kind = 11 // bimodal: a packet that is sent to a group

	KindTopicName protocol.Kind = 12 // bimodal: the name of a topic, or asks for it

	KindReceipt protocol.Kind = 13 // bimodal: packets that enter a zone through the sender arrive

	KindBimodalFirst protocol.Kind = 1 // the range that is kept for bimodal
	KindBimodalLast  protocol.Kind = 15

	KindTableDigest protocol.Kind = 16 // membership: versions of rows
	KindTableDelta  protocol.Kind = 17 // membership: rows and heartbeats that the other lacks, and which rows are wanted
	KindProbe       protocol.Kind = 18 // membership: are you there
	KindProbeReply  protocol.Kind = 19 // membership: yes

	KindNoticeSummary protocol.Kind = 20 // membership: which revocation lists and proofs of contradictions the sender holds
	KindNoticePart    protocol.Kind = 21 // membership: a part of one of them
	KindBeacon        protocol.Kind = 22 // membership: which revocation list of an authority is the latest

	KindCredentialRequest protocol.Kind = 26 // membership: asks for the certificates of a member of another zone
	KindCredential        protocol.Kind = 27 // membership: these

	KindZoneDigest protocol.Kind = 24 // astrolabe: versions of the rows of zones
	KindZoneDelta  protocol.Kind = 25 // astrolabe: rows and heartbeats that the other lacks, and which rows are wanted

	KindFunctionPart protocol.Kind = 28 // astrolabe: a piece of a function

	KindZoneAsk         protocol.Kind = 29 // astrolabe: asks for a table, a row or a value that the sender does not hold
	KindZonePiece       protocol.Kind = 30 // astrolabe: a piece of it
	KindAccountQuestion protocol.Kind = 31 // astrolabe: asks what a row of a zone was made of
	KindAccountPiece    protocol.Kind = 32 // astrolabe: a piece of the answer

	KindGroupCheck     protocol.Kind = 33 // vsync: which views the sender has of groups
	KindGroupStability protocol.Kind = 34 // vsync: a round of stability
	KindGroupFlush     protocol.Kind = 35 // vsync: begins a change of the view
	KindGroupFlushed   protocol.Kind = 36 // vsync: what the sender has, and stops sending
	KindGroupProposal  protocol.Kind = 37 // vsync: the next view
	KindGroupAgreed    protocol.Kind = 38 // vsync: the sender has agreed to it
	KindGroupView      protocol.Kind = 39 // vsync: it is decided
	KindGroupFailed    protocol.Kind = 40 // vsync: whom the sender takes for failed
	KindGroupLeave     protocol.Kind = 41 // vsync: the sender wants to be out
	KindGroupPull      protocol.Kind = 42 // vsync: asks for messages
	KindGroupPieces    protocol.Kind = 43 // vsync: these
	KindGroupSeal      protocol.Kind = 44 // vsync: a term of ordering is to end
	KindGroupSealed    protocol.Kind = 45 // vsync: up to where the sender has kept to it
	KindGroupPart      protocol.Kind = 46 // vsync: a part of one of the messages of vsync
	KindGroupRecover   protocol.Kind = 47 // vsync: the group is to go on without those that cannot be reached

	KindGroupFirst protocol.Kind = 33 // the range that is kept for vsync
	KindGroupLast  protocol.Kind = 47

	KindAdhocFirst protocol.Kind = 88 // the range that is kept for protocols of ad-hoc networks
	KindAdhocLast  protocol.Kind = 111

	KindRouteRequest protocol.Kind = 88 // aodv: who knows the way to a node
	KindRouteReply   protocol.Kind = 89 // aodv: this way
	KindRouteError   protocol.Kind = 90 // aodv: nodes that are no longer reached
	KindRouteHello   protocol.Kind = 91 // aodv: the sender is within one hop
	KindRoutedPacket protocol.Kind = 92 // aodv: a payload for one node

	KindJoinRequest protocol.Kind = 94  // maodv: who is on the tree of a group
	KindJoinReply   protocol.Kind = 95  // maodv: this node, so far away
	KindActivation  protocol.Kind = 96  // maodv: a branch of the tree begins or ends
	KindGroupHello  protocol.Kind = 97  // maodv: who leads a group
	KindTreeHello   protocol.Kind = 98  // maodv: the place of the sender in a tree
	KindDistance    protocol.Kind = 99  // maodv: how near members are beyond the sender
	KindTreePacket  protocol.Kind = 100 // maodv: a payload for a group

	KindGossipRequest protocol.Kind = 104 // anonymous: what a member misses, on its walk to another one

	KindHop    protocol.Kind = 108 // live/adhoc: the datagram is for one neighbour, which acknowledges it
	KindHopAck protocol.Kind = 109 // live/adhoc: it has come

	KindFlood protocol.Kind = 111 // flood: a packet that everybody passes on

	KindGroupKeyRequest protocol.Kind = 120 // live: asks for the key by which the receiver sends to groups
	KindGroupKey        protocol.Kind = 121 // live: that key
	KindRelayCall       protocol.Kind = 122 // live: a member wants the receiver that is reached through the sender only

	KindLinkFirst protocol.Kind = 120 // the range of frames of the links themselves
	KindLinkLast  protocol.Kind = 122

	KindTest protocol.Kind = 127 // kept free for tests of drivers
)

// ToGroups reports whether messages of a kind are sent to groups. Drivers take no others from there, since a group does not prove who sent them.
func ToGroups(kind protocol.Kind) bool {
	return kind == KindShared || kind == KindMulticastProbe || kind == KindTest
}

// ToGroupsOnly reports whether messages of a kind are sent to nobody else. Drivers take none over links: who hands something on has to answer for it.
func ToGroupsOnly(kind protocol.Kind) bool { return kind == KindShared }
