package anonymous

import (
	"fmt"
	"math/rand/v2"
	"time"

	"spinglass/adhoc"
	"spinglass/protocol"
)

// Limits that are not for configuration.
const (
	MessageMax      = 1024 // bytes of a message
	NumbersMax      = 10   // lost numbers in one request, of all sources together
	EntriesMax      = 8    // sources in one request
	RepliesMax      = 24   // messages in answer to one request
	WalkMax         = 35   // hops of a walk
	SourcesMax      = 64   // of one group that a member remembers
	ForgottenMax    = 1024 // of one group that it has forgotten, but for how far they had come
	GroupsMax       = 16   // of which a node is a member
	HistoryMax      = 10_000
	historyBytesMin = 4096 // so that a few messages fit
	historyBytesMax = 1 << 30
	LostMax         = 10_000
	CacheMax        = 1000
	walkTriesMax    = 3 // next hops that one request is handed to when they do not take it
	roundMin        = time.Millisecond
	roundMax        = time.Hour
	roundSpread     = 5               // a round is up to one in so many of its length longer or shorter
	sourceForget    = 5 * time.Minute // a source that is silent for so long makes room for others
)

// Config is what a Machine is made of. [DefaultConfig] fills in everything but Self, Rand and Routing.
type Config struct {
	Self    protocol.NodeID
	Epoch   uint64        // of this run of the node: later ones are greater
	Rand    *rand.Rand    // owned by the machine from then on
	Routing adhoc.Routing // likewise

	Gossip       bool          // off: nothing is repaired, but for who asks
	Round        time.Duration // of gossip: 1 ms to 1 h
	Anonymous    float64       // probability that a request is anonymous and not to a cached member: 0 to 1
	Routed       bool          // cached requests go to members to which there is a route only, and walk where there is none
	Accept       float64       // probability that a member on the way of a walk accepts it: above 0, to 1
	Choosy       bool          // a member that has nothing of what is asked for hands a walk on
	Locality     float64       // a next hop is drawn with a probability that falls with this power of its distance: 0 to 8; 0: all are alike
	Settle       time.Duration // for how long a member has a message before it is sent to who knows nothing of it yet, and to whom it may just be on its way: 0 to 1 min
	History      int           // messages that a member keeps for others: 1 to HistoryMax
	HistoryBytes int           // bytes of these, as they are encoded: 4096 to 2^30. The latest message stays in any case
	Lost         int           // numbers of one source that a member asks for: 1 to LostMax
	LostLife     time.Duration // for how long it does: 1 s to 1 h
	Cache        int           // members that it remembers: 0 to CacheMax
	Backlog      int           // earlier numbers of a source that it asks for when it first hears of it, RepliesMax at most if that is in a reply, which begins with the first one: 0 to Lost
	// Identity has messages signed, and those of others verified. Without it messages are taken from whoever sends them: all members have one, or none.
	Identity *Identity
	// Hints has routing learn from walks the way back to their initiators, by which replies then go.
	Hints bool
}

// DefaultConfig returns the parameters of the reference, but for what docs/ADHOC.md marks: longer tables, and rules by which more requests find what they ask for.
func DefaultConfig() Config {
	return Config{
		Gossip: true, Round: time.Second, Anonymous: 0.7, Routed: true, Accept: 0.5, Choosy: true, Locality: 1, Settle: 500 * time.Millisecond,
		History: 1000, HistoryBytes: 1 << 20, Lost: 2000, LostLife: 5 * time.Minute, Cache: 10, Backlog: 1000, Hints: true,
	}
}

// PublishedConfig returns the parameters and rules of the reference; those that it does not give are marked in docs/ADHOC.md.
func PublishedConfig() Config {
	c := DefaultConfig()
	c.Routed, c.Choosy, c.Settle, c.Hints = false, false, 0, false
	c.History, c.Lost, c.LostLife, c.Backlog = 100, 200, time.Minute, 100
	return c
}

// Validate reports the first field that is out of its range.
func (c *Config) Validate() error {
	switch {
	case c.Self == 0:
		return fmt.Errorf("anonymous: Config.Self is zero, which names nobody")
	case c.Rand == nil || c.Routing == nil:
		return fmt.Errorf("anonymous: Config.Rand or Config.Routing is missing")
	case c.Anonymous < 0 || c.Anonymous > 1 || !(c.Accept > 0 && c.Accept <= 1) || !(c.Locality >= 0 && c.Locality <= 8):
		return fmt.Errorf("anonymous: Config.Anonymous %v, Accept %v or Locality %v is out of its range", c.Anonymous, c.Accept, c.Locality)
	}
	if c.Identity != nil {
		if err := c.Identity.Validate(c.Self); err != nil {
			return err
		}
	}
	for _, field := range []struct {
		name               string
		value, least, most int64
	}{
		{"Round", int64(c.Round), int64(roundMin), int64(roundMax)},
		{"LostLife", int64(c.LostLife), int64(time.Second), int64(time.Hour)},
		{"Settle", int64(c.Settle), 0, int64(time.Minute)},
		{"History", int64(c.History), 1, HistoryMax},
		{"HistoryBytes", int64(c.HistoryBytes), historyBytesMin, historyBytesMax},
		{"Lost", int64(c.Lost), 1, LostMax},
		{"Cache", int64(c.Cache), 0, CacheMax},
		{"Backlog", int64(c.Backlog), 0, int64(c.Lost)},
	} {
		if field.value < field.least || field.value > field.most {
			return fmt.Errorf("anonymous: Config.%s is %d, outside %d to %d", field.name, field.value, field.least, field.most)
		}
	}
	return nil
}
