package astrolabe

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"spinglass/identity"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/table"
	"spinglass/wire"
)

// Defaults of Config.
const (
	RoundDefault           = 500 * time.Millisecond
	RepresentativesDefault = 3
	RowLimitDefault        = table.RowSizeDefault
	ChildrenDefault        = 128
	ExpectDefault          = time.Hour
)

// Limits of Config.
const (
	RoundMin           = time.Millisecond
	RepresentativesMax = 8
	ChildrenMax        = 1024
)

// Hosts is the table of the own zone's hosts: what membership knows.
type Hosts interface {
	// Len returns how many hosts there are, this member among them; Host returns the i-th.
	Len() int
	Host(i int) membership.Host
	// Own returns the row of this member, nil as long as it has none that others may see.
	Own() *table.Row
	// Missing returns how many hosts went without having left, not longer than that ago.
	Missing(now protocol.Time, ago time.Duration) int
	// Awake returns the time by which silence is measured, and whether nothing may be declared dead at present.
	Awake() (awake protocol.Time, held bool)
}

// Config says who the member is and how it gossips. Zero values stand for the defaults.
type Config struct {
	Self  protocol.NodeID
	Name  string
	Hosts Hosts      // required
	Rand  *rand.Rand // required
	// Notary signs the rows that this member makes, and verifies those of others. Without one they are taken at their word.
	Notary identity.Notary
	// Secret is what the hash chains of the own heartbeats begin with.
	Secret [32]byte
	// Trust is what functions are verified by. Without it members take them at their word.
	Trust Trust
	// Chains has the certificates of those whose rows are here, for members that ask for them. Without it answers carry none.
	Chains Chains
	// Wall is what the clock showed at time 0; with Trust that says so. It serves the expiry of functions.
	Wall identity.Instant

	// Durable says that the driver keeps what it is asked to: functions then, for Restore.
	Durable bool
	// AutomaticLimit is how many members an automatic zone may have, AutomaticLimitMin or more. With it, a member without a zone in its name is placed by the system, and moves when zones become
	// full or empty; without it, 0, the member stays where its name puts it. All members of a fleet should have the same. It takes membership.Config.Zoned.
	AutomaticLimit int

	// Seeds are addresses at which members of the fleet may be found, at most 64.
	Seeds []protocol.Address

	// Known are rows that the member begins with and takes at their word, for experiments; see Settle.
	Known []*table.Row

	// AuditsOff has the member believe all rows of its own zones, for experiments.
	AuditsOff bool

	Round           time.Duration // time between exchanges, at each level; RoundMin or more
	Representatives int           // of a zone, 1 to RepresentativesMax
	Children        int           // child zones of a zone, 1 to ChildrenMax
	ZoneLimit       int           // hosts of the own zone at most, that of Hosts; table.RowsDefault by default
	// FailTimeout is T_fail of zone rows. By default it follows from FailModel, Round and the number of rows.
	FailTimeout time.Duration
	FailModel   membership.FailModel
	// Expect is for how long a child zone or a host that went is still expected: as long the summary says that it is not complete.
	Expect time.Duration

	DatagramSize int // largest datagram, in bytes of UDP payload; wire.DatagramDefault by default
	AnswerBytes  int // what all answers of a round may take together
	RowLimit     int // bytes of a row's encoding
}

// AnswerBytesDefault bounds what the answers of one round take, for all peers together.
const AnswerBytesDefault = 64 << 10

// payload returns how many bytes one message may have.
func (c *Config) payload() int { return c.DatagramSize - wire.HeaderSize - 4 }

// withDefaults fills in what is zero.
func (c Config) withDefaults() Config {
	setDefault(&c.Round, RoundDefault)
	setDefault(&c.Representatives, RepresentativesDefault)
	setDefault(&c.Children, ChildrenDefault)
	setDefault(&c.ZoneLimit, table.RowsDefault)
	setDefault(&c.Expect, ExpectDefault)
	setDefault(&c.DatagramSize, wire.DatagramDefault)
	setDefault(&c.AnswerBytes, AnswerBytesDefault)
	setDefault(&c.RowLimit, RowLimitDefault)
	setDefault(&c.FailModel.Mistake, 1e-3)
	setDefault(&c.FailModel.Loss, 0.05)
	setDefault(&c.FailModel.Stale, 0.5)
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}

// check reports what is wrong with a configuration that has its defaults.
func (c *Config) check() error {
	switch {
	case c.Self == 0:
		return errors.New("astrolabe: no node id")
	case c.Rand == nil || c.Hosts == nil:
		return errors.New("astrolabe: no source of randomness, or no hosts")
	case len(c.Seeds) > seedsMax:
		return fmt.Errorf("astrolabe: %d join addresses exceed the limit of %d", len(c.Seeds), seedsMax)
	case c.Round < RoundMin || c.FailTimeout < 0 || c.Expect < 0:
		return errors.New("astrolabe: round, fail timeout or time to expect out of range")
	case c.Representatives < 1 || c.Representatives > RepresentativesMax:
		return fmt.Errorf("astrolabe: %d representatives are not between 1 and %d", c.Representatives, RepresentativesMax)
	case c.Children < 1 || c.Children > ChildrenMax:
		return fmt.Errorf("astrolabe: %d child zones are not between 1 and %d", c.Children, ChildrenMax)
	case c.ZoneLimit < 1 || c.ZoneLimit > membership.ZoneLimitMax:
		return fmt.Errorf("astrolabe: zone limit %d is not between 1 and %d", c.ZoneLimit, membership.ZoneLimitMax)
	case c.AutomaticLimit != 0 && (c.AutomaticLimit < AutomaticLimitMin || c.AutomaticLimit > membership.ZoneLimitMax):
		return fmt.Errorf("astrolabe: a limit of %d members of an automatic zone is not between %d and %d", c.AutomaticLimit, AutomaticLimitMin, membership.ZoneLimitMax)
	case c.DatagramSize < wire.DatagramMin || c.DatagramSize > wire.DatagramMax:
		return fmt.Errorf("astrolabe: datagram size %d is not between %d and %d", c.DatagramSize, wire.DatagramMin, wire.DatagramMax)
	case c.RowLimit < 1 || c.RowLimit > c.payload()-deltaHeaderMax-rowOverhead:
		return fmt.Errorf("astrolabe: a row of %d bytes does not fit into a datagram of %d", c.RowLimit, c.DatagramSize)
	case c.AnswerBytes < c.DatagramSize:
		return errors.New("astrolabe: answer bytes too small")
	}
	if err := checkName(c.Name); err != nil {
		return fmt.Errorf("astrolabe: name %q: %w", c.Name, err)
	}
	return nil
}
