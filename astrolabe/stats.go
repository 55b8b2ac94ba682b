package astrolabe

// Stats counts what a Machine did since it was made.
type Stats struct {
	Rounds            uint64
	Computed          uint64 // summaries that were made anew
	Issued            uint64 // rows that this member made as a representative
	Exchanges         uint64 // digests sent for an exchange, counted once where it takes several
	DigestsSent       uint64
	DigestsReceived   uint64
	DeltasSent        uint64
	DeltasReceived    uint64
	RowsSent          uint64
	BeatsSent         uint64
	BytesSent         uint64
	RowsAdded         uint64
	RowsReplaced      uint64
	RowsExpired       uint64
	RowsRefused       uint64
	RowsDisplaced     uint64 // of representatives beyond those that a zone should have
	Verified          uint64 // signatures of rows that were looked at
	Forgeries         uint64 // rows that their makers have not signed
	BeatsForged       uint64 // heartbeats that are not proven
	VerifiesRefused   uint64 // rows and heartbeats for which the round's budget has no room
	Contradictions    uint64 // members that signed two rows for one place
	RowsGone          uint64 // that were offered again after they were removed
	Contacts          uint64 // attempts to reach such zones
	ZonesLost         uint64 // child zones whose last row expired
	AnswersRefused    uint64 // for want of the round's room
	Evaluations       uint64 // of functions
	EvaluationsFailed uint64 // for more rows than the steps of a function allow
	OutputsDropped    uint64 // that another function makes, or for which there was no room
	FunctionsTaken    uint64
	FunctionsExpired  uint64 // or revoked
	FunctionsRefused  uint64 // that came and may not be in force here
	FunctionsFull     uint64 // beyond what a zone may have
	PartsSent         uint64 // of functions
	PartsReceived     uint64
	PartsDropped      uint64 // that belong to nothing, or for which there was no room
	Questions         uint64 // for tables, rows and blobs that this member has put to others
	QuestionsFailed   uint64 // that nobody answered, or not as it should be
	AsksSent          uint64 // for pieces of answers
	AsksReceived      uint64
	AsksRefused       uint64 // for want of the round's room, or for a piece that there is not
	PiecesServed      uint64 // of answers
	PiecesReceived    uint64
	PiecesUnasked     uint64 // that no question waits for
	BlobsForged       uint64 // that are not what their hashes say

	Audits                uint64 // rows of representatives of the own zones that were looked into
	AuditMismatches       uint64 // of them that say something else than what follows from their inputs
	AuditsUnlike          uint64 // of them that cannot be judged here: by the rules of another build
	RowsUnaudited         uint64 // that name no inputs: of an earlier build
	AuditQuestions        uint64 // for what a row was made of
	AuditAnswers          uint64 // that are complete
	AccountsGone          uint64 // questions for what is not kept any longer
	AccountPiecesSent     uint64
	AccountPiecesReceived uint64
	ProofsMade            uint64 // of false summaries
	ProofsTooLarge        uint64 // that would be
	Unaccounted           uint64 // representatives that were left out for a while
	RowsBarred            uint64 // rows of these that were refused
	BarsFull              uint64 // representatives that would have been left out as well, beyond as many as may be at a time
	FunctionsUnkept       uint64 // beyond what is kept for the next start
	FunctionsKeepFailed   uint64 // times that they could not be kept
	ContactsRefused       uint64 // to addresses that rows name and that were contacted often of late, or to too many of them

	MovesDown uint64 // to a deeper automatic zone, because the own one was too large
	MovesUp   uint64 // because it was too small

	Rows  int // in all tables, now
	Zones int // child zones in all tables, now

	Functions int // that are here, now

	OwnRows int // that this host keeps beside the one in its zone's table, now

	BlobsOwn         int // that are kept for the own rows, now
	BlobsCached      int // of others
	BlobsCachedBytes int
}
