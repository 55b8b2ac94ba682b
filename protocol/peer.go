package protocol

import "time"

// Peer is what a node knows of another member. It is immutable: a change makes a new one.
//
// A member of another zone is in the view as a representative of the sibling zone on some level that it is in: its Name is the path of that zone and one component more,
// and its Attributes are those of that zone's summary. Which topics the zone wants is the attribute InterestAttribute, in the form of an Interest; that says nothing of what the
// representative itself wants.
type Peer struct {
	ID        NodeID
	Epoch     uint64 // boot counter; a member that restarted with its data directory has a higher one
	Name      string // path, such as /eu/fra/web-1
	Addresses []Address
	Distance  int           // levels between the own leaf zone and the zone both have in common, 1 at least of a representative of another zone; 0 in the own zone
	RoundTrip time.Duration // measured, smoothed; 0 when not measured yet
	// Attributes are the peer's own attributes as they stand in its row, sorted by name, or those of the zone that it represents.
	Attributes []Attribute
	// Format is the latest format that the peer speaks (package wire), as its row says. What an earlier format does not know is not sent to it.
	Format uint64
	// Credential is what shows who the peer is; nil in a fleet whose members do not prove themselves. Another one, of the same key, comes with renewed certificates.
	Credential Credential
}

// Credential is the key that a member signs with, and what its certificates allow it.
type Credential interface {
	Name() string      // of the member, as its certificate has it
	PublicKey() []byte // Ed25519, 32 bytes
	MayPublish(topic string) bool
	MaySubscribe(topic string) bool
}

// Attribute is a named value of a row. Value is in the encoding of package table, except that what protocols tell each other of topics is raw: the interest of zones here,
// and the topics of members (package bimodal).
type Attribute struct {
	Name  string
	Value []byte
}

// Attribute returns the value of the named attribute, nil when there is none.
func (p *Peer) Attribute(name string) []byte {
	for i := range p.Attributes {
		if p.Attributes[i].Name == name {
			return p.Attributes[i].Value
		}
	}
	return nil
}

// Views. These events are how protocols learn of other members. What they add up to is a partial view: all of the own zone
// and a few contacts of others. A protocol must never take it for the whole membership.
type (
	// PeerUp tells of a member that can be talked to: new, back after it was down or had left, or in the view for another reason.
	PeerUp struct{ Peer *Peer }
	// PeerChanged tells of new addresses, attributes or round trip of a peer that is up, or of a restart (higher Epoch).
	PeerChanged struct{ Peer *Peer }
	// PeerUnreachable tells that this node got no answer from the peer several times in a row. It is a local observation that steers
	// whom to rely on, not a fact about the peer.
	PeerUnreachable struct{ Peer *Peer }
	// PeerReachable ends PeerUnreachable.
	PeerReachable struct{ Peer *Peer }
	// PeerSuspect tells that the peer's heartbeat has not advanced anywhere for T_fail. The peer still counts as a member.
	PeerSuspect struct{ Peer *Peer }
	// PeerAlive ends PeerSuspect: the heartbeat has advanced again.
	PeerAlive struct{ Peer *Peer }
	// PeerDown tells that the peer's heartbeat has not advanced for twice T_fail. It is no longer a member.
	PeerDown struct{ Peer *Peer }
	// PeerLeft tells that the peer said that it leaves.
	PeerLeft struct{ Peer *Peer }
	// PeerDropped tells that the peer is no longer in this node's partial view, though nothing is wrong with it.
	PeerDropped struct{ Peer *Peer }
)

// The state of the node itself.
type (
	// Joined tells that the node has exchanged tables with another member for the first time, or is the first of a fleet.
	Joined struct{}
	// JoinFailing tells that no join address answered so far; the node keeps trying, next after Retry.
	JoinFailing struct {
		Attempts int
		Retry    time.Duration
	}
	// Healed tells that members which were down or cut off are back after a partition.
	Healed struct{ Peers int }
	// SelfSuspect tells that this node finds itself late or paused (local health), so that its own observations count less.
	// Late is by how much; 0 when it is well again.
	SelfSuspect struct{ Late time.Duration }
	// EpochRaised tells that this node goes on under a higher epoch, because its row was met in a version that this run never made: it
	// has lost its boot counter, and whatever is numbered within an epoch may have been numbered before.
	EpochRaised struct{ Epoch uint64 }
	// Left tells that the node's own leaving is complete: its peers were told.
	Left struct{}
)

// WallClock tells what the host's clock says now, in seconds since 1970, UTC. A driver tells it when the clock was set, and now and then; machines
// need it for expiry only.
type WallClock struct{ Seconds int64 }

func (WallClock) event() {}

// Requests between sibling machines.
type (
	// SetAttribute asks membership to put an attribute into the node's own row; a nil Value removes it.
	SetAttribute struct{ Attribute Attribute }
	// AttributeRefused tells that an attribute does not fit into the row.
	AttributeRefused struct {
		Name string
		Err  error
	}
	// Contact tells membership where a member of the own zone may be found that it does not know.
	Contact struct{ Addresses []Address }
	// FleetReached tells membership that members of other zones were met, so that the own one may be empty.
	FleetReached struct{}
	// Move asks membership to give the own row a name in another zone.
	Move struct{ Name string }
	// Moved tells that this node is in another zone now: the row of this name is its own one. Peers are some members of the zone that it was in. Members of that zone stay in the view
	// for a while, until PeerDropped.
	Moved struct {
		Name  string
		Peers []NodeID
	}
	// Unanswered tells membership that a peer did not answer ordinary traffic in time.
	Unanswered struct{ Peer NodeID }
	// WantCredential asks membership for the credential of a member that is in no view, perhaps one of another zone: From has handed on something of its making, and so should
	// know it. CredentialKnown answers, or nothing does.
	WantCredential struct{ Author, From NodeID }
	// CredentialKnown tells what shows who a member is that is in no view: verified, and not revoked. From says that the member had that key in Epoch.
	CredentialKnown struct {
		Author     NodeID
		Epoch      uint64
		From       NodeID
		Credential Credential
	}
	// CredentialGone tells that nothing that a member signs counts any longer: its credential is revoked, or proven to be misused, or over.
	CredentialGone struct{ Author NodeID }
	// CredentialsJudged tells that what credentials are held against has changed, or that time has passed: whoever holds any is to give up those that Believed is false of, whoever else has
	// given them up before. Believed is good until Notify returns.
	CredentialsJudged struct{ Believed func(Credential) bool }
)

func (PeerUp) event()            {}
func (PeerChanged) event()       {}
func (PeerUnreachable) event()   {}
func (PeerReachable) event()     {}
func (PeerSuspect) event()       {}
func (PeerAlive) event()         {}
func (PeerDown) event()          {}
func (PeerLeft) event()          {}
func (PeerDropped) event()       {}
func (Joined) event()            {}
func (JoinFailing) event()       {}
func (Healed) event()            {}
func (SelfSuspect) event()       {}
func (EpochRaised) event()       {}
func (Left) event()              {}
func (SetAttribute) event()      {}
func (AttributeRefused) event()  {}
func (Contact) event()           {}
func (FleetReached) event()      {}
func (Unanswered) event()        {}
func (WantCredential) event()    {}
func (CredentialKnown) event()   {}
func (CredentialGone) event()    {}
func (CredentialsJudged) event() {}
func (Move) event()              {}
func (Moved) event()             {}
