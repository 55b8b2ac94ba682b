package membership

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"spinglass/protocol"
	"spinglass/table"
	"spinglass/wire"
)

// Defaults of Config.
const (
	RoundDefault      = 200 * time.Millisecond
	BeatRounds        = 5 // rounds to a heartbeat
	FanoutDefault     = 3
	RecordLifeDefault = 24 * time.Hour
	// MemoryTimeouts is how long the versions of the dead are remembered at least, in T_fail.
	MemoryTimeouts = 10
)

// Limits of Config.
const (
	RoundMin     = time.Millisecond
	SeedsMax     = 64
	FanoutMax    = 16
	ZoneLimitMax = 1 << 14 // rows
)

// Config says who the member is and how it gossips. Zero values stand for the defaults.
type Config struct {
	Self      protocol.NodeID
	Epoch     uint64 // the boot counter of the last run, 0 when there was none; this run uses the next one
	Durable   bool   // store the boot counter under EpochKey before its first use
	Name      string
	Addresses []protocol.Address
	Seeds     []protocol.Address // join addresses; the own address among them does no harm
	First     bool               // may be a fleet of its own although Seeds are given and none answers
	Rand      *rand.Rand         // required

	// Zoned makes the members of the own leaf zone all that there is: rows of others are passed over. Package astrolabe knows of those.
	Zoned bool

	// Format is the latest format that the member speaks, of those that this build does; wire.FormatLatest by default. An earlier one is for tests of upgrades: the member is
	// then what the build before is.
	Format uint64

	// Identity makes rows signed and heartbeats proven. Without one the member takes others at their word, and others with one do not take it for a member.
	Identity *Identity

	Round  time.Duration // time between digests, RoundMin or more
	Beat   time.Duration // time between heartbeats, Round or more; BeatRounds rounds by default
	Fanout int           // to how many peers news is pushed at once, 1 to FanoutMax
	// FailTimeout is T_fail: silence for so long makes a member suspect, twice as long makes it down. By default it follows from
	// FailModel, the number of members known, Round, Beat and DigestBytes.
	FailTimeout time.Duration
	FailModel   FailModel

	DatagramSize int // largest datagram, in bytes of UDP payload; wire.DatagramDefault by default
	DigestBytes  int // largest digest, at most what a datagram holds (the default)
	AnswerBytes  int // what all answers of a round may take together, AnswerBytesDefault by default
	RowLimit     int // bytes of a row's encoding, table.RowSizeDefault by default
	ZoneLimit    int // rows of the zone, table.RowsDefault by default, at most ZoneLimitMax

	// Known are rows of members that this one begins with and takes at their word, for experiments. It has no identity then.
	Known []*table.Row

	// Judge verifies proofs that a member has signed what is false. Without one they are refused.
	Judge Judge

	// MemoryOfDead is for how long, at least, rows of members that are down or have left cannot return in the version in which
	// they went; MemoryTimeouts*T_fail by default. A negative value turns it off, for experiments.
	MemoryOfDead time.Duration
	// RecordLife is for how long members that vanished are still contacted, and those who went are remembered at least.
	RecordLife time.Duration
	// LocalHealthOff makes the member trust its own clock even when it was paused, for experiments.
	LocalHealthOff bool
}

// AnswerBytesDefault bounds what the answers of one round take, for all peers together.
const AnswerBytesDefault = 48 << 10

// payload returns how many bytes one message may have.
func (c *Config) payload() int { return c.DatagramSize - wire.HeaderSize - 4 }

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	setDefault(&c.Format, wire.FormatLatest)
	setDefault(&c.Round, RoundDefault)
	setDefault(&c.Beat, BeatRounds*c.Round)
	setDefault(&c.Fanout, FanoutDefault)
	setDefault(&c.DatagramSize, wire.DatagramDefault)
	setDefault(&c.DigestBytes, c.payload())
	setDefault(&c.AnswerBytes, AnswerBytesDefault)
	setDefault(&c.RowLimit, table.RowSizeDefault)
	setDefault(&c.ZoneLimit, table.RowsDefault)
	setDefault(&c.RecordLife, RecordLifeDefault)
	c.FailModel = c.FailModel.withDefaults()
	if c.MemoryOfDead == 0 {
		c.MemoryOfDead = MemoryTimeouts * c.failTimeout(c.ZoneLimit)
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// failTimeout returns T_fail for a zone of so many members.
func (c *Config) failTimeout(members int) time.Duration {
	if c.FailTimeout > 0 {
		return c.FailTimeout
	}
	return c.FailModel.Timeout(members, c.claims(), c.Round, c.Beat)
}

// FailTimeoutOf returns the T_fail that a member of this configuration has in a zone of so many members.
func (c Config) FailTimeoutOf(members int) time.Duration {
	c = c.withDefaults()
	return c.failTimeout(members)
}

// claims returns how many claims a digest holds, with numbers as they are in a fleet that has been up for months.
func (c *Config) claims() int {
	header, claim := digestHeaderTypical, table.ClaimSizeTypical+1
	if c.Identity != nil {
		header += table.LinkSize
		if !c.Identity.ChecksOff {
			header, claim = header+digestChecksMax, claim+1
		}
	}
	return max(1, (min(c.DigestBytes, c.payload())-header)/claim)
}

// check reports what is wrong with a configuration that has its defaults.
func (c *Config) check() error {
	switch {
	case c.Self == 0:
		return errors.New("membership: no node id")
	case c.Rand == nil:
		return errors.New("membership: no source of randomness")
	case c.Epoch >= table.EpochMax:
		return fmt.Errorf("membership: epoch %d is out of range", c.Epoch)
	case c.Format < wire.FormatOldest || c.Format > wire.FormatLatest:
		return fmt.Errorf("membership: format %d is not between %d and %d", c.Format, wire.FormatOldest, wire.FormatLatest)
	case len(c.Seeds) > SeedsMax:
		return fmt.Errorf("membership: %d join addresses exceed the limit of %d", len(c.Seeds), SeedsMax)
	case len(c.Known) > 0 && c.Identity != nil:
		return errors.New("membership: rows are taken at their word only without an identity")
	case c.Round < RoundMin || c.Beat < c.Round || c.FailTimeout < 0 || c.RecordLife < 0:
		return errors.New("membership: round, beat, fail timeout or record life out of range")
	case c.Fanout < 1 || c.Fanout > FanoutMax:
		return fmt.Errorf("membership: fanout %d is not between 1 and %d", c.Fanout, FanoutMax)
	case c.DatagramSize < wire.DatagramMin || c.DatagramSize > wire.DatagramMax:
		return fmt.Errorf("membership: datagram size %d is not between %d and %d", c.DatagramSize, wire.DatagramMin, wire.DatagramMax)
	case c.DigestBytes < digestBytesMin || c.AnswerBytes < c.DatagramSize:
		return errors.New("membership: digest bytes or answer bytes too small")
	case c.RowLimit < 1 || c.RowLimit > c.payload()-deltaHeaderMax-rowOverhead:
		return fmt.Errorf("membership: a row of %d bytes does not fit into a datagram of %d", c.RowLimit, c.DatagramSize)
	case c.ZoneLimit < 1 || c.ZoneLimit > ZoneLimitMax:
		return fmt.Errorf("membership: zone limit %d is not between 1 and %d", c.ZoneLimit, ZoneLimitMax)
	}
	return nil
}

// digestBytesMin leaves room for a few claims.
const digestBytesMin = digestHeaderMax + 4*(8+3*10)

// rowOverhead is the most that a row takes in a delta beside its encoding: length, heartbeat, proof.
const rowOverhead = 3 + 10 + 1 + proofMax
