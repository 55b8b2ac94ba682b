package bimodal

import (
	"fmt"
	"math/rand/v2"
	"time"

	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/wire"
)

// requestPauseMax bounds Config.RequestPause, in rounds.
const requestPauseMax = 100

// GroupMinMax is a Config.GroupMin that no group reaches.
const GroupMinMax = 1 << 30

// Mode chooses between the protocol as it ships and the forms that the analysis describes.
type Mode uint8

const (
	// ModeFull is the protocol with all its rules.
	ModeFull Mode = iota
	// ModeModel leaves gossip as it stands in the analysis: no polls, no pushes, no regional repairs, and a request on every
	// digest that offers something missing.
	ModeModel
	// ModeModelIndependent is ModeModel with each peer drawn as a target of gossip on its own, with probability Fanout over the
	// number of peers, as the published Markov chain has it.
	ModeModelIndependent
)

// Config is what a Machine is made of. [DefaultConfig] fills in everything but Self and Rand.
type Config struct {
	Self  protocol.NodeID
	Zone  string     // path of the own leaf zone; "" counts as "/"
	Epoch uint64     // boot counter of this run; protocol.EpochRaised raises it
	Rand  *rand.Rand // owned by the machine from then on

	// Notary signs what this node publishes, and verifies what others hand on. Without it packets are taken from whoever sends them: all members have one, or none.
	Notary identity.Notary

	DatagramSize int           // largest datagram, in bytes: wire.DatagramMin to wire.DatagramMax
	Round        time.Duration // of gossip: 1 ms to 1 min
	Fanout       int           // digests a round: 1 to 16
	Life         int           // rounds for which a packet is kept after it was received or asked for last: 2 to 10 000
	Short        int           // rounds of a packet's short phase, in which every member keeps it: 1 to 10 000
	Bufferers    int           // members of a zone that keep a packet beyond its short phase: 1 to 64
	Requests     int           // packets asked for per digest, of small ones as many as RepairBytes hold: 1 to RequestNumbersMax
	RequestPause int           // rounds that a packet asked for is not asked for again: 0 to 100
	Polls        int           // polls sent a round: 0 to 100
	RepairBytes  int           // least budget for repairs, in bytes a round: 64 KiB to 1 GiB
	RepairShare  float64       // budget for repairs as a share of what the streams carry: 0 to 1
	BufferBytes  int           // packets held for repair and order, all streams together: 1 MiB to 1 TiB

	Rate  int64 // of publishing, in bytes a second a topic, or to begin with if Flow is adaptive; 0 is unlimited, whatever Flow says
	Burst int64 // bytes that may be published at once after a pause; 64 KiB to 1 GiB
	Flow  Flow  // how the crowd of subscribers changes the rates of topics; the zero value leaves them fixed

	// GroupMin is how many subscribers have to hear a group for SpreadAuto to choose it: 2 or more. Two save a datagram; but a packet to a group has to be proven to each by a
	// hash, where one over a link of the author's is not, so that where bandwidth costs no more than processors do, as within a host, it never pays.
	GroupMin int

	Subscriptions int // limit of topics subscribed to: 1 to 1024
	Topics        int // limit of topics subscribed to or ever published to: 1 to 1 Mi; those carried for others come on top
	Streams       int // limit of streams remembered: 1 to 16 Mi
	Peers         int // limit of peers regarded: 1 to 16 Mi

	// Background names topics that nearly all members want and to which hardly anything is published, so that they do not count where partners of gossip are chosen for others. All members should name the
	// same.
	Background []string

	Forget    time.Duration // how long an idle stream is remembered whose author is gone: 1 s or more
	Mode      Mode
	Buffering Buffering // beyond the short phase
}

// DefaultConfig returns the defaults of docs/BIMODAL.md; those that the authors' own implementation had are marked there.
func DefaultConfig() Config {
	return Config{
		DatagramSize:  wire.DatagramDefault,
		Round:         100 * time.Millisecond,
		Fanout:        1,
		Life:          20,
		Short:         4,
		Bufferers:     6,
		Requests:      100,
		RequestPause:  2,
		Polls:         5,
		RepairBytes:   64 << 10,
		RepairShare:   0.25,
		BufferBytes:   64 << 20,
		Rate:          2 << 20,
		Burst:         256 << 10,
		Flow:          Flow{Adaptive: true, RateMin: 16 << 10, RateMax: rateMax, Quantile: 0.5},
		GroupMin:      2,
		Subscriptions: 64,
		Topics:        1024,
		Streams:       16 << 10,
		Peers:         16 << 10,
		Forget:        10 * time.Minute,
	}
}

// Validate reports the first field that is out of its range.
func (c *Config) Validate() error {
	if c.Self == 0 {
		return fmt.Errorf("bimodal: Config.Self is zero, which names nobody")
	}
	if c.Rand == nil {
		return fmt.Errorf("bimodal: Config.Rand is missing")
	}
	for _, field := range []struct {
		name        string
		value       int64
		least, most int64
	}{
		{"DatagramSize", int64(c.DatagramSize), wire.DatagramMin, wire.DatagramMax},
		{"Round", int64(c.Round), int64(time.Millisecond), int64(time.Minute)},
		{"Fanout", int64(c.Fanout), 1, fanoutMax},
		{"Life", int64(c.Life), lifeMin, lifeMax},
		{"Short", int64(c.Short), 1, lifeMax},
		{"Bufferers", int64(c.Bufferers), 1, bufferersMax},
		{"Requests", int64(c.Requests), 1, RequestNumbersMax},
		{"RequestPause", int64(c.RequestPause), 0, requestPauseMax},
		{"Polls", int64(c.Polls), 0, 100},
		{"RepairBytes", int64(c.RepairBytes), 64 << 10, 1 << 30},
		{"BufferBytes", int64(c.BufferBytes), 1 << 20, 1 << 40},
		{"Rate", c.Rate, 0, rateMax},
		{"Burst", c.Burst, burstMin, burstMax},
		{"GroupMin", int64(c.GroupMin), 2, GroupMinMax},
		{"Subscriptions", int64(c.Subscriptions), 1, interestTopicsMax},
		{"Topics", int64(c.Topics), 1, 1 << 20},
		{"Streams", int64(c.Streams), 1, 16 << 20},
		{"Peers", int64(c.Peers), 1, 16 << 20},
		{"Forget", int64(c.Forget), int64(time.Second), int64(protocol.Never)},
		{"Mode", int64(c.Mode), 0, int64(ModeModelIndependent)},
		{"Buffering", int64(c.Buffering), 0, int64(BufferAll)},
	} {
		if field.value < field.least || field.value > field.most {
			return fmt.Errorf("bimodal: Config.%s is %d, outside %d to %d", field.name, field.value, field.least, field.most)
		}
	}
	if !(c.RepairShare >= 0 && c.RepairShare <= 1) {
		return fmt.Errorf("bimodal: Config.RepairShare is %v, outside 0 to 1", c.RepairShare)
	}
	if c.Flow.Adaptive && !c.Flow.valid() {
		return fmt.Errorf("bimodal: Config.Flow is %+v: %w", c.Flow, ErrFlow)
	}
	return nil
}
