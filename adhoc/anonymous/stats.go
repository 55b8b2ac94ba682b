package anonymous

import "spinglass/protocol"

// Stats counts what a machine did since it was made, over all groups. The fields in the last group are present values.
type Stats struct {
	Published         uint64
	Delivered         uint64 // of others
	DeliveredRepaired uint64 // of them: by gossip
	Duplicates        uint64 // by multicast, of what was here already
	Missing           uint64 // numbers that were found missing
	Lost              uint64 // of them: given up
	Gaps              uint64

	RequestsAnonymous   uint64 // sent
	RequestsCached      uint64 // sent
	RequestsUnsent      uint64 // rounds without anybody to ask
	RequestsForwarded   uint64 // of others
	RequestsAccepted    uint64
	RequestsFruitless   uint64 // of them: nothing was found for them
	RequestsDeadEnds    uint64 // of others, that had nowhere to go
	RequestsBroken      uint64 // handed to a next hop that did not take them
	RequestsUnexplained uint64 // to this node as a cached member, which it is no more or never was

	RepliesSent        uint64
	MessagesReplied    uint64
	RepliesReceived    uint64
	MessagesUseful     uint64 // in replies, new here
	MessagesUseless    uint64 // in replies, here already
	RepliesUndelivered uint64

	HintsOffered uint64 // to routing
	HintsTaken   uint64

	Signed         uint64 // own messages
	Verified       uint64 // signatures of messages that were looked at
	VerifyRefused  uint64 // messages for which there was no time to look
	Forged         uint64 // messages whose signature was not good, or that had none
	Forbidden      uint64 // messages of who may not publish to the group, or not any longer
	ChainsSent     uint64 // certificates of this node or of others
	ChainsAccepted uint64
	ChainsRefused  uint64
	KeysWanted     uint64 // times that the certificates of a source were missing
	KeysRefused    uint64 // likewise, and not asked for: WantedMax others were
	PendingEvicted uint64 // messages that waited for certificates and had to make room
	KeysEvicted    uint64

	SourcesRefused   uint64 // messages of sources beyond SourcesMax
	SourcesForgotten uint64 // silent for long, and made room for others
	ForgottenEvicted uint64 // of them: beyond ForgottenMax, so that their messages may be delivered again
	GroupsRefused    uint64
	HistoryEvicted   uint64
	HistoryCrowded   uint64 // of them: for want of bytes and not of places

	Groups  int
	Sources int
	Wanted  int // numbers that are missing now
	Cached  int // members in caches
	Keys    int // sources that have proven who they are
	Pending int // messages that wait for certificates
	Held    int // messages in histories

	HeldBytes int // and what these take, as they are encoded
}

// Goodput returns the part of the messages in replies that was new here, 1 if there were none.
func (s *Stats) Goodput() float64 {
	if all := s.MessagesUseful + s.MessagesUseless; all > 0 {
		return float64(s.MessagesUseful) / float64(all)
	}
	return 1
}

// Reasons of drops.
const (
	ReasonMalformed protocol.Reason = "gossip_malformed" // a payload that is none of this protocol
	ReasonGroup     protocol.Reason = "gossip_group"     // a reply or a cached request for a group of which this node is no member
	ReasonSelf      protocol.Reason = "gossip_self"      // a request of this node's own has come back
	ReasonDeadEnd   protocol.Reason = "gossip_dead_end"  // a walk has nowhere to go
	ReasonSources   protocol.Reason = "gossip_sources"   // a message of one source too many
	ReasonUnproven  protocol.Reason = "gossip_unproven"  // a message whose source is not known yet: it waits
	ReasonForged    protocol.Reason = "gossip_forged"    // a message without a good signature
	ReasonForbidden protocol.Reason = "gossip_forbidden" // a message of who may not publish
	ReasonChain     protocol.Reason = "gossip_chain"     // certificates that prove nothing
	ReasonVerify    protocol.Reason = "gossip_verify"    // more signatures than there is time for
)
