package membership

import "spinglass/table"

// Stats counts what a machine did since it was made.
type Stats struct {
	Table table.Stats

	Rounds               uint64
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
}
