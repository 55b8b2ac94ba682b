package bimodal

// Stats counts what a machine did since it was made. The fields in the last group are present values.
type Stats struct {
	MessagesPublished uint64
	MessagesDelivered uint64
	MessagesLost      uint64 // told in gaps
	MessagesSpared    uint64 // passed over because this node's rating leaves them out; below rating 1 this and MessagesLost are told apart by the packets that were lost
	Gaps              uint64
	PublishesRefused  uint64 // with ErrWouldBlock
	RateDecreases     uint64 // times that the crowd's lag lowered the rate of a topic

	PacketsSent      uint64 // own, each counted once
	BytesSent        uint64 // their encoded size
	PacketsSpread    uint64 // copies of own packets, one a target
	PacketsReceived  uint64 // first and repaired, new and duplicate
	BytesReceived    uint64
	PacketsAccepted  uint64 // new to this node
	PacketsDuplicate uint64 // held already, or below what is still wanted
	PacketsRepaired  uint64 // new to this node by a repair
	PacketsUnwanted  uint64 // of topics not subscribed to
	PacketsSpared    uint64 // received though this node's rating leaves them out
	LevelsMerged     uint64 // times that the members of a topic had more ratings than are told apart
	DispatchesEnded  uint64 // ways to hand packets on that were given up because a topic had too many
	PacketsMissed    uint64 // given up
	PacketsEvicted   uint64 // dropped in their short phase, or by bufferers before their life was over, because the buffer was full
	LongEvicted      uint64 // of those: by bufferers
	BlocksKept       uint64 // blocks of which this node found itself to be one of the bufferers
	BlocksPassed     uint64 // blocks of which it is not
	LeapsRefused     uint64 // packets and entries of digests refused: too many found missing in a round
	PacketsContrary  uint64 // with counts that contradict those before, or of which their author itself has sent another one than it has signed

	PacketsRelayed        uint64 // copies of packets handed on for others
	RelaysDelayed         uint64 // packets that had to wait for their order
	RelaysExpired         uint64 // of them: whose order did not come in time
	RelaysRefused         uint64 // packets not handed on: no room to wait, an order of who is no peer, or too many that are not kept here
	ZonesUnreached        uint64 // packets not handed on to a zone of which no contact is known
	CarriesBegun          uint64 // topics taken up because the own zone or one below wants them, though this node does not
	CarriesEnded          uint64
	CarriesRefused        uint64 // times that there was no room for one, here or in the row
	NamesAsked            uint64 // of such topics
	ReceiptsSent          uint64 // to who sends packets into the zone through this node
	ReceiptsRefused       uint64 // senders that got none, because there were too many
	ContactsSilent        uint64 // times that a contact of another zone did not say that packets arrive, so that others are used
	OrdersMade            uint64
	OrdersLearned         uint64 // of other senders
	OrdersEvicted         uint64 // senders whose orders were forgotten because there were too many
	OrderPartsSent        uint64 // one a target
	OrderPartsReceived    uint64
	OrderPartsRefused     uint64 // they contradicted others
	OrderRequestsSent     uint64
	OrderRequestsReceived uint64
	OrderRequestsRefused  uint64 // more in a round than are answered
	OrdersUnheld          uint64 // asked for and not held
	MembersUnordered      uint64 // left out of orders that had no room

	ManifestsSigned      uint64
	ManifestsAlone       uint64 // of them: in packets that carry nothing else
	PacketsSigned        uint64 // of them: for one packet alone, because not all members want the packets behind it
	ManifestsVerified    uint64 // signatures looked at
	ManifestsRefused     uint64 // not looked at: more than are verified in a round
	PacketsCorrupt       uint64 // that their authors have not made
	AuthorsUnknown       uint64 // packets handed on, and ends of streams told of, of authors whose key is not known
	KeysWanted           uint64 // times that membership was asked for the credential of such an author
	KeysLearned          uint64 // credentials of members that are in no view
	KeysRefused          uint64 // times that too many were asked for at once
	AuthorsContradictory uint64 // pairs of different packets under one number, both signed
	AuthorsForbidden     uint64 // packets of authors that may not publish to the topic
	SuspectsRefused      uint64 // packets handed on that found no room to wait for their manifest
	SuspectsExpired      uint64 // whose manifest did not come in time
	DigestsShunned       uint64 // of peers that have sent corrupt packets of late
	PacketsShunned       uint64 // that such peers have handed on
	ClaimsRefused        uint64 // ends of streams that others tell of and there was no room to look into
	DoubtsRefused        uint64 // of those: beyond what authors are asked for
	NumbersUnproven      uint64 // asked for and not sent, because nothing here proves them
	NumbersForbidden     uint64 // asked for by who may not subscribe to the topic

	DigestsSent        uint64
	DigestsReceived    uint64
	ReportsReceived    uint64 // of the lag of others, in samples
	EntriesIgnored     uint64 // of digests: topics or streams that do not concern this node
	RequestsSent       uint64
	NumbersRequested   uint64 // packets asked for
	RequestsReceived   uint64
	RequestsStale      uint64 // refused: the echoed round is over
	RequestsFuture     uint64 // refused: the echoed round has not been
	StrangersRefused   uint64 // requests and polls of who is no peer
	NumbersUnheld      uint64 // asked for and not held
	RequestsUnanswered uint64 // told to membership

	RepairsSent      uint64 // copies, one a target
	RepairBytesSent  uint64
	RepairsPushed    uint64 // of the copies: unasked
	RepairsRegional  uint64 // packets repaired for the whole region
	RepairsDeferred  uint64 // times that repairs had to wait for the budget of a later round
	RepairsExpired   uint64 // waited too long for budget
	RepairsRefused   uint64 // requests and pushes cut short: no room to wait
	RepairsDisplaced uint64 // gave way to those of others because there was no room to wait

	PollsSent        uint64
	PollsToBufferers uint64 // of those: to bufferers of packets past their short phase
	PollsToAuthors   uint64 // of those: for ends of streams that others tell of and cannot prove
	PollsUnheld      uint64 // received that name packets of which this node holds none
	PollsWithheld    uint64 // gaps seen after the polls of the round were used up
	PollsReceived    uint64
	PollsRefused     uint64 // more in a round than are answered

	PacketsMulticast   uint64 // own, sent to a group
	PacketsBanded      uint64 // of these, to the group of a band, since some do not want everything
	PacketsResent      uint64 // copies of own packets, sent again because their group had failed
	ProbesSent         uint64 // of groups
	ProbesHeard        uint64 // of others
	AnswersHeard       uint64 // to own probes, complaints included
	ComplaintsSent     uint64 // to authors whose group this node no longer hears
	MulticastFallbacks uint64 // times that a whole group was given up because hardly anybody answered
	RepairsMulticast   uint64 // packets repaired by way of a group

	Greetings         uint64 // digests to members that had just come to want a topic of this node's
	GreetingsRefused  uint64 // such members that were left to gossip, because many waited
	EndingsTold       uint64 // digests for members of low ratings, of the last packet before a pause
	EndingsDelayed    uint64 // rounds in which endings of a stream were due and waited, since as many as are told of in a round had been; by stream
	StreamsJoined     uint64
	StreamsForgotten  uint64
	Rewinds           uint64 // times that a stream went back for what a lower rating had left out
	StreamsRefused    uint64
	PeersRefused      uint64
	InterestRefused   uint64 // the row had no room for the topics that this node wants, or for their ratings
	AssembliesRefused uint64 // cut messages lost because too many were being put together

	Round            uint64 // rounds so far
	SuspectBytes     int    // of packets that wait for their manifest
	PeersShunned     int    // that have sent corrupt packets of late
	Streams          int
	Topics           int
	Peers            int
	BufferedPackets  int
	BufferedBytes    int
	LongPackets      int // of BufferedPackets: beyond their short phase
	LongBytes        int // of BufferedBytes: beyond the short phase
	RelaysHeld       int // packets that wait for their order
	OrdersPending    int // incomplete orders
	RepairsWaiting   int
	GroupsJoined     int   // of topics that this node wants
	GroupsLacking    int   // of these topics: groups that are not joined, since the driver joins no more
	Carries          int   // topics carried
	ZonesBarred      int   // zones that are not entered with a topic that they want, for each such topic: none of their contacts may subscribe to it
	MulticastTargets int   // of the topics that this node publishes to: targets that hear their group, summed over bands
	EvictedAge       int   // age in rounds of the packet evicted last in its short phase: what that has shrunk to; 0 when none ever was
	LongEvictedAge   int   // the same of what bufferers had to drop: what life has shrunk to
	RepairBudget     int   // bytes, of the present round
	RateAllowed      int64 // bytes a second: the least that an adaptive topic with packets held may publish; 0 when there is none
	PeersLagging     int   // peers that do not keep up with what this node publishes, while the crowd does
	CrowdLag         int   // packets: what the crowd of that topic lags, at the quantile
}
