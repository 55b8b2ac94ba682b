package protocol

// Work is something that a machine cannot do without blocking. The real driver does it off the loop, the simulator at a
// modelled cost; either way its completion comes back as an event with the number that the machine chose, so that a run
// can be replayed.
type Work interface{ work() }

// Persist stores Value under Key so that it survives a crash; [Persisted] tells when it has.
type Persist struct {
	Number uint64
	Key    string // a short name of letters, digits, '-' and '_'
	Value  []byte
}

// Sign makes an Ed25519 signature of Message with the node's own key; [Signed] brings it.
type Sign struct {
	Number    uint64
	PublicKey []byte // which key it is to be; empty: the node's only one. A driver that has another one brings no signature.
	Context   string // domain separation, see ed25519.Options
	Message   []byte
}

// ChecksMax is how many signatures one Verify may check.
const ChecksMax = 32

// Verify checks Ed25519 signatures, 1 to ChecksMax, in their order and up to the first that does not match; [Verified] brings the answer.
type Verify struct {
	Number uint64
	Checks []Check
}

// Check is a signature to be checked.
type Check struct {
	PublicKey []byte
	Context   string
	Message   []byte
	Signature []byte
}

// StreamOpen asks for a reliable byte stream to a peer, for bulk such as state transfer. [StreamOpened] or [StreamClosed] tells
// the outcome. The machine chooses the Number; on the other side the driver chooses one, with the high bit set.
type StreamOpen struct {
	Number uint64
	To     NodeID
}

// StreamWrite appends Data to a stream. [StreamWritten] tells when the driver is ready for more; a machine keeps at most one
// write under way per stream.
type StreamWrite struct {
	Number uint64
	Data   []byte
}

// StreamClose ends a stream after what was written; both sides get [StreamClosed].
type StreamClose struct {
	Number uint64
}

// StreamHold has no more read from a stream while Hold is set, so that its writer is slowed down. What is under way may still come, and so may the end.
type StreamHold struct {
	Number uint64
	Hold   bool
}

func (*Persist) work()     {}
func (*Sign) work()        {}
func (*Verify) work()      {}
func (*StreamOpen) work()  {}
func (*StreamWrite) work() {}
func (*StreamClose) work() {}
func (*StreamHold) work()  {}

// Persisted tells that the Persist of this number is durable, or that it failed (Err).
type Persisted struct {
	Number uint64
	Key    string
	Err    error
}

// Signed brings the signature that the Sign of this number asked for.
type Signed struct {
	Number    uint64
	Signature []byte
}

// Verified brings the answer to the Verify of this number: whether all of its signatures match.
type Verified struct {
	Number uint64
	Valid  bool
}

// StreamOpened tells that a stream is ready: one that this node asked for, or one that the peer From opened.
type StreamOpened struct {
	Number uint64
	From   NodeID
}

// StreamRead brings bytes that arrived on a stream. Data is lent.
type StreamRead struct {
	Number uint64
	Data   []byte
}

// StreamWritten tells that the write under way has been taken over by the driver.
type StreamWritten struct {
	Number uint64
}

// StreamClosed tells that a stream has ended. Err is nil after an orderly end.
type StreamClosed struct {
	Number uint64
	Err    error
}

func (Persisted) event()     {}
func (Signed) event()        {}
func (Verified) event()      {}
func (StreamOpened) event()  {}
func (StreamRead) event()    {}
func (StreamWritten) event() {}
func (StreamClosed) event()  {}
