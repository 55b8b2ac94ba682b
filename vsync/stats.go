package vsync

// Stats counts what a machine did since it was made, and tells what there is.
type Stats struct {
	Groups  int // joined
	Members int // of them, in a view
	Outside int // of them, without a majority
	Seeking int // of them, in no view
	Blocked int // of them, in a change of the view

	Cast, CastBytes           uint64 // messages of the application sent
	Delivered, DeliveredBytes uint64
	CastsBlocked              uint64 // refused with ErrBlocked
	CastsFull                 uint64 // refused with ErrFull

	ViewsInstalled uint64
	ViewsFounded   uint64 // groups that this node founded
	FlushesLed     uint64 // rounds of changes that this node began
	BlockedTime    int64  // nanoseconds in which it could not cast because of a change, all groups together
	Suspicions     uint64 // own ones
	SuspicionsTold uint64 // taken over from others
	Ejections      uint64 // of this member
	Rejoins        uint64 // views that took it in again after an ejection
	Merges         uint64 // of these ejections, because the group was founded twice
	OutsideTimes   uint64 // times that no majority could be reached

	Recoveries        uint64 // that this node led to a view
	RecoveriesRefused uint64 // that came to nothing: a member refused, a majority was there, or nobody had a vote

	Held, HeldMost    int    // bytes of messages that are not known to be stable
	HeldRefused       uint64 // messages that were passed over since there was no room, and pulled later
	FutureRefused     uint64 // messages of views that are not installed yet, for which there was no room
	Pulls, PullsTaken uint64 // requests for messages, sent and answered
	PullsEmpty        uint64 // requests that could not be answered
	MessagesPulled    uint64 // messages that came so
	Gaps              uint64 // of bimodal, of messages of the present view
	RoundsClosed      uint64 // of stability
	StabilitySent     uint64

	TermsTaken     uint64 // times that this node took over as sequencer
	OrdersSent     uint64 // messages that order others
	OrderConflicts uint64 // ejections because of an order

	SnapshotsGiven                 uint64
	SnapshotsRefused               uint64 // for want of room, or because the application gave none
	StatesTaken                    uint64
	StatesRestarted                uint64 // transfers that were begun again from another donor
	StateBytesSent, StateBytesRead uint64
	StatesHeld                     uint64 // times that a donor had to wait since the application had not taken what came
	Queued, QueuedMost             int    // bytes of deliveries that wait for the state of this member

	SeeksSent     uint64
	JoinersFull   uint64 // that had to wait since there were too many at once
	ChecksSent    uint64
	PartsRefused  uint64 // messages that would have too many parts, and parts that do not fit what came before
	PartsEvicted  uint64 // messages in parts that were given up before all had come, to make room for later ones
	AttemptsSpent uint64 // attempts to join after the limit of one run of the node, which may come to nothing
	PublishFailed uint64 // messages that the multicast did not take; they are sent again, or refused with ErrFull
}
