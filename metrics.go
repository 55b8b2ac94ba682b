package spinglass

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"spinglass/astrolabe"
	"spinglass/bimodal"
	"spinglass/directory"
	"spinglass/live"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/stack"
	"spinglass/vsync"
	"spinglass/wire"
)

// metricsWait bounds how long a scrape waits for the loop. A node that sleeps is scraped without the metrics of its protocols.
const metricsWait = 2 * time.Second

// snapshot is what metrics are taken from.
type snapshot struct {
	live       live.Stats
	membership membership.Stats
	bimodal    bimodal.Stats
	tables     astrolabe.Stats
	quotas     stack.QuotaStats
	directory  directory.Stats
	patterns   stack.PatternStats
	states     map[membership.State]int
	unreach    int
	earlier    int // members of an earlier format than this node's
	groups     vsync.Stats
	waiting    int // bytes in the queues of groups
	queued     int // bytes in the queues of subscriptions
	readers    int // subscriptions
	node       *Node
}

// metric is one number with its name and what it means to an operator.
type metric struct {
	name  string
	kind  prometheus.ValueType
	help  string
	value func(s *snapshot) float64
}

func counter(name, help string, value func(s *snapshot) uint64) metric {
	return metric{name, prometheus.CounterValue, help, func(s *snapshot) float64 { return float64(value(s)) }}
}

func gauge(name, help string, value func(s *snapshot) int) metric {
	return metric{name, prometheus.GaugeValue, help, func(s *snapshot) float64 { return float64(value(s)) }}
}

// liveMetrics need no answer of the loop.
var liveMetrics = []metric{
	counter("datagrams_received_total", "Datagrams received and handed to the protocols.", func(s *snapshot) uint64 { return s.live.DatagramsReceived }),
	counter("bytes_received_total", "Bytes of UDP payload received.", func(s *snapshot) uint64 { return s.live.BytesReceived }),
	counter("datagrams_sent_total", "Datagrams that the kernel took; one that goes to eight peers counts as eight.", func(s *snapshot) uint64 { return s.live.DatagramsSent }),
	counter("bytes_sent_total", "Bytes of UDP payload sent.", func(s *snapshot) uint64 { return s.live.BytesSent }),
	counter("send_calls_total", "System calls that sent datagrams. Far fewer than datagrams means that segmentation by the kernel works.", func(s *snapshot) uint64 { return s.live.SendCalls }),
	counter("kernel_dropped_datagrams_total", "Datagrams that the kernel dropped because this process did not read its socket in time: the machine is short of processor time, or the socket buffer (net.core.rmem_max) is small.", func(s *snapshot) uint64 { return s.live.KernelDropped }),
	counter("writer_rests_total", "Times that the node waited after it had sent to many, for more to go out together.", func(s *snapshot) uint64 { return s.live.WriterRests }),
	counter("publishes_overtaken_total", "Times that what was published no longer waited for a node that always had something of others to send.", func(s *snapshot) uint64 { return s.live.FeedsOvertaken }),
	counter("writer_waits_total", "Times that the node waited for the network to take what it sends.", func(s *snapshot) uint64 { return s.live.WriterWaits }),
	counter("paused_seconds_total", "Time slept through because of a fault that was asked for.", func(s *snapshot) uint64 { return s.live.PausedNanoseconds / 1e9 }),
	counter("lookups_failed_total", "Host names of members that could not be resolved.", func(s *snapshot) uint64 { return s.live.LookupsFailed }),
	counter("work_refused_total", "Durable writes, signatures and checks refused because too many were waiting.", func(s *snapshot) uint64 { return s.live.WorkRefused }),
	counter("connections_refused_total", "TCP connections refused: beyond the limit, or without a proper greeting.", func(s *snapshot) uint64 { return s.live.StreamsRefused }),
	counter("accepts_failed_total", "Times that a TCP connection could not be taken. Too many files are open, as a rule: raise the limit (LimitNOFILE), or see who connects so often.", func(s *snapshot) uint64 { return s.live.AcceptsFailed }),
	counter("multicast_messages_sent_total", "Messages sent to a multicast group, each once whatever the number of members that hear it.", func(s *snapshot) uint64 { return s.live.GroupMessagesSent }),
	counter("multicast_datagrams_received_total", "Datagrams received by multicast.", func(s *snapshot) uint64 { return s.live.GroupDatagrams }),
	counter("multicast_groups_refused_total", "Multicast groups that could not be joined.", func(s *snapshot) uint64 { return s.live.GroupsRefused }),
	counter("handshakes_total", "Handshakes that made a sealed link, begun by either side.", func(s *snapshot) uint64 { return s.live.Handshakes }),
	counter("handshakes_failed_total", "Handshakes that came to nothing: unreachable, too slow, garbage.", func(s *snapshot) uint64 { return s.live.HandshakesFailed }),
	counter("handshakes_refused_total", "Handshakes refused, by either side, because of who the other one is.", func(s *snapshot) uint64 { return s.live.HandshakesRefused }),
	counter("handshakes_format_refused_total", "Of those, because there is no format that both ends speak: an upgrade has left one out.", func(s *snapshot) uint64 { return s.live.HandshakesFormat }),
	counter("handshakes_limited_total", "Connections closed before a handshake: too many from one address, or under way.", func(s *snapshot) uint64 { return s.live.ConnectionsLimited + s.live.ConnectionsCrowded }),
	counter("handshakes_silent_total", "Connections closed because nothing was said on them while many handshakes were under way.", func(s *snapshot) uint64 { return s.live.ConnectionsSilent }),
	counter("handshakes_displaced_total", "Connections that gave way for others because too many handshakes were under way.", func(s *snapshot) uint64 { return s.live.ConnectionsDisplaced }),
	gauge("sessions", "Members with which there is a sealed link.", func(s *snapshot) int { return int(s.live.Sessions) }),
	counter("sessions_replaced_total", "Handshakes that this node began to replace a session by a fresh one.", func(s *snapshot) uint64 { return s.live.Rekeys }),
	counter("sessions_evicted_total", "Sealed links that had to make room for others. Each costs a handshake when it is wanted again.", func(s *snapshot) uint64 { return s.live.SessionsEvicted }),
	counter("sessions_expired_total", "Sealed links that ended for want of use, or because no fresh session could be made.", func(s *snapshot) uint64 { return s.live.SessionsExpired }),
	counter("sessions_revoked_total", "Sealed links cut because the certificate of the other end no longer held.", func(s *snapshot) uint64 { return s.live.SessionsRevoked }),
	counter("session_notices_sent_total", "Notices to senders of datagrams for sessions that this node does not know.", func(s *snapshot) uint64 { return s.live.NoticesSent }),
	counter("session_notices_received_total", "Notices that another node does not know a session, true or not.", func(s *snapshot) uint64 { return s.live.NoticesReceived }),
	counter("session_notices_followed_total", "Of those, that led to a handshake.", func(s *snapshot) uint64 { return s.live.NoticesFollowed }),
	counter("session_notices_limited_total", "Notices not sent or not looked at: beyond a limit, or about nothing that was sent lately.", func(s *snapshot) uint64 { return s.live.NoticesLimited }),
	counter("multicast_keys_asked_total", "Times that the key of a sender of multicast was asked for.", func(s *snapshot) uint64 { return s.live.GroupKeysAsked }),
	counter("multicast_keys_renewed_total", "Times that this node took a new key for its multicast.", func(s *snapshot) uint64 { return s.live.GroupKeysRenewed }),
	gauge("gateways", "Gateways that this node is connected to: those that it is reached through, and those of members that it talks to.", func(s *snapshot) int { return int(s.live.Gateways) }),
	counter("gateway_connections_total", "Connections made to gateways.", func(s *snapshot) uint64 { return s.live.GatewayConnections }),
	counter("gateway_connections_lost_total", "Connections to gateways that broke.", func(s *snapshot) uint64 { return s.live.GatewaysLost }),
	counter("gateway_connections_failed_total", "Attempts to connect to gateways that came to nothing.", func(s *snapshot) uint64 { return s.live.GatewayFailures }),
	counter("gateway_connections_revoked_total", "Connections to gateways, or of their clients, cut because the certificate of the other end no longer held.", func(s *snapshot) uint64 { return s.live.RelayConnsRevoked }),
	counter("gateways_refused_total", "Gateways of others that this node did not connect to, because there are too many.", func(s *snapshot) uint64 { return s.live.GatewaysRefused }),
	counter("gateway_datagrams_sent_total", "Datagrams that this node sent through gateways, or as one to its clients.", func(s *snapshot) uint64 { return s.live.RelayedSent }),
	counter("gateway_bytes_sent_total", "Bytes of those.", func(s *snapshot) uint64 { return s.live.RelayedSentBytes }),
	counter("gateway_datagrams_received_total", "Datagrams that came through gateways, or to one from its clients.", func(s *snapshot) uint64 { return s.live.RelayedReceived }),
	counter("gateway_calls_followed_total", "Times that a gateway told this node of a member that can only be reached through gateways, and that it connected to these.", func(s *snapshot) uint64 { return s.live.GatewayCallsFollowed }),
	counter("gateway_calls_ignored_total", "Times that it did not: too often, or for a member without gateways.", func(s *snapshot) uint64 { return s.live.GatewayCallsIgnored }),
	gauge("clients", "Members that are connected to this gateway.", func(s *snapshot) int { return int(s.live.Clients) }),
	counter("clients_refused_total", "Members that were refused because this gateway has too many clients.", func(s *snapshot) uint64 { return s.live.ClientsRefused }),
	counter("clients_replaced_total", "Clients that connected again before their connection had ended.", func(s *snapshot) uint64 { return s.live.ClientsReplaced }),
	counter("clients_datagrams_total", "Datagrams that this gateway passed on between its clients. spinglass_dropped_total{reason=\"gateway_...\"} counts those that it did not.", func(s *snapshot) uint64 { return s.live.RelayedPassed }),
	counter("clients_bytes_total", "Bytes of all that this gateway passed on.", func(s *snapshot) uint64 { return s.live.RelayedPassedBytes }),
	counter("clients_calls_total", "Times that this gateway called a member that a client wants.", func(s *snapshot) uint64 { return s.live.GatewayCallsSent }),
	gauge("gateway_streams", "Connections through gateways.", func(s *snapshot) int { return int(s.live.RelayedStreams) }),
	counter("gateway_streams_opened_total", "Connections through gateways that were made, by either end.", func(s *snapshot) uint64 { return s.live.RelayedStreamsOpened }),
	counter("gateway_streams_refused_total", "Connections through gateways that were refused, because there are too many.", func(s *snapshot) uint64 { return s.live.RelayedStreamsRefused }),
	counter("gateway_streams_broken_total", "Connections through gateways of which something could not be carried.", func(s *snapshot) uint64 { return s.live.RelayedStreamsBroken }),
	counter("gateway_frames_malformed_total", "Connections to gateways, or of their clients, cut because of what came by them.", func(s *snapshot) uint64 { return s.live.RelayFramesMalformed }),
	counter("gateway_frames_unknown_total", "Frames skipped that only a later version knows.", func(s *snapshot) uint64 { return s.live.RelayFramesUnknown }),
	counter("gateway_news_lost_total", "Times that this node did not take in that a member is absent from a gateway, or wanted there: too often, or it had too much to do.", func(s *snapshot) uint64 { return s.live.RelayNewsLost }),
	gauge("multicast_groups", "Multicast groups joined.", func(s *snapshot) int { return int(s.live.GroupsJoined) }),
	gauge("multicast_groups_lacking", "Multicast groups of subscribed topics that are not joined, because a node joins no more: what goes to them comes as copies.", func(s *snapshot) int { return s.bimodal.GroupsLacking }),
	gauge("receive_buffer_bytes", "Size of the socket's receive buffer as the kernel granted it.", func(s *snapshot) int { return int(s.live.ReceiveBuffer) }),
	gauge("table_watches", "Loops of this node's application over changes of tables.", func(s *snapshot) int { return int(s.node.watches.Load()) }),
	counter("table_watches_refused_total", "Such loops that were refused because there were too many.", func(s *snapshot) uint64 { return s.node.watchesRefused.Load() }),
	counter("table_changes_missed_total", "Changes of rows that such loops did not get, because later ones came before they were taken. They were told how many.", func(s *snapshot) uint64 { return s.node.changesMissed.Load() }),
	counter("messages_conflated_total", "Messages that gave way for later ones of the same key in the queues of subscriptions that keep only the newest.", func(s *snapshot) uint64 { return s.node.conflated.Load() }),
	counter("slow_consumer_messages_total", "Messages dropped from subscriptions because this node's application read too slowly. It was told of each gap.", func(s *snapshot) uint64 { return s.node.slowConsumer.Load() }),
}

// protocolMetrics are those of the protocols and of the subscriptions.
var protocolMetrics = []metric{
	gauge("patterns", "Patterns of topics that this node is subscribed to.", func(s *snapshot) int { return s.patterns.Patterns }),
	gauge("pattern_topics", "Topics that this node is subscribed to because they match a pattern.", func(s *snapshot) int { return s.patterns.Topics }),
	gauge("pattern_topics_unjoined", "Topics that match a pattern and are not subscribed to, because the row of this node has no room: subscribe to fewer.", func(s *snapshot) int { return s.patterns.Unjoined }),
	gauge("pattern_topics_forbidden", "Topics that match a pattern and may not be subscribed to by this node's certificate.", func(s *snapshot) int { return s.patterns.Forbidden }),
	counter("pattern_joins_total", "Times that a topic was subscribed to because it matches a pattern.", func(s *snapshot) uint64 { return s.patterns.Joined }),
	counter("pattern_leaves_total", "Times that such a subscription ended.", func(s *snapshot) uint64 { return s.patterns.Left }),
	counter("pattern_joins_refused_total", "Attempts to subscribe to such a topic that failed.", func(s *snapshot) uint64 { return s.patterns.Refused }),
	gauge("topics_metered", "Topics of which it is measured how much of them is received.", func(s *snapshot) int { return s.patterns.Metered }),
	counter("topics_unmetered_packets_total", "Packets of topics of which that is not, because there are too many.", func(s *snapshot) uint64 { return s.patterns.Unmetered }),
	gauge("directory_board_patterns", "Patterns that members have asked for, as far as this node knows.", func(s *snapshot) int { return s.directory.Board }),
	gauge("directory_wanted_patterns", "Of them, those of this node.", func(s *snapshot) int { return s.directory.Wants }),
	gauge("directory_own_topics", "Topics that this node announces where they are asked for.", func(s *snapshot) int { return s.directory.Own }),
	gauge("directory_entries", "Topics of others that this node has been told of, each counted for each of its publishers.", func(s *snapshot) int { return s.directory.Entries }),
	counter("directory_questions_sent_total", "Questions for topics sent.", func(s *snapshot) uint64 { return s.directory.QuestionsSent }),
	counter("directory_questions_heard_total", "Questions of others heard.", func(s *snapshot) uint64 { return s.directory.QuestionsHeard }),
	counter("directory_calls_sent_total", "Times that this node asked which patterns are wanted.", func(s *snapshot) uint64 { return s.directory.CallsSent }),
	counter("directory_calls_heard_total", "Times that others did.", func(s *snapshot) uint64 { return s.directory.CallsHeard }),
	counter("directory_calls_refused_total", "Of those: that were not answered, since the member had asked too often.", func(s *snapshot) uint64 { return s.directory.CallsRefused }),
	counter("directory_announcements_sent_total", "Announcements of topics sent.", func(s *snapshot) uint64 { return s.directory.AnnouncementsSent }),
	counter("directory_announcements_heard_total", "Announcements of others heard that match what this node wants.", func(s *snapshot) uint64 { return s.directory.AnnouncementsHeard }),
	counter("directory_malformed_total", "Messages of the directory that are none.", func(s *snapshot) uint64 { return s.directory.Malformed }),
	counter("directory_patterns_refused_total", "Patterns of others that were not taken up because there are too many.", func(s *snapshot) uint64 { return s.directory.BoardRefused }),
	counter("directory_own_refused_total", "Times that a topic of this node was not announced because there are too many.", func(s *snapshot) uint64 { return s.directory.OwnRefused }),
	counter("directory_entries_refused_total", "Topics of others that were not taken up because there are too many, in all or of one publisher.", func(s *snapshot) uint64 { return s.directory.EntriesRefused }),
	counter("directory_entries_forbidden_total", "Topics that were announced by who may not publish to them.", func(s *snapshot) uint64 { return s.directory.EntriesForbidden }),
	counter("directory_listens_refused_total", "Times that this node could not subscribe to questions, so that others do not hear of its topics: its row has no room.", func(s *snapshot) uint64 { return s.directory.ListenRefused }),
	counter("directory_publishes_refused_total", "Messages of the directory that were tried again later.", func(s *snapshot) uint64 { return s.directory.PublishRefused }),
	counter("directory_answers_delayed_total", "Times that an answer was put off because others had taken the bytes that answers may have.", func(s *snapshot) uint64 { return s.directory.AnswersDelayed }),
	counter("greetings_total", "Members that were told at once what there is of this node's topics, since they had just come to want one.", func(s *snapshot) uint64 { return s.bimodal.Greetings }),
	counter("greetings_refused_total", "Such members that were left to gossip, because many waited.", func(s *snapshot) uint64 { return s.bimodal.GreetingsRefused }),
	counter("endings_told_total", "Digests for members of low ratings, of the last packet before a pause.", func(s *snapshot) uint64 { return s.bimodal.EndingsTold }),
	counter("endings_delayed_total", "Rounds in which endings of a stream waited, since as many as are told of in a round had been; by stream.", func(s *snapshot) uint64 { return s.bimodal.EndingsDelayed }),
	counter("rows_of_other_zones_total", "Rows of members of other zones that membership has passed over.", func(s *snapshot) uint64 { return s.membership.RowsOfOtherZones }),
	counter("rows_misplaced_total", "Rows of members of automatic zones that are not those of their owners' names.", func(s *snapshot) uint64 { return s.membership.RowsMisplaced }),
	counter("moves_total", "Times that this node went to another automatic zone.", func(s *snapshot) uint64 { return s.membership.Moves }),
	counter("moves_down_total", "Those of them that went a level down, because the zone had too many members.", func(s *snapshot) uint64 { return s.tables.MovesDown }),
	counter("moves_up_total", "Those of them that went a level up, because the zones had too few.", func(s *snapshot) uint64 { return s.tables.MovesUp }),
	counter("moves_refused_total", "Times that this node did not go, because its row had no room for the longer name.", func(s *snapshot) uint64 { return s.membership.MovesRefused }),
	counter("peers_moved_total", "Members of this node's zone that went to another one.", func(s *snapshot) uint64 { return s.membership.PeersMoved }),
	counter("rumours_spared_total", "Changes of rows that had changed just before, left to exchanges of tables.", func(s *snapshot) uint64 { return s.membership.RumoursSpared }),
	counter("rumours_dropped_total", "News of rows for which there was no room among the rumours, left to exchanges of tables.", func(s *snapshot) uint64 { return s.membership.RumoursDropped }),
	counter("rows_signed_total", "Times that this node signed its row.", func(s *snapshot) uint64 { return s.membership.RowsSigned }),
	counter("row_sign_failures_total", "Times that the own row could not be signed.", func(s *snapshot) uint64 { return s.membership.SignFailures }),
	counter("rows_verified_total", "Rows of others taken in with good signatures.", func(s *snapshot) uint64 { return s.membership.RowsVerified }),
	counter("rows_refused_total", "Rows of others refused for what they and their certificates say, or because their owners change them too often.", func(s *snapshot) uint64 { return s.membership.RowsRefused + s.membership.RowsOverRate }),
	counter("signatures_checked_total", "Signatures of rows and notices that were checked.", func(s *snapshot) uint64 { return s.membership.SignaturesChecked }),
	counter("verifications_refused_total", "Rows and notices for which there was no room to wait to be verified, or that had to make room for those of others.", func(s *snapshot) uint64 { return s.membership.VerifyRefused }),
	counter("forgeries_total", "Rows and notices whose signatures do not match. spinglass_dropped_total{reason=\"forged\"} counts the drops.", func(s *snapshot) uint64 { return s.membership.Forgeries }),
	counter("heartbeats_forged_total", "Heartbeats that do not follow from the row.", func(s *snapshot) uint64 { return s.membership.BeatsForged }),
	counter("heartbeats_over_budget_total", "Heartbeats not looked at because hashing had used up its share of a round.", func(s *snapshot) uint64 { return s.membership.BeatsOverBudget }),
	counter("heartbeats_unproven_total", "Own heartbeats without a proof, because the row was not signed again in time.", func(s *snapshot) uint64 { return s.membership.BeatsUnproven }),
	counter("contradictions_total", "Members that this node proved to contradict themselves.", func(s *snapshot) uint64 { return s.membership.Equivocations }),
	counter("quarantined_total", "Members quarantined because of a proof.", func(s *snapshot) uint64 { return s.membership.Quarantined }),
	counter("false_summary_proofs_total", "Proofs of false summaries that came or were made here, and hold.", func(s *snapshot) uint64 { return s.membership.FalseProofs }),
	counter("false_summary_proofs_refused_total", "Proofs of false summaries that prove nothing.", func(s *snapshot) uint64 { return s.membership.FalseAccusations }),
	counter("expelled_total", "Members that count no longer: quarantined, revoked, or with a certificate that has expired.", func(s *snapshot) uint64 { return s.membership.Expelled }),
	counter("revocation_lists_total", "Revocation lists taken in.", func(s *snapshot) uint64 { return s.membership.RevocationLists }),
	counter("notices_dropped_total", "Revocation lists and proofs for which there was no place, or that had to make room for others.", func(s *snapshot) uint64 { return s.membership.NoticesDropped }),
	counter("notice_summaries_sent_total", "Times that this node told a peer which revocation lists and proofs it holds. It stands still while there is no news of them.", func(s *snapshot) uint64 { return s.membership.NoticeSummariesSent }),
	counter("notice_parts_sent_total", "Parts of revocation lists and proofs sent to members that lack them.", func(s *snapshot) uint64 { return s.membership.NoticePartsSent }),
	counter("notice_parts_dropped_total", "Parts of revocation lists and proofs dropped because too many came in parts at once, or others were lost. They are sent again.", func(s *snapshot) uint64 { return s.membership.NoticePartsDropped }),
	gauge("foreign_credentials", "Members of other zones whose certificates are kept.", func(s *snapshot) int { return s.membership.Foreigners }),
	counter("foreign_credentials_asked_total", "Certificates of members of other zones asked for.", func(s *snapshot) uint64 { return s.membership.InquiriesSent }),
	counter("foreign_credentials_not_asked_total", "Certificates not asked for because too many others were.", func(s *snapshot) uint64 { return s.membership.InquiriesRefused }),
	counter("foreign_credentials_taken_total", "Certificates of members of other zones that were verified.", func(s *snapshot) uint64 { return s.membership.CredentialsTaken }),
	counter("foreign_credentials_refused_total", "Certificates of members of other zones that do not count.", func(s *snapshot) uint64 { return s.membership.CredentialsRefused }),
	counter("foreign_credentials_gone_total", "Certificates given up because they expired, were revoked, or their owners quarantined.", func(s *snapshot) uint64 { return s.membership.CredentialsGone }),
	counter("credentials_sent_total", "Certificates told to members of other zones that asked.", func(s *snapshot) uint64 { return s.membership.CredentialsSent }),
	counter("credentials_unheld_total", "Certificates asked for that are not known here.", func(s *snapshot) uint64 { return s.membership.CredentialsUnheld }),
	counter("beacons_taken_total", "Beacons taken in, by which authorities say every 30 s which revocation list is the latest.", func(s *snapshot) uint64 { return s.membership.BeaconsTaken }),
	counter("beacons_sent_total", "Beacons of authorities passed on.", func(s *snapshot) uint64 { return s.membership.BeaconsSent }),
	counter("beacons_refused_total", "Beacons refused: of authorities that are not known, of another time, or of too many authorities.", func(s *snapshot) uint64 { return s.membership.BeaconsRefused }),
	gauge("authorities_silent", "Authorities that were heard before and are no longer, or whose revocation lists do not come: this node may be cut off from what they revoke.", func(s *snapshot) int { return s.membership.AuthoritiesSilent }),
	counter("clocks_refused_total", "Times that the wall clock was not believed.", func(s *snapshot) uint64 { return s.membership.ClocksRefused }),
	gauge("peers_earlier_format", "Members that are up and speak an earlier format than this node: an upgrade is under way.", func(s *snapshot) int { return s.earlier }),
	gauge("peers_unreachable", "Members that do not answer this node at present.", func(s *snapshot) int { return s.unreach }),
	counter("peer_suspicions_total", "Times that a member's heartbeat stood still for T_fail.", func(s *snapshot) uint64 { return s.membership.PeersSuspect }),
	counter("peer_downs_total", "Times that a member was taken for down.", func(s *snapshot) uint64 { return s.membership.PeersDown }),
	counter("partitions_healed_total", "Times that members which were down came back together.", func(s *snapshot) uint64 { return s.membership.Heals }),
	counter("own_pauses_total", "Times that this node found itself paused for longer than a round: it is overloaded, swapped out, or its virtual machine was stopped.", func(s *snapshot) uint64 { return s.membership.Pauses }),
	counter("join_attempts_total", "Attempts to reach a join address.", func(s *snapshot) uint64 { return s.membership.JoinAttempts }),
	counter("name_conflicts_total", "Other members seen that carry this node's name.", func(s *snapshot) uint64 { return s.membership.NameConflicts }),
	counter("membership_bytes_sent_total", "Bytes of membership gossip sent.", func(s *snapshot) uint64 { return s.membership.BytesSent }),
	counter("answers_missing_total", "Digests and probes that got no answer in time.", func(s *snapshot) uint64 { return s.membership.AnswersMissing }),
	counter("attributes_refused_total", "Attributes of the own row that were refused: too large, or not allowed by the certificate.", func(s *snapshot) uint64 { return s.membership.AttributesRefused }),

	gauge("zones", "Child zones in the tables that this node holds.", func(s *snapshot) int { return s.tables.Zones }),
	gauge("zone_rows", "Rows in the tables of zones that this node holds, those of all representatives counted.", func(s *snapshot) int { return s.tables.Rows }),
	counter("zone_rounds_total", "Rounds of gossip about zones.", func(s *snapshot) uint64 { return s.tables.Rounds }),
	counter("zone_summaries_total", "Summaries of zones that were made anew, because a row below them had changed.", func(s *snapshot) uint64 { return s.tables.Computed }),
	counter("zone_rows_issued_total", "Rows that this node made as a representative of its zones.", func(s *snapshot) uint64 { return s.tables.Issued }),
	counter("zone_exchanges_total", "Exchanges of tables that this node began.", func(s *snapshot) uint64 { return s.tables.Exchanges }),
	counter("zone_digests_sent_total", "Digests of tables of zones sent.", func(s *snapshot) uint64 { return s.tables.DigestsSent }),
	counter("zone_digests_received_total", "Digests of tables of zones received.", func(s *snapshot) uint64 { return s.tables.DigestsReceived }),
	counter("zone_deltas_sent_total", "Answers to such digests sent.", func(s *snapshot) uint64 { return s.tables.DeltasSent }),
	counter("zone_deltas_received_total", "Answers to such digests received.", func(s *snapshot) uint64 { return s.tables.DeltasReceived }),
	counter("zone_rows_sent_total", "Rows of zones sent.", func(s *snapshot) uint64 { return s.tables.RowsSent }),
	counter("zone_beats_sent_total", "Heartbeats of rows of zones sent without the rows.", func(s *snapshot) uint64 { return s.tables.BeatsSent }),
	counter("zone_bytes_sent_total", "Bytes of gossip about zones sent.", func(s *snapshot) uint64 { return s.tables.BytesSent }),
	counter("zone_rows_added_total", "Rows of zones taken in of representatives that had none.", func(s *snapshot) uint64 { return s.tables.RowsAdded }),
	counter("zone_rows_replaced_total", "Rows of zones taken in for older ones.", func(s *snapshot) uint64 { return s.tables.RowsReplaced }),
	counter("zone_rows_expired_total", "Rows of zones removed because their heartbeats stood still.", func(s *snapshot) uint64 { return s.tables.RowsExpired }),
	counter("zone_rows_refused_total", "Rows of zones refused: too large, of no table that is held here, or without room.", func(s *snapshot) uint64 { return s.tables.RowsRefused }),
	counter("zone_rows_displaced_total", "Rows of representatives beyond those that a zone should have.", func(s *snapshot) uint64 { return s.tables.RowsDisplaced }),
	counter("zone_signatures_checked_total", "Signatures of rows of zones that were checked.", func(s *snapshot) uint64 { return s.tables.Verified }),
	counter("zone_forgeries_total", "Rows of zones that their makers have not signed.", func(s *snapshot) uint64 { return s.tables.Forgeries }),
	counter("zone_heartbeats_forged_total", "Heartbeats of rows of zones that are not proven.", func(s *snapshot) uint64 { return s.tables.BeatsForged }),
	counter("zone_verifications_refused_total", "Rows of zones and their heartbeats for which the round's budget had no room.", func(s *snapshot) uint64 { return s.tables.VerifiesRefused }),
	counter("zone_contradictions_total", "Members that signed two rows for one place.", func(s *snapshot) uint64 { return s.tables.Contradictions }),
	counter("zone_rows_gone_total", "Rows of zones that were offered again after they were removed.", func(s *snapshot) uint64 { return s.tables.RowsGone }),
	counter("zone_contacts_refused_total", "Contacts to addresses that rows of others name that were not made, since there were many of late.", func(s *snapshot) uint64 { return s.tables.ContactsRefused }),
	counter("zone_contacts_total", "Attempts to reach child zones that went.", func(s *snapshot) uint64 { return s.tables.Contacts }),
	counter("zones_lost_total", "Child zones whose last row expired.", func(s *snapshot) uint64 { return s.tables.ZonesLost }),
	counter("zone_answers_refused_total", "Answers about tables that were not sent because a round's room was used up.", func(s *snapshot) uint64 { return s.tables.AnswersRefused }),
	counter("zone_evaluations_total", "Evaluations of functions for zones.", func(s *snapshot) uint64 { return s.tables.Evaluations }),
	counter("zone_evaluations_failed_total", "Evaluations that failed because the zone has more rows than the steps of a function allow.", func(s *snapshot) uint64 { return s.tables.EvaluationsFailed }),
	counter("zone_outputs_dropped_total", "Outputs of functions that another function makes, or for which a zone's row had no room.", func(s *snapshot) uint64 { return s.tables.OutputsDropped }),
	counter("zone_questions_total", "Times that this node asked others for a table, a row or a blob that it does not hold.", func(s *snapshot) uint64 { return s.tables.Questions }),
	counter("zone_questions_failed_total", "Of those, that were not answered, or not as they should be.", func(s *snapshot) uint64 { return s.tables.QuestionsFailed }),
	counter("zone_asks_sent_total", "Pieces of answers that this node asked for.", func(s *snapshot) uint64 { return s.tables.AsksSent }),
	counter("zone_asks_received_total", "Pieces of answers that this node was asked for.", func(s *snapshot) uint64 { return s.tables.AsksReceived }),
	counter("zone_asks_refused_total", "Of those, that were not sent because a round's room was used up, or because there is no such piece.", func(s *snapshot) uint64 { return s.tables.AsksRefused }),
	counter("zone_pieces_sent_total", "Pieces of answers sent.", func(s *snapshot) uint64 { return s.tables.PiecesServed }),
	counter("zone_pieces_received_total", "Pieces of answers received.", func(s *snapshot) uint64 { return s.tables.PiecesReceived }),
	counter("zone_pieces_unasked_total", "Pieces of answers that no question waits for.", func(s *snapshot) uint64 { return s.tables.PiecesUnasked }),
	gauge("host_rows", "Rows that this node keeps beside the one in its zone's table.", func(s *snapshot) int { return s.tables.OwnRows }),
	gauge("blobs", "Blobs that this node keeps for its own rows.", func(s *snapshot) int { return s.tables.BlobsOwn }),
	gauge("blobs_cached", "Blobs that this node keeps of others.", func(s *snapshot) int { return s.tables.BlobsCached }),
	gauge("blobs_cached_bytes", "Bytes of those.", func(s *snapshot) int { return s.tables.BlobsCachedBytes }),
	counter("blobs_forged_total", "Blobs that came and are not what their hashes say.", func(s *snapshot) uint64 { return s.tables.BlobsForged }),
	counter("zone_audits_total", "Rows of representatives of this node's zones that were looked into.", func(s *snapshot) uint64 { return s.tables.Audits }),
	counter("zone_audit_mismatches_total", "Rows of zones that say something else than what follows from their inputs.", func(s *snapshot) uint64 { return s.tables.AuditMismatches }),
	counter("zone_audits_unlike_total", "Rows of zones that cannot be judged, because they are by the rules of another build.", func(s *snapshot) uint64 { return s.tables.AuditsUnlike }),
	counter("zone_rows_unaudited_total", "Rows of zones that do not say what they were made of, as of an earlier build.", func(s *snapshot) uint64 { return s.tables.RowsUnaudited }),
	counter("zone_audit_questions_total", "Questions for what a row was made of.", func(s *snapshot) uint64 { return s.tables.AuditQuestions }),
	counter("zone_audit_answers_total", "Complete answers to them.", func(s *snapshot) uint64 { return s.tables.AuditAnswers }),
	counter("zone_accounts_gone_total", "Questions of others for what is not kept any longer.", func(s *snapshot) uint64 { return s.tables.AccountsGone }),
	counter("zone_account_pieces_sent_total", "Pieces of answers sent.", func(s *snapshot) uint64 { return s.tables.AccountPiecesSent }),
	counter("zone_account_pieces_received_total", "Pieces of answers received.", func(s *snapshot) uint64 { return s.tables.AccountPiecesReceived }),
	counter("zone_proofs_made_total", "Proofs of false summaries that this node has made.", func(s *snapshot) uint64 { return s.tables.ProofsMade }),
	counter("zone_proofs_too_large_total", "Proofs of false summaries that are too large to be passed on.", func(s *snapshot) uint64 { return s.tables.ProofsTooLarge }),
	counter("zone_unaccounted_total", "Representatives that this node has left out for a while, because they do not account for their rows.", func(s *snapshot) uint64 { return s.tables.Unaccounted }),
	counter("zone_bars_full_total", "Representatives that would have been left out as well, beyond as many as may be at a time.", func(s *snapshot) uint64 { return s.tables.BarsFull }),
	counter("zone_rows_barred_total", "Rows of these that were refused.", func(s *snapshot) uint64 { return s.tables.RowsBarred }),
	gauge("functions", "Functions that this node holds, those that took others back among them.", func(s *snapshot) int { return s.tables.Functions }),
	counter("functions_taken_total", "Functions taken in, also for older versions.", func(s *snapshot) uint64 { return s.tables.FunctionsTaken }),
	counter("functions_expired_total", "Functions that expired or were revoked.", func(s *snapshot) uint64 { return s.tables.FunctionsExpired }),
	counter("functions_refused_total", "Functions that came and may not be in force here.", func(s *snapshot) uint64 { return s.tables.FunctionsRefused }),
	counter("functions_unkept_total", "Functions that there was no room for among those that are kept for the next start, each time that they are kept.", func(s *snapshot) uint64 { return s.tables.FunctionsUnkept }),
	counter("functions_keep_failed_total", "Times that functions could not be kept for the next start.", func(s *snapshot) uint64 { return s.tables.FunctionsKeepFailed }),
	counter("functions_full_total", "Functions beyond what a zone may have.", func(s *snapshot) uint64 { return s.tables.FunctionsFull }),
	counter("function_parts_sent_total", "Pieces of functions sent.", func(s *snapshot) uint64 { return s.tables.PartsSent }),
	counter("function_parts_received_total", "Pieces of functions received.", func(s *snapshot) uint64 { return s.tables.PartsReceived }),
	counter("function_parts_dropped_total", "Pieces of functions that belong to nothing, or for which there was no room.", func(s *snapshot) uint64 { return s.tables.PartsDropped }),

	counter("messages_published_total", "Messages that this node published.", func(s *snapshot) uint64 { return s.bimodal.MessagesPublished }),
	counter("messages_delivered_total", "Messages delivered to subscriptions of this node, each counted once whatever the number of subscriptions.", func(s *snapshot) uint64 { return s.bimodal.MessagesDelivered }),
	counter("messages_lost_total", "Messages of subscribed topics that this node could not get. The application was told of each gap.", func(s *snapshot) uint64 { return s.bimodal.MessagesLost }),
	counter("messages_spared_total", "Messages passed over because the rating of their topic is below 1.", func(s *snapshot) uint64 { return s.bimodal.MessagesSpared }),
	counter("packets_spared_total", "Packets received though the rating of their topic leaves them out: publishers do not know the rating yet, or know no ratings.", func(s *snapshot) uint64 { return s.bimodal.PacketsSpared }),
	counter("rating_levels_merged_total", "Times that the subscribers of a topic had more ratings than are told apart. Some are sent packets that they drop.", func(s *snapshot) uint64 { return s.bimodal.LevelsMerged }),
	counter("dispatches_ended_total", "Ways to hand packets on that were given up because a topic had too many, for its ratings and zones.", func(s *snapshot) uint64 { return s.bimodal.DispatchesEnded }),
	counter("interest_refused_total", "Times that the row of this node had no room for the topics that it wants, or their ratings.", func(s *snapshot) uint64 { return s.bimodal.InterestRefused }),
	counter("streams_rewound_total", "Times that a stream of a topic went back, for what a lower rating had left out.", func(s *snapshot) uint64 { return s.bimodal.Rewinds }),
	counter("gaps_total", "Gaps that applications were told of.", func(s *snapshot) uint64 { return s.bimodal.Gaps }),
	counter("packets_received_total", "Packets of topics received, duplicates included.", func(s *snapshot) uint64 { return s.bimodal.PacketsReceived }),
	counter("packets_duplicate_total", "Packets received that were there already.", func(s *snapshot) uint64 { return s.bimodal.PacketsDuplicate }),
	counter("packets_repaired_total", "Packets that were lost on the first way and came by gossip.", func(s *snapshot) uint64 { return s.bimodal.PacketsRepaired }),
	counter("packets_evicted_total", "Packets dropped from the repair buffer before their time because it was full. If it grows, members that lose packets may get gaps.", func(s *snapshot) uint64 { return s.bimodal.PacketsEvicted }),
	counter("packets_evicted_long_total", "Of those: packets that this node held as one of their bufferers.", func(s *snapshot) uint64 { return s.bimodal.LongEvicted }),
	gauge("packets_evicted_age_rounds", "Age, in rounds of 100 ms, of the packet that was last evicted in its short phase (4 rounds): what that has shrunk to. 0 when none ever was.", func(s *snapshot) int { return s.bimodal.EvictedAge }),
	gauge("packets_evicted_long_age_rounds", "The same of those that this node held as one of their bufferers: what life (20 rounds) has shrunk to.", func(s *snapshot) int { return s.bimodal.LongEvictedAge }),
	counter("buffer_blocks_kept_total", "Blocks of 16 packets of which this node found itself to be one of the bufferers.", func(s *snapshot) uint64 { return s.bimodal.BlocksKept }),
	counter("buffer_blocks_passed_total", "Blocks of 16 packets that this node left to other members.", func(s *snapshot) uint64 { return s.bimodal.BlocksPassed }),
	counter("polls_to_bufferers_total", "Polls sent to the bufferers of packets that were missing beyond their short phase.", func(s *snapshot) uint64 { return s.bimodal.PollsToBufferers }),
	counter("polls_to_authors_total", "Polls sent to authors about ends of streams that other members told of and did not prove.", func(s *snapshot) uint64 { return s.bimodal.PollsToAuthors }),
	counter("polls_unheld_total", "Polls received for packets of which this node held none. Many mean that members disagree on who is there.", func(s *snapshot) uint64 { return s.bimodal.PollsUnheld }),
	counter("packets_corrupt_total", "Packets that members handed on, and that their authors have not made. They were not delivered; the log names the members.", func(s *snapshot) uint64 { return s.bimodal.PacketsCorrupt }),
	counter("packets_forbidden_total", "Packets of authors that may not publish to the topic, and requests for packets by members that may not subscribe to it.", func(s *snapshot) uint64 { return s.bimodal.AuthorsForbidden + s.bimodal.NumbersForbidden }),
	counter("packets_unproven_total", "Packets handed on that were dropped because nothing proved in time that their author made them, or nobody knew the author.", func(s *snapshot) uint64 { return s.bimodal.SuspectsExpired }),
	counter("authors_unknown_total", "Packets handed on, and ends of streams told of, whose author was not known then; who handed them on is asked.", func(s *snapshot) uint64 { return s.bimodal.AuthorsUnknown }),
	counter("packets_on_trial_refused_total", "Packets handed on that found no room to wait for their proof.", func(s *snapshot) uint64 { return s.bimodal.SuspectsRefused }),
	gauge("packets_on_trial_bytes", "Bytes of packets handed on that wait for their proof.", func(s *snapshot) int { return s.bimodal.SuspectBytes }),
	counter("manifests_signed_total", "Signatures made for packets of this node, each for up to 33.", func(s *snapshot) uint64 { return s.bimodal.ManifestsSigned }),
	counter("manifests_alone_total", "Of those: in packets that carry nothing else.", func(s *snapshot) uint64 { return s.bimodal.ManifestsAlone }),
	counter("manifests_single_total", "Of those: for one packet alone, because not all subscribers want those behind it.", func(s *snapshot) uint64 { return s.bimodal.PacketsSigned }),
	counter("manifests_verified_total", "Signatures of packets of others that were verified.", func(s *snapshot) uint64 { return s.bimodal.ManifestsVerified }),
	counter("manifests_refused_total", "Signatures of packets of others that were not looked at, because more came in a round than are verified. The packets come again, or are looked at later.", func(s *snapshot) uint64 { return s.bimodal.ManifestsRefused }),
	counter("authors_contradictory_total", "Pairs of different packets under one number, both signed by their author.", func(s *snapshot) uint64 { return s.bimodal.AuthorsContradictory }),
	gauge("peers_shunned", "Members that have handed on corrupt packets of late, and to which this node does not listen.", func(s *snapshot) int { return s.bimodal.PeersShunned }),
	counter("digests_shunned_total", "Digests of such members that were ignored.", func(s *snapshot) uint64 { return s.bimodal.DigestsShunned }),
	counter("packets_shunned_total", "Packets handed on by such members that were ignored.", func(s *snapshot) uint64 { return s.bimodal.PacketsShunned }),
	counter("claims_refused_total", "Ends of streams that members told of and that there was no room to look into.", func(s *snapshot) uint64 { return s.bimodal.ClaimsRefused }),
	counter("doubts_refused_total", "Ends of streams that members told of and that there was no room to ask the author for.", func(s *snapshot) uint64 { return s.bimodal.DoubtsRefused }),
	counter("repairs_unproven_total", "Packets asked for and not sent, because nothing here proved them.", func(s *snapshot) uint64 { return s.bimodal.NumbersUnproven }),
	counter("digests_sent_total", "Digests of gossip sent.", func(s *snapshot) uint64 { return s.bimodal.DigestsSent }),
	counter("digests_received_total", "Digests of gossip received.", func(s *snapshot) uint64 { return s.bimodal.DigestsReceived }),
	counter("requests_sent_total", "Requests for missing packets sent.", func(s *snapshot) uint64 { return s.bimodal.RequestsSent }),
	counter("requests_received_total", "Requests for missing packets received.", func(s *snapshot) uint64 { return s.bimodal.RequestsReceived }),
	counter("requests_stale_total", "Requests refused because the requester was too late to be a healthy member.", func(s *snapshot) uint64 { return s.bimodal.RequestsStale }),
	counter("packets_relayed_total", "Copies of packets of other members that this node handed on.", func(s *snapshot) uint64 { return s.bimodal.PacketsRelayed }),
	counter("relays_delayed_total", "Packets that had to wait to be handed on because it was not known to whom.", func(s *snapshot) uint64 { return s.bimodal.RelaysDelayed }),
	counter("relays_lost_total", "Packets that were not handed on: it did not become known to whom in time, too many waited, or no contact of a zone is known. Gossip has to repair them.", func(s *snapshot) uint64 {
		return s.bimodal.RelaysExpired + s.bimodal.RelaysRefused + s.bimodal.ZonesUnreached
	}),
	gauge("zones_barred", "Zones that are not sent a topic of this node which they want, because none of their representatives may subscribe to it, summed over topics.", func(s *snapshot) int { return s.bimodal.ZonesBarred }),
	gauge("topics_carried", "Topics that this node carries for its zone without wanting them.", func(s *snapshot) int { return s.bimodal.Carries }),
	counter("topics_carried_total", "Times that this node began to carry a topic.", func(s *snapshot) uint64 { return s.bimodal.CarriesBegun }),
	counter("topics_carried_ended_total", "Times that it ended.", func(s *snapshot) uint64 { return s.bimodal.CarriesEnded }),
	counter("topics_carried_refused_total", "Times that a topic was not carried because there are too many, or the row has no room.", func(s *snapshot) uint64 { return s.bimodal.CarriesRefused }),
	counter("topic_names_asked_total", "Names of topics to be carried that were asked for.", func(s *snapshot) uint64 { return s.bimodal.NamesAsked }),
	counter("receipts_sent_total", "Times that this node said that packets which enter its zone arrive.", func(s *snapshot) uint64 { return s.bimodal.ReceiptsSent }),
	counter("receipts_refused_total", "Times that it did not because too many members send such packets.", func(s *snapshot) uint64 { return s.bimodal.ReceiptsRefused }),
	counter("zone_contacts_silent_total", "Times that a representative of another zone did not say so, and packets were sent to the others.", func(s *snapshot) uint64 { return s.bimodal.ContactsSilent }),
	counter("author_keys_wanted_total", "Times that members were asked for the credential of an author that this node does not know.", func(s *snapshot) uint64 { return s.bimodal.KeysWanted }),
	counter("author_keys_learned_total", "Credentials of authors of other zones that became known.", func(s *snapshot) uint64 { return s.bimodal.KeysLearned }),
	counter("author_keys_refused_total", "Authors that were not asked for because too many others were.", func(s *snapshot) uint64 { return s.bimodal.KeysRefused }),
	counter("orders_made_total", "Times that this node decided who hands its packets on to whom. It grows with members that come, go, or become slow.", func(s *snapshot) uint64 { return s.bimodal.OrdersMade }),
	counter("order_members_left_out_total", "Members that had no room in the orders that this node made.", func(s *snapshot) uint64 { return s.bimodal.MembersUnordered }),
	gauge("orders_incomplete", "Orders of which parts are missing here.", func(s *snapshot) int { return s.bimodal.OrdersPending }),
	gauge("relays_waiting", "Packets that wait to be handed on until it is known to whom.", func(s *snapshot) int { return s.bimodal.RelaysHeld }),
	counter("orders_evicted_total", "Senders whose orders were forgotten because there were too many.", func(s *snapshot) uint64 { return s.bimodal.OrdersEvicted }),
	counter("repairs_sent_total", "Packets sent again for others.", func(s *snapshot) uint64 { return s.bimodal.RepairsSent }),
	counter("repair_bytes_sent_total", "Bytes of packets sent again for others.", func(s *snapshot) uint64 { return s.bimodal.RepairBytesSent }),
	counter("repairs_deferred_total", "Times that repairs had to wait because the round's budget was used up.", func(s *snapshot) uint64 { return s.bimodal.RepairsDeferred }),
	counter("repairs_expired_total", "Repairs that waited too long for the budget; the requesters have asked others meanwhile.", func(s *snapshot) uint64 { return s.bimodal.RepairsExpired }),
	counter("repairs_displaced_total", "Repairs that gave way to those of others, because too many waited.", func(s *snapshot) uint64 { return s.bimodal.RepairsDisplaced }),
	gauge("repairs_waiting", "Repairs that wait for the budget of a round.", func(s *snapshot) int { return s.bimodal.RepairsWaiting }),
	counter("assemblies_refused_total", "Messages larger than a packet that were lost because too many were being put together. The application was told of each gap.", func(s *snapshot) uint64 { return s.bimodal.AssembliesRefused }),
	counter("multicast_packets_sent_total", "Packets of this node that went to a multicast group.", func(s *snapshot) uint64 { return s.bimodal.PacketsMulticast }),
	counter("multicast_band_packets_sent_total", "Of those: to the group of a band of a topic of which some subscribers do not want everything.", func(s *snapshot) uint64 { return s.bimodal.PacketsBanded }),
	counter("multicast_fallbacks_total", "Times that a multicast group was given up because hardly anybody answered its probes: the network has stopped forwarding it.", func(s *snapshot) uint64 { return s.bimodal.MulticastFallbacks }),
	counter("multicast_packets_resent_total", "Copies of packets sent again because their multicast group had failed.", func(s *snapshot) uint64 { return s.bimodal.PacketsResent }),
	counter("multicast_repairs_sent_total", "Packets repaired by way of a multicast group.", func(s *snapshot) uint64 { return s.bimodal.RepairsMulticast }),
	counter("multicast_probes_received_total", "Probes of others heard by multicast.", func(s *snapshot) uint64 { return s.bimodal.ProbesHeard }),
	counter("multicast_answers_received_total", "Answers to this node's probes, complaints included.", func(s *snapshot) uint64 { return s.bimodal.AnswersHeard }),
	counter("multicast_complaints_sent_total", "Times that this node told a publisher that it no longer hears its multicast.", func(s *snapshot) uint64 { return s.bimodal.ComplaintsSent }),
	counter("multicast_probes_sent_total", "Probes sent to multicast groups to find out who hears them.", func(s *snapshot) uint64 { return s.bimodal.ProbesSent }),
	gauge("multicast_targets", "Subscribers that are known to hear the multicast of the topics that this node publishes to, summed over topics and their bands.", func(s *snapshot) int { return s.bimodal.MulticastTargets }),
	gauge("publish_rate_bytes", "Bytes a second that this node may publish to the topic that its subscribers slow most, of those with an adaptive rate that it publishes to; 0 when there is none.", func(s *snapshot) int { return int(s.bimodal.RateAllowed) }),
	gauge("crowd_lag_packets", "Packets that the subscribers of that topic are behind, at the quantile that counts (half of them).", func(s *snapshot) int { return s.bimodal.CrowdLag }),
	gauge("peers_lagging", "Members that do not keep up with what this node publishes, while most do.", func(s *snapshot) int { return s.bimodal.PeersLagging }),
	counter("publish_rate_decreases_total", "Times that the subscribers of a topic fell behind and this node lowered its rate.", func(s *snapshot) uint64 { return s.bimodal.RateDecreases }),
	counter("lag_reports_received_total", "Reports of the lag of members that gossip brought.", func(s *snapshot) uint64 { return s.bimodal.ReportsReceived }),
	counter("streams_refused_total", "Streams whose messages are not delivered because too many others are followed.", func(s *snapshot) uint64 { return s.bimodal.StreamsRefused }),
	gauge("streams", "Streams (publisher and topic) that this node follows.", func(s *snapshot) int { return s.bimodal.Streams }),
	gauge("buffered_bytes", "Bytes held for repairing others and for order.", func(s *snapshot) int { return s.bimodal.BufferedBytes }),
	gauge("buffered_packets", "Packets held for repairing others and for order.", func(s *snapshot) int { return s.bimodal.BufferedPackets }),
	gauge("buffered_long_bytes", "Bytes of those that this node holds beyond the short phase, as one of the packets' bufferers.", func(s *snapshot) int { return s.bimodal.LongBytes }),
	gauge("buffered_long_packets", "Packets that this node holds beyond the short phase, as one of their bufferers.", func(s *snapshot) int { return s.bimodal.LongPackets }),
	counter("pushes_over_quota_total", "Packets on their first way that were dropped because a member, or all together, sent more than this node takes up. spinglass_dropped_total tells by reason.", func(s *snapshot) uint64 { return s.quotas.Refused[stack.ClassPush] }),
	counter("requests_over_quota_total", "The same of digests, requests, polls and probes of groups.", func(s *snapshot) uint64 { return s.quotas.Refused[stack.ClassRequest] }),
	counter("replies_over_quota_total", "The same of repairs and answers.", func(s *snapshot) uint64 { return s.quotas.Refused[stack.ClassReply] }),
	counter("membership_over_quota_total", "The same of messages of membership.", func(s *snapshot) uint64 { return s.quotas.Refused[stack.ClassMembership] }),
	counter("quota_sources_crowded_total", "Members that share the quotas of strangers because there are too many.", func(s *snapshot) uint64 { return s.quotas.Crowded }),
	gauge("groups", "Groups that this node is in, or looks for.", func(s *snapshot) int { return s.groups.Groups }),
	gauge("groups_seeking", "Of them: in no view.", func(s *snapshot) int { return s.groups.Seeking }),
	gauge("groups_member", "Of them: in a view.", func(s *snapshot) int { return s.groups.Members }),
	gauge("groups_outside", "Of them: no majority of the view can be reached.", func(s *snapshot) int { return s.groups.Outside }),
	gauge("groups_changing", "Of them: the view is being changed.", func(s *snapshot) int { return s.groups.Blocked }),
	gauge("group_queue_bytes", "Bytes of groups that wait for the application.", func(s *snapshot) int { return s.waiting }),
	gauge("group_held_bytes", "Bytes of messages of groups that are not known to be stable.", func(s *snapshot) int { return s.groups.Held }),
	gauge("group_held_bytes_most", "The most bytes of such messages since the start.", func(s *snapshot) int { return s.groups.HeldMost }),
	gauge("group_state_waiting_bytes", "Bytes of messages of groups that wait for the state of this member.", func(s *snapshot) int { return s.groups.Queued }),
	gauge("group_state_waiting_bytes_most", "The most bytes of such messages since the start.", func(s *snapshot) int { return s.groups.QueuedMost }),
	counter("group_slow_total", "Times that this node left a group because its application was too slow.", func(s *snapshot) uint64 { return s.node.groupsSlow.Load() }),
	counter("group_observations_dropped_total", "Events of groups of which their state machines were not told, since too many came while a state was taken in.", func(s *snapshot) uint64 { return s.node.groupsUnobserved.Load() }),
	counter("group_casts_total", "Messages that this node cast to groups.", func(s *snapshot) uint64 { return s.groups.Cast }),
	counter("group_cast_bytes_total", "Bytes of them.", func(s *snapshot) uint64 { return s.groups.CastBytes }),
	counter("group_casts_blocked_total", "Times that a message had to wait because the view was being changed.", func(s *snapshot) uint64 { return s.groups.CastsBlocked }),
	counter("group_casts_full_total", "Times that a message had to wait because too much of what this node cast was not stable.", func(s *snapshot) uint64 { return s.groups.CastsFull }),
	counter("group_deliveries_total", "Messages of groups delivered.", func(s *snapshot) uint64 { return s.groups.Delivered }),
	counter("group_delivery_bytes_total", "Bytes of them.", func(s *snapshot) uint64 { return s.groups.DeliveredBytes }),
	counter("group_views_total", "Views of groups that this node has installed.", func(s *snapshot) uint64 { return s.groups.ViewsInstalled }),
	counter("group_views_founded_total", "Groups that this node has founded.", func(s *snapshot) uint64 { return s.groups.ViewsFounded }),
	counter("group_flushes_led_total", "Changes of views that this node began to lead.", func(s *snapshot) uint64 { return s.groups.FlushesLed }),
	counter("group_blocked_seconds_total", "Time in which this node could not cast because views were being changed, all groups together.", func(s *snapshot) uint64 { return uint64(s.groups.BlockedTime) / 1e9 }),
	counter("group_suspicions_total", "Members of groups that this node took for failed by itself.", func(s *snapshot) uint64 { return s.groups.Suspicions }),
	counter("group_suspicions_told_total", "Members of groups that this node took for failed by the word of another one.", func(s *snapshot) uint64 { return s.groups.SuspicionsTold }),
	counter("group_ejections_total", "Times that a group went on without this node.", func(s *snapshot) uint64 { return s.groups.Ejections }),
	counter("group_rejoins_total", "Times that it was taken in again.", func(s *snapshot) uint64 { return s.groups.Rejoins }),
	counter("group_merges_total", "Of the ejections: because the group was founded twice. If it grows, let fewer members found groups.", func(s *snapshot) uint64 { return s.groups.Merges }),
	counter("group_outside_total", "Times that no majority of a group could be reached.", func(s *snapshot) uint64 { return s.groups.OutsideTimes }),
	counter("group_recoveries_total", "Views of groups that this node made without a majority, as a person wanted.", func(s *snapshot) uint64 { return s.groups.Recoveries }),
	counter("group_recoveries_refused_total", "Times that such a recovery came to nothing.", func(s *snapshot) uint64 { return s.groups.RecoveriesRefused }),
	counter("group_held_refused_total", "Messages of groups that were passed over since there was no room, and pulled later.", func(s *snapshot) uint64 { return s.groups.HeldRefused }),
	counter("group_gaps_total", "Gaps in what the multicast delivered of messages of groups; what is missing is pulled.", func(s *snapshot) uint64 { return s.groups.Gaps }),
	counter("group_pulls_total", "Times that messages of groups were asked for.", func(s *snapshot) uint64 { return s.groups.Pulls }),
	counter("group_pulled_total", "Messages of groups that came so.", func(s *snapshot) uint64 { return s.groups.MessagesPulled }),
	counter("group_pulls_taken_total", "Times that this node was asked for messages of groups.", func(s *snapshot) uint64 { return s.groups.PullsTaken }),
	counter("group_pulls_empty_total", "Of them: it had none.", func(s *snapshot) uint64 { return s.groups.PullsEmpty }),
	counter("group_rounds_total", "Rounds of stability that this node has closed.", func(s *snapshot) uint64 { return s.groups.RoundsClosed }),
	counter("group_stability_sent_total", "Messages sent about what is stable.", func(s *snapshot) uint64 { return s.groups.StabilitySent }),
	counter("group_orders_total", "Messages sent that order others.", func(s *snapshot) uint64 { return s.groups.OrdersSent }),
	counter("group_terms_total", "Times that this node took over ordering the messages of a group.", func(s *snapshot) uint64 { return s.groups.TermsTaken }),
	counter("group_order_conflicts_total", "Ejections because of an order that the others did not keep to.", func(s *snapshot) uint64 { return s.groups.OrderConflicts }),
	counter("group_states_given_total", "States of groups that this node was asked for.", func(s *snapshot) uint64 { return s.groups.SnapshotsGiven }),
	counter("group_states_refused_total", "Of them: not given, for want of room or because the application gave none.", func(s *snapshot) uint64 { return s.groups.SnapshotsRefused }),
	counter("group_states_taken_total", "States of groups that this node was given.", func(s *snapshot) uint64 { return s.groups.StatesTaken }),
	counter("group_states_restarted_total", "Times that another member had to give a state anew.", func(s *snapshot) uint64 { return s.groups.StatesRestarted }),
	counter("group_state_bytes_sent_total", "Bytes of states given.", func(s *snapshot) uint64 { return s.groups.StateBytesSent }),
	counter("group_state_bytes_received_total", "Bytes of states taken.", func(s *snapshot) uint64 { return s.groups.StateBytesRead }),
	counter("group_states_held_total", "Times that a state had to wait at the member that gave it, since this node's application had not taken in what had come.", func(s *snapshot) uint64 { return s.groups.StatesHeld }),
	counter("group_publish_failed_total", "Messages of groups that the multicast did not take: they are sent again, or refused.", func(s *snapshot) uint64 { return s.groups.PublishFailed }),
	counter("group_seeks_total", "Calls for groups that this node has sent: to be taken in, or with all its weight.", func(s *snapshot) uint64 { return s.groups.SeeksSent }),
	counter("group_checks_total", "Comparisons of views sent to other members.", func(s *snapshot) uint64 { return s.groups.ChecksSent }),
	counter("group_attempts_spent_total", "Attempts to join groups beyond the limit of one run. If it grows, restart the node.", func(s *snapshot) uint64 { return s.groups.AttemptsSpent }),
	counter("group_refused_total", "Messages of groups for which there was no room: of views to come, in parts, of joiners.", func(s *snapshot) uint64 {
		return s.groups.FutureRefused + s.groups.PartsRefused + s.groups.PartsEvicted + s.groups.JoinersFull
	}),
	gauge("subscriptions", "Subscriptions of this node's application.", func(s *snapshot) int { return s.readers }),
	gauge("subscription_queue_bytes", "Bytes that wait in subscriptions for the application.", func(s *snapshot) int { return s.queued }),
}

// collector implements prometheus.Collector.
type collector struct {
	node      *Node
	live      []*prometheus.Desc
	protocols []*prometheus.Desc
	dropped   *prometheus.Desc
	peers     *prometheus.Desc
}

// Metrics returns the node's metrics, for a registry of the caller's choice. Their names begin with spinglass_.
func (n *Node) Metrics() prometheus.Collector {
	return &collector{
		node: n, live: describe(liveMetrics), protocols: describe(protocolMetrics),
		dropped: prometheus.NewDesc("spinglass_dropped_total", "Input that was dropped, by reason: damaged or unknown datagrams, messages out of bounds, full queues.", []string{"reason"}, nil),
		peers:   prometheus.NewDesc("spinglass_peers", "Other members, by state: up, suspect, down or left.", []string{"state"}, nil),
	}
}

func describe(metrics []metric) []*prometheus.Desc {
	descriptions := make([]*prometheus.Desc, len(metrics))
	for i, m := range metrics {
		descriptions[i] = prometheus.NewDesc("spinglass_"+m.name, m.help, nil, nil)
	}
	return descriptions
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(descriptions chan<- *prometheus.Desc) {
	for _, d := range append(append([]*prometheus.Desc{c.dropped, c.peers}, c.live...), c.protocols...) {
		descriptions <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(metrics chan<- prometheus.Metric) {
	s := &snapshot{node: c.node, live: c.node.live.Stats()}
	emit(metrics, c.live, liveMetrics, s)
	for reason, count := range s.live.Drops {
		metrics <- prometheus.MustNewConstMetric(c.dropped, prometheus.CounterValue, float64(count), string(reason))
	}
	ctx, cancel := context.WithTimeout(context.Background(), metricsWait)
	defer cancel()
	if c.node.call(ctx, func(protocol.Time, *protocol.Output) { c.node.fill(s) }) != nil {
		return
	}
	emit(metrics, c.protocols, protocolMetrics, s)
	for state, name := range peerStates {
		metrics <- prometheus.MustNewConstMetric(c.peers, prometheus.GaugeValue, float64(s.states[state]), string(name))
	}
}

func emit(out chan<- prometheus.Metric, descriptions []*prometheus.Desc, metrics []metric, s *snapshot) {
	for i, m := range metrics {
		out <- prometheus.MustNewConstMetric(descriptions[i], m.kind, m.value(s))
	}
}

// fill takes a snapshot, on the loop.
func (n *Node) fill(s *snapshot) {
	s.membership, s.bimodal, s.quotas = n.stack.Membership.Stats(), n.stack.Bimodal.Stats(), n.stack.QuotaStats()
	s.tables, s.groups = n.stack.Tables.Stats(), n.stack.Groups.Stats()
	for _, g := range n.groups {
		s.waiting += g.waiting()
	}
	s.directory, s.patterns = n.stack.DirectoryStats(), n.stack.PatternStats()
	s.states = map[membership.State]int{}
	for _, p := range n.stack.Membership.Peers() {
		s.states[p.State]++
		if p.Unreachable {
			s.unreach++
		}
		if p.State == membership.StateUp && p.Peer.Format < wire.FormatLatest {
			s.earlier++
		}
	}
	for _, subscriptions := range n.subscriptions {
		for _, subscription := range subscriptions {
			s.readers++
			s.queued += subscription.waiting()
		}
	}
	for _, subscription := range n.patterns {
		s.readers++
		s.queued += subscription.waiting()
	}
}
