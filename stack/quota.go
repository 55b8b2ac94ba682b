package stack

import (
	"fmt"
	"time"

	"spinglass/bimodal"
	"spinglass/protocol"
	"spinglass/wire"
)

// Class is what a message is to its receiver. Each class has a quota of its own, so that a flood of one leaves the others alone.
type Class uint8

// The classes.
const (
	ClassPush       Class  = iota // packets on their first way, and the orders by which they are handed on
	ClassRequest                  // what asks for something: digests, also those of tables of zones, requests, polls, probes of groups, questions for names, for tables of others and for messages of groups
	ClassReply                    // what was asked for: repairs, answers, receipts, certificates, pieces of tables and blobs; and what members of groups say to each other
	ClassMembership               // rows, heartbeats, also those of zones, probes, notices, functions
	Classes         = iota        // how many there are

	classless = Classes // of no machine; the router drops it
)

// Quotas says how many messages a node takes up in each period. What exceeds them is dropped before any machine sees it. See protocol.Share for how sources
// share a class. Senders that are no peers count as a few sources, however many they are.
type Quotas struct {
	Period     time.Duration // 1 ms to 1 min
	Push       Quota
	Request    Quota
	Reply      Quota
	Membership Quota
}

// Quota is how many messages of a class a node takes up in a period: at least 4 of all sources together, and at least 1 of one.
type Quota struct {
	All    int
	Source int
}

// Defaults of Quotas, in messages for each 100 ms. Those of pushes and replies are beyond what a core takes up, and bound what one source has of it. A digest
// costs up to 30 us, so those of the others are a small part of a core for one source; with the default fanout and polls members need less than a tenth, also where there are
// only two.
const (
	QuotaPeriodDefault = 100 * time.Millisecond

	pushAll, pushSource             = 1 << 17, 1 << 16
	requestAll, requestSource       = 1 << 11, 1 << 8
	replyAll, replySource           = 1 << 17, 1 << 16
	membershipAll, membershipSource = 1 << 11, 1 << 8

	sourcesMax      = 1 << 14 // peers that are sources of their own; beyond that they count as strangers
	strangerSources = 16      // sources that all strangers are
)

// Reasons why a message is dropped before a machine sees it: its source has used up what one source may have, or little is left for all and its source has
// had its part.
const (
	ReasonPushSource       protocol.Reason = "push_source_quota"
	ReasonPush             protocol.Reason = "push_quota"
	ReasonRequestSource    protocol.Reason = "request_source_quota"
	ReasonRequest          protocol.Reason = "request_quota"
	ReasonReplySource      protocol.Reason = "reply_source_quota"
	ReasonReply            protocol.Reason = "reply_quota"
	ReasonMembershipSource protocol.Reason = "membership_source_quota"
	ReasonMembership       protocol.Reason = "membership_quota"
)

var quotaReasons = [Classes][2]protocol.Reason{
	ClassPush:       {ReasonPushSource, ReasonPush},
	ClassRequest:    {ReasonRequestSource, ReasonRequest},
	ClassReply:      {ReasonReplySource, ReasonReply},
	ClassMembership: {ReasonMembershipSource, ReasonMembership},
}

// QuotaStats counts what quotas did since the node was made.
type QuotaStats struct {
	Refused [Classes]uint64 // messages beyond the quota, by class
	Sources int             // present: peers with a part of their own
	Crowded uint64          // peers that have none, because there are too many
}

// quota holds a node to its Quotas. It is a sibling of the machines that it guards, to hear of peers.
type quota struct {
	period    time.Duration
	ends      protocol.Time
	shares    [Classes]protocol.Share
	sources   map[protocol.NodeID]*source
	strangers [strangerSources]source
	latest    protocol.NodeID // of whom the last message was
	source    *source         // that of the latest
	stats     QuotaStats
}

// source is what one sender has had in the present period.
type source struct {
	portions [Classes]protocol.Portion
}

// withDefaults returns the defaults in place of zero Quotas, and more of what is sent once a round where rounds are shorter.
func (q Quotas) withDefaults(c *Config) Quotas {
	if q != (Quotas{}) {
		return q
	}
	tables := rounds(c.Tables.Round)
	requests, members := max(rounds(c.Bimodal.Round), tables), max(rounds(c.Membership.Round), tables)
	return Quotas{
		Period:     QuotaPeriodDefault,
		Push:       Quota{pushAll, pushSource},
		Request:    Quota{requestAll * requests, requestSource * requests},
		Reply:      Quota{replyAll, replySource},
		Membership: Quota{membershipAll * members, membershipSource * members},
	}
}

// rounds returns how many rounds a period has, 1 for those that are longer or the defaults.
func rounds(round time.Duration) int {
	if round <= 0 {
		return 1
	}
	return max(1, int(QuotaPeriodDefault/round))
}

func newQuota(q Quotas) (*quota, error) {
	if q.Period < time.Millisecond || q.Period > time.Minute {
		return nil, fmt.Errorf("stack: Quotas.Period is %v, outside 1 ms to 1 min", q.Period)
	}
	n := &quota{period: q.Period, sources: make(map[protocol.NodeID]*source)}
	for class, limit := range [Classes]Quota{q.Push, q.Request, q.Reply, q.Membership} {
		if limit.All < 4 || limit.Source < 1 {
			return nil, fmt.Errorf("stack: a quota of %d messages, and of %d from one source, is below 4 and 1", limit.All, limit.Source)
		}
		n.shares[class] = protocol.Share{Limit: limit.All, Source: limit.Source}
	}
	n.source = &n.strangers[0]
	return n, nil
}

// classOf returns the class of a message.
func classOf(m protocol.Message) Class {
	switch kind := m.Kind(); {
	case kind == wire.KindData, kind == wire.KindRelay, kind == wire.KindOrder, kind == wire.KindShared:
		return ClassPush
	case kind == wire.KindRepair, kind == wire.KindMulticastHeard, kind == wire.KindReceipt:
		return ClassReply
	case kind == wire.KindTopicName:
		if n, ok := m.(*bimodal.TopicName); ok && n.Name != "" {
			return ClassReply
		}
		return ClassRequest
	case kind == wire.KindDigest:
		if d, ok := m.(*bimodal.Digest); ok && d.Answer {
			return ClassReply
		}
		return ClassRequest
	case kind <= wire.KindBimodalLast, kind == wire.KindZoneDigest, kind == wire.KindZoneAsk, kind == wire.KindAccountQuestion:
		return ClassRequest
	case kind == wire.KindCredential, kind == wire.KindZonePiece, kind == wire.KindAccountPiece:
		return ClassReply
	case kind == wire.KindGroupCheck, kind == wire.KindGroupPull:
		return ClassRequest
	case kind >= wire.KindGroupFirst && kind <= wire.KindGroupLast:
		return ClassReply
	case kind <= wire.KindBeacon, kind == wire.KindCredentialRequest, kind == wire.KindZoneDelta, kind == wire.KindFunctionPart:
		return ClassMembership
	}
	return classless
}

// refuses returns for which reason a message is not taken up, "" when it is.
func (n *quota) refuses(now protocol.Time, from protocol.NodeID, m protocol.Message) protocol.Reason {
	class := classOf(m)
	if class == classless {
		return ""
	}
	if now >= n.ends {
		n.ends = now.Add(n.period)
		for i := range n.shares {
			n.shares[i].Begin()
		}
	}
	if from != n.latest {
		n.find(from)
	}
	grant := n.shares[class].Take(&n.source.portions[class], 1)
	if grant == protocol.Granted {
		return ""
	}
	n.stats.Refused[class]++
	return quotaReasons[class][grant-protocol.SourceLimit]
}

// find makes a sender the latest one.
func (n *quota) find(from protocol.NodeID) {
	n.latest, n.source = from, n.sources[from]
	if n.source == nil {
		n.source = n.stranger(from)
	}
}

func (n *quota) stranger(id protocol.NodeID) *source {
	return &n.strangers[uint64(id)*0x9e3779b97f4a7c15>>32%strangerSources]
}

// Start implements protocol.Machine.
func (n *quota) Start(protocol.Time, *protocol.Output) {}

// Receive implements protocol.Machine. No messages are its own.
func (n *quota) Receive(protocol.Time, protocol.NodeID, protocol.Message, *protocol.Output) {}

// Notify implements protocol.Machine.
func (n *quota) Notify(_ protocol.Time, e protocol.Event, _ *protocol.Output) {
	switch e := e.(type) {
	case protocol.PeerUp:
		if n.sources[e.Peer.ID] != nil {
			return
		}
		if len(n.sources) == sourcesMax {
			n.stats.Crowded++
			return
		}
		n.sources[e.Peer.ID] = new(source)
		n.latest = 0
	case protocol.PeerDown:
		n.forget(e.Peer.ID)
	case protocol.PeerLeft:
		n.forget(e.Peer.ID)
	case protocol.PeerDropped:
		n.forget(e.Peer.ID)
	}
}

func (n *quota) forget(id protocol.NodeID) {
	delete(n.sources, id)
	n.latest = 0
}

// Timeout implements protocol.Machine.
func (n *quota) Timeout(protocol.Time, *protocol.Output) {}

// Deadline implements protocol.Machine.
func (n *quota) Deadline() protocol.Time { return protocol.Never }
