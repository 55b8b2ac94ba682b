package membership

import "spinglass/table"

// Stats counts what a machine did since it was made.
type Stats struct {
	Table table.Stats

	Rounds               uint64
	RowsOfOtherZones     uint64 // passed over, see Config.Zoned
	RowsMisplaced        uint64 // of automatic zones that are not those of the owners' names
	Moves                uint64 // of this member to other zones
	MovesRefused         uint64 // for want of room in the own row
	PeersMoved           uint64 // members of the zone that went to others
	Heartbeats           uint64
	DigestsSent          uint64
	DigestsReceived      uint64
	DeltasSent           uint64
	DeltasReceived       uint64
	RowsSent             uint64
	RowsReceived         uint64
	BeatsSent            uint64
	BeatsReceived        uint64
	RumoursSent          uint64 // deltas pushed, one for each target
	RumoursSpared        uint64 // changes of rows that had changed just before, left to exchanges
	RumoursDropped       uint64 // news that did not fit into the queue of rumours
	ProbesSent           uint64
	ProbesReceived       uint64
	BytesSent            uint64 // bodies of messages
	AnswersOverBudget    uint64
	AnswersMissing       uint64 // digests and probes without an answer in time
	UnansweredHints      uint64 // protocol.Unanswered from siblings
	PeersUp              uint64
	PeersSuspect         uint64
	PeersDown            uint64
	PeersLeft            uint64
	PeersUnreachable     uint64
	ResurrectionsStopped uint64 // rows of the dead that did not return
	RecordsDropped       uint64 // records of vanished members given up because there were too many
	Contacts             uint64 // digests to vanished members and join addresses
	Heals                uint64
	Pauses               uint64 // own pauses longer than a round
	JoinAttempts         uint64
	EpochJumps           uint64 // own row met in a higher version
	NameConflicts        uint64
	AttributesRefused    uint64
	PersistFailures      uint64

	// Of members with an identity.
	RowsSigned        uint64
	SignFailures      uint64 // times that the own row was not signed
	RowsVerified      uint64 // adopted with good signatures
	RowsRefused       uint64 // for what they and their certificates say, whatever the signatures
	SignaturesChecked uint64
	Forgeries         uint64 // rows and notices with signatures that do not match
	VerifyRefused     uint64 // rows and notices for which there was no room to wait, or that had to make room for those of others
	RowsOverRate      uint64 // of owners that change them too often
	BeatsChecked      uint64
	BeatsForged       uint64
	BeatsOverBudget   uint64 // heartbeats not looked at, because hashing had used up its share
	BeatsUnproven     uint64 // own heartbeats that could not be proven, because the row was not signed again in time
	Equivocations     uint64 // contradictions that this member proved
	Quarantined       uint64 // members
	FalseProofs       uint64 // that came, or were found here, and hold
	FalseAccusations  uint64 // that do not
	Expelled          uint64 // members that were quarantined, revoked, or whose certificates expired
	RevocationLists   uint64 // taken in
	NoticePartsSent   uint64
	ClocksRefused     uint64

	InquiriesSent      uint64 // for certificates of members that have no row here
	InquiriesRefused   uint64 // of those that siblings wanted: too many were under way
	CredentialsSent    uint64 // certificates told to who asked
	CredentialsUnheld  uint64 // asked for and not known here, or not believed
	CredentialsTaken   uint64 // verified
	CredentialsRefused uint64 // for what they say, whatever the signatures
	CredentialsGone    uint64 // given up because they expired, were revoked, or their owners quarantined
	Foreigners         int    // at present: members without a row here whose certificates are kept

	NoticeSummariesSent uint64
	NoticesDropped      uint64 // lists and proofs for which there was no place, or that had to make room
	BeaconsTaken        uint64 // of authorities
	BeaconsSent         uint64 // one for each target
	BeaconsRefused      uint64 // of an authority that is not known, of another time, or of too many authorities
	AuthoritiesSilent   int    // at present
	NoticePartsDropped  uint64 // because too many notices came in parts at once, or the others of the same one did not come in time
}
