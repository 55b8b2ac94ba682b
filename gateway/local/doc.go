// Package local is the door between an agent and the commands on the same machine: HTTP/1.1 on a unix socket in the agent's data
// directory, or on loopback TCP with a token.
//
// # Vocabulary
//
//   - The agent is the process that runs a [spinglass.Node] and a [Server].
//   - A command is a process that talks to it through a [Client].
//   - A stream is a request that lasts: publishing, subscribing and following events.
//   - A frame is one unit of a stream of messages: a length (unsigned varint) and as many bytes.
//
// # Endpoints
//
//	GET  /v1/status                    a [Status]
//	GET  /v1/peers                     {"peers": [[Peer], ...]}, the node itself first
//	GET  /v1/zones                     {"zones": [...]}, whose tables the agent holds, from the root to its own
//	GET  /v1/rows                      the [Table] of the agent's zone; ?zone=PATH of another one, which other members are asked for if need be
//	GET  /v1/row                       the agent's own [Row]; ?name=PATH that of a host or a zone
//	PATCH /v1/row                      sets what the body, {"attributes": {...}}, has ([Attributes]) in the agent's row, and removes what is null there: all or nothing; ?row=NAME
//	                                   in a further row that the agent keeps, below its own name
//	PUT  /v1/blob?attribute=NAME       keeps the body, of up to 64 KiB, for an attribute of the agent's row, which becomes its hash
//	GET  /v1/blob?name=PATH&attribute=NAME   the bytes that such an attribute of a row stands for
//	GET  /v1/functions                 {"functions": [[Function], ...]} that the agent holds
//	POST /v1/functions                 installs a function: {"program": "...", "chain": BASE64} with the encoded chain of its certificate; where nodes have no identities
//	                                   {"name": "...", "zone": PATH, "version": N, "expires": RFC3339, "program": "..."}, without a version the next one, without an expiry a day
//	POST /v1/functions/trial           what the program of {"zone": PATH, "program": "..."} makes of the zone's rows: a [Trial]; it is not installed
//	POST /v1/sql                       does the statement {"query": "..."} of SQL: a [SQLResult]; see package gateway/sql
//	GET  /v1/topics                    {"topics": [[Topic], ...]} that match ?pattern=PATTERN, # if none is given
//	POST /v1/topics/{topic}/messages   the body holds frames, each a message; the answer is a [Published], after the last message was
//	                                   handed to the network
//	GET  /v1/topics/{topic}/messages   frames of type application/vnd.spinglass.frames; ?queue=BYTES bounds the subscription's queue, rating=FRACTION
//	                                   says what is wanted, last=MESSAGES or buffered=all what of the past; latest=1 has the queue keep only the
//	                                   newest message of each publisher and topic; the topic may be a pattern
//	POST /v1/patterns/messages         the same of {"patterns": {PATTERN: RATING, ...}}, of which the most specific one counts that matches a topic, with the other options
//	GET  /v1/groups                    {"groups": [[Group], ...]} that the agent is in
//	GET  /v1/groups/{name}/events      joins a group for as long as the request lasts: one [GroupEvent] per line, as JSON; ?order=fifo|causal|total, weight=N,
//	                                   found_after=DURATION, queue=BYTES
//	POST /v1/groups/{name}/messages    casts the frames of the body to a group that is joined so; the answer is a [Published], after all are stable
//	POST /v1/groups/{name}/recovery?majority=lost   has a group go on that the agent is in, without a majority of its view, which is gone for good; the answer, after a few
//	                                   seconds, is its [Group]
//	GET  /v1/events                    one [Event] per line, as JSON
//	GET  /metrics                      counters in the Prometheus text format
//
// A topic, or the name of a group, is one escaped path segment: the topic a/b is a%2Fb. An error is answered with a status of 400 or more and the JSON
// object {"error": "..."}; an error of publishing also says how much was published before it, as "published" and "bytes".
//
// # Frames of a subscription
//
// The first byte of a frame is its kind. A message (1) continues with the author's name (uvarint length and bytes), the author's
// NodeID (8 bytes, big-endian), its sequence number (uvarint) and the payload, which fills the rest. A message of a subscription to a
// pattern (4) has its topic (uvarint length and bytes) before these. A gap (2) and the end (3)
// continue with a JSON object. The header of the answer is sent when the subscription is active at the agent; the other members
// learn of it by gossip, a moment later. A stream that stops without the end frame was cut, so a client can tell an agent
// that went away from one that ended the stream; the end frame carries why.
//
// # Contract
//
// Every length, queue and number of requests has a limit in limits.go. Answers are written in batches while the node is busy, and
// at once when it is idle. A subscriber that reads too slowly fills the queue of its subscription in the node, which tells the
// loss as a gap.
//
// The socket has mode 0600 from the moment it exists. On TCP only loopback addresses are accepted, and each request must carry
// the token from the file api.token (mode 0600) of the data directory: "Authorization: Bearer TOKEN".
//
// # Limitations
//
// Two agents with different data directories that are given the same socket path at the same instant may both take it for stale.
// Where the file system cannot lock, only a dial tells a living agent from a stale socket.
package local
