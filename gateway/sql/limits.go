package sql

import "time"

// Limits of one statement.
const (
	// StatementMax is the longest text of a query, in bytes, whatever number of statements it has.
	StatementMax = 16 << 10
	// StatementsMax is how many statements one text may have.
	StatementsMax = 16
	// StatementTime is for how long a statement may compute. What it waits for other members, in zone_tree, does not count.
	StatementTime = 300 * time.Millisecond
	// ValueMax is the longest value that a statement may make, in bytes.
	ValueMax = 1 << 20
	// StepsMax is the length of the program that SQLite makes of a statement, in instructions.
	StepsMax = 250_000
	// CompoundMax is how many SELECTs one UNION and the like may have.
	CompoundMax = 50
	// DepthMax is how deep an expression may be nested.
	DepthMax = 200
	// ParametersMax is how many parameters a statement may have.
	ParametersMax = 1024
	// RowsMax is how many rows a result may have.
	RowsMax = 100_000
	// ResultMax is how many bytes the values of a result may have, with 16 for each.
	ResultMax = 8 << 20
	// ResultsMax is how many bytes the results may have that are on their way to all clients.
	ResultsMax = 64 << 20
	// QueueTime is for how long a statement waits for its turn; see [Options.Concurrency].
	QueueTime = 5 * time.Second

	memoryMax    = 64 << 20 // bytes by which SQLite may hold more while a statement computes: rows that are sorted and grouped
	progressStep = 100      // instructions of SQLite between looks at the clock
)

// Limits of zone_tree.
const (
	// ZoneTreeTime is for how long one statement waits for tables of other members in all.
	ZoneTreeTime = 5 * time.Second
	// ZoneTreeTablesMax is how many tables one statement asks for.
	ZoneTreeTablesMax = 64
	// ZoneTreeLevelsMax is how many levels of tables one call goes down.
	ZoneTreeLevelsMax = 8

	zoneTreeAsking = 4 // tables that are asked for at a time
)

// Limits of a server.
const (
	// ConnectionsMax is how many clients may be connected.
	ConnectionsMax = 128
	// HandshakesMax is how many of them may be saying who they are.
	HandshakesMax = 32
	// HandshakeTime is for how long a client may take to say who it is.
	HandshakeTime = 10 * time.Second
	// IdleTime is for how long a client may be silent.
	IdleTime = 10 * time.Minute
	// WriteTime is for how long a client may take nothing of what is sent to it.
	WriteTime = 10 * time.Second
	// MessageMax is the longest message of a client, in bytes: a statement with its parameters.
	MessageMax = 64 << 10
	// PreparedMax is how many prepared statements, and as many portals, a client may have.
	PreparedMax = 64

	writeBuffer  = 32 << 10 // bytes that wait for the connection, until the server waits for the client
	settingsMax  = 64       // settings that a client made by SET
	settingMax   = 256      // bytes of one
	writesMax    = 64       // rows that a transaction changes
	startupMax   = 4 << 10  // bytes of the message by which a client begins
	refusalsTime = time.Second
)

// Limits of what is shared by all sessions.
const (
	// SnapshotAge is for how long a snapshot of the tables serves all sessions.
	SnapshotAge = time.Second
	// ColumnsMax is how many attributes have columns in one table. All are in the column attributes.
	ColumnsMax = 256

	sessionsMax   = ConnectionsMax + 32 // open databases of SQLite, those in process among them
	plansMax      = 64                  // statements that a session has at hand
	topicsWaitMax = 3 * time.Second     // for the table streams
	loadTimeout   = 2 * time.Second     // for the node to answer
	patternsMax   = 256                 // regular expressions at hand, of all sessions
	patternMax    = 4 << 10             // bytes of one

	patternStepsMax = 4 * patternMax // steps that one is made of, of some 40 bytes each
	patternWorkMax  = 32 << 20       // bytes of a text, times steps: about as much as a statement may compute
)
