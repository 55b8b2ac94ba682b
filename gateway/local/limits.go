package local

import (
	"time"

	"spinglass/wire"
)

// Limits of the interface. Lengths are in bytes.
const (
	// MessageMax is the longest message that can be published.
	MessageMax = wire.MessageMax
	// SocketPathMax is the longest path that a unix socket can have on Linux.
	SocketPathMax = 107

	frameOverheadMax = 4096 // what a frame may hold besides a payload: kind, name, numbers, JSON
	frameMax         = MessageMax + frameOverheadMax
	growStep         = 64 << 10       // a buffer grows by this much at a time while its content arrives
	readBuffer       = 64 << 10       // of a stream's reader
	batchMax         = 256 << 10      // answers that wait for the connection; their producer waits beyond it
	headerMax        = 16 << 10       // of a request's header
	errorBodyMax     = 64 << 10       // of an error's answer, as a client reads it
	answerMax        = 64 << 20       // of a list of peers or rows, as a client reads it
	setBodyMax       = 256 << 10      // of a request to set attributes; a row is far shorter, whatever the forms of its values
	functionBodyMax  = 64 << 10       // of a request to install or try a function; a program and a chain are far shorter, whatever their forms
	patternsBodyMax  = 64 << 10       // of a request to subscribe to patterns; as many as a subscription may have are shorter, unless most of their bytes are escaped
	sqlBodyMax       = 128 << 10      // of a request to do a statement; a statement is far shorter, whatever its form
	authorsMax       = 1024           // names of authors and topics that a client's stream keeps at hand
	scrapesMax       = 4              // concurrent requests of /metrics
	streamsMax       = 256            // concurrent streams of a server
	connectionsMax   = streamsMax * 2 // concurrent connections of a server
)

// Timeouts of the interface. Streams have none: they last as long as both sides want.
const (
	headerTimeout   = 10 * time.Second // for a request's header to arrive
	bodyTimeout     = 10 * time.Second // for a request that is a JSON object to arrive
	idleTimeout     = 2 * time.Minute  // of a connection between requests
	dialTimeout     = 5 * time.Second  // for a client to connect
	probeTimeout    = time.Second      // for a dial that finds out whether a socket is alive
	shutdownTimeout = time.Second      // for streams to end when a server closes
	leaveTimeout    = 3 * time.Second  // for a group to be left; the node goes on leaving then
	flushTimeout    = 10 * time.Second // for what was published to be handed to the network
)
