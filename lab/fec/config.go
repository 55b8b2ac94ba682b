package fec

import (
	"fmt"
	"math/rand/v2"
	"time"

	"spinglass/protocol"
)

// Limits.
const (
	SymbolsMax = 128 // of a block, parity included
	NeedsMax   = 64  // in a message
	PayloadMax = 1<<16 - 1
)

// Config is what a Machine is made of. [DefaultConfig] fills in everything but Self, Sender, Rand and GRTT.
type Config struct {
	Self   protocol.NodeID
	Sender protocol.NodeID
	Rand   *rand.Rand
	Late   bool // the stream is taken up at the first block that begins, instead of at its beginning

	Data      int // k
	Parity    int // h
	Proactive int // parity symbols sent unasked

	GRTT     time.Duration
	Factor   int           // K
	BlockAge time.Duration // after which a block ends that is not full
	Blocks   int           // kept
	Flushes  int           // times that a silent sender repeats where its stream ends
}

// DefaultConfig returns the parameters of the package documentation.
func DefaultConfig() Config {
	return Config{Data: 16, Parity: 16, Proactive: 1, Factor: 4, BlockAge: 200 * time.Millisecond, Blocks: 64, Flushes: 20}
}

func (c *Config) validate() error {
	switch {
	case c.Self == 0 || c.Sender == 0 || c.Rand == nil:
		return fmt.Errorf("fec: Config lacks Self, Sender or Rand")
	case c.Data < 1 || c.Parity < 1 || c.Data+c.Parity > SymbolsMax || c.Proactive < 0 || c.Proactive > c.Parity:
		return fmt.Errorf("fec: blocks of %d packets and %d parity symbols, of which %d go unasked", c.Data, c.Parity, c.Proactive)
	case c.GRTT <= 0 || c.Factor < 1 || c.BlockAge <= 0 || c.Blocks < 1 || c.Flushes < 0:
		return fmt.Errorf("fec: Config.GRTT is %v, Factor %d, BlockAge %v, Blocks %d, Flushes %d", c.GRTT, c.Factor, c.BlockAge, c.Blocks, c.Flushes)
	}
	return nil
}

// Stats counts what a machine did.
type Stats struct {
	Published  uint64
	Delivered  uint64
	Decoded    uint64 // of these
	Proactive  uint64 // parity symbols sent unasked
	Repairs    uint64 // symbols sent because they were needed
	Naks       uint64 // sent
	Suppressed uint64 // times that others had asked for as much
	Duplicates uint64 // symbols that were here already, or were not needed
	Unheld     uint64 // needs for blocks that are not kept
	Lost       uint64 // blocks given up
}
