package membership

import (
	"time"

	"spinglass/identity"
	"spinglass/protocol"
)

// NameConflict tells that another member that is alive has the own name. Both keep working; a person has to rename one.
type NameConflict struct {
	protocol.EventMark
	Name string
	Peer protocol.NodeID
}

// ZoneFull tells that a row was refused because the zone holds as many as its limit allows. It is told once a minute at most.
type ZoneFull struct {
	protocol.EventMark
	Limit int // rows
}

// EpochNotStored tells that the boot counter could not be made durable, so that the member cannot announce itself; it tries again
// after Retry.
type EpochNotStored struct {
	protocol.EventMark
	Err   error
	Retry time.Duration
}

// RowNotSigned tells that the driver brought no signature for the own row, so that the member cannot announce itself, what changed, or that it leaves; it tries
// again after Retry.
type RowNotSigned struct {
	protocol.EventMark
	Retry time.Duration // 0: it has left without
}

// Expelled tells why a member does not count as one any longer although it is heard: one of the reasons for refusing rows. PeerDown follows, unless the member
// had left.
type Expelled struct {
	protocol.EventMark
	Peer   *protocol.Peer
	Reason protocol.Reason
}

// Quarantined tells of a proof that a member (perhaps this one) said two things under one version of its row, or something false. Nothing that the key signs counts any longer, here
// and at whoever hears of the proof.
type Quarantined struct {
	protocol.EventMark
	Peer  protocol.NodeID
	Name  string
	Key   identity.PublicKey
	Proof *identity.Equivocation // nil where a statement of it is false
	False []byte                 // proof of that; nil otherwise
}

// RevocationsChanged tells that a revocation list was taken in. It is to be kept, for Identity.Revocations of the next run.
type RevocationsChanged struct {
	protocol.EventMark
	List *identity.RevocationList
}

// ListsContradict tells of a proof that an authority signed two revocation lists under one number.
type ListsContradict struct {
	protocol.EventMark
	Proof *identity.Equivocation
}

// AuthoritySilent tells that an authority was heard before and is no longer: for five minutes of awake time no beacon came whose revocation list is known here. It
// is away, or this member is cut off from its news. It is told once, until the authority is heard again.
type AuthoritySilent struct {
	protocol.EventMark
	Issuer  identity.PublicKey
	Since   identity.Instant // of the last beacon
	Missing uint64           // number of the list that beacons name and that did not come; 0: there are no beacons
}

// The own certificate.
type (
	// CertificateInGrace tells that it has expired at NotAfter and is good until Until by grace only: it has to be renewed.
	CertificateInGrace struct {
		protocol.EventMark
		NotAfter, Until identity.Instant
	}
	// CertificateRefused tells that it is good no longer: expired for longer than the grace, or revoked. Others do not take this member for one.
	CertificateRefused struct {
		protocol.EventMark
		Err error
	}
	// CertificateGood tells that it is good again: renewed.
	CertificateGood struct {
		protocol.EventMark
		NotAfter identity.Instant
	}
)

// ClockRefused tells that the wall clock says a time at which the own certificate is not good, and that it is not believed: certificates are held against
// Believed, which runs on.
type ClockRefused struct {
	protocol.EventMark
	Clock, Believed identity.Instant
	Err             error
}

// Reasons for dropping input.
const (
	ReasonSelf         protocol.Reason = "own_message"
	ReasonNotStarted   protocol.Reason = "not_started"
	ReasonLeft         protocol.Reason = "left"
	ReasonAnswerBudget protocol.Reason = "answer_budget"
	ReasonZoneFull     protocol.Reason = "zone_full"
	ReasonRowTooLarge  protocol.Reason = "row_too_large"
	ReasonResurrection protocol.Reason = "row_of_the_dead"
	ReasonUnknownType  protocol.Reason = "unknown_message_type"
	ReasonRowPlace     protocol.Reason = "row_place" // a row of an automatic zone that is not that of its owner's name

	// Reasons of members with an identity. The sender of what was dropped is the hop that it came from.
	ReasonForged         protocol.Reason = "forged"          // a signature does not match
	ReasonRowUnsigned    protocol.Reason = "row_unsigned"    // no signature, key, certificates or anchor
	ReasonRowCertificate protocol.Reason = "row_certificate" // certificates that do not make the signer the owner
	ReasonRowExpired     protocol.Reason = "row_expired"     // certificates whose time is over, or has not come
	ReasonRowRevoked     protocol.Reason = "row_revoked"
	ReasonRowAttribute   protocol.Reason = "row_attribute" // an attribute that the owner may not set
	ReasonRowQuarantined protocol.Reason = "row_quarantined"
	ReasonRowRate        protocol.Reason = "row_rate"     // the owner changes it too often
	ReasonVerifyQueue    protocol.Reason = "verify_queue" // too much waits to be verified
	ReasonBeatForged     protocol.Reason = "heartbeat_forged"
	ReasonBeatBudget     protocol.Reason = "heartbeat_budget"
	ReasonStranger       protocol.Reason = "stranger"
	ReasonNotice         protocol.Reason = "notice_refused"
	ReasonNoticesFull    protocol.Reason = "notices_full"
	ReasonBeacon         protocol.Reason = "beacon_refused"
	ReasonNoticeParts    protocol.Reason = "notice_parts" // too many come in parts at once
	ReasonUnasked        protocol.Reason = "unasked_certificates"
)
