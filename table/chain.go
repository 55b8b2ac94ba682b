package table

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"spinglass/protocol"
)

// LinkSize is the length of a link in bytes: SHA-256 truncated to 128 bits. To forge the next heartbeat takes a preimage (2^128
// tries for one known target), and salting with owner and epoch keeps tries at one member from counting at another; collisions do
// not help.
const LinkSize = 16

// Link is one value of a hash chain. The anchor h_n is published in the row; heartbeat i reveals h_(n-i), and hashing it i times
// gives the anchor, so that a heartbeat is verified at one hash a step instead of a signature.
type Link [LinkSize]byte

// Limits of chains.
const (
	// ChainLengthMax is the largest number of heartbeats of one anchor. At one a second it lasts twelve days.
	ChainLengthMax = 1 << 20
	// ChainStepsMax is how many steps a check walks at most: 4096 missed heartbeats, about half a millisecond.
	ChainStepsMax = 1 << 12
)

// Errors of chains.
var (
	ErrChainLength = errors.New("table: chain length out of range")
	ErrChainSpent  = errors.New("table: the hash chain has run out")
	ErrLinkSteps   = errors.New("table: too many steps since the last known link")
	ErrLinkForged  = errors.New("table: link does not lead to the last known link")
)

// linkSalt is hashed before every link, so that chains of different members and epochs have nothing in common.
type linkSalt [16]byte

func newLinkSalt(owner protocol.NodeID, epoch uint64) (salt linkSalt) {
	binary.BigEndian.PutUint64(salt[:8], uint64(owner))
	binary.BigEndian.PutUint64(salt[8:], epoch)
	return salt
}

// walk hashes link the given number of times.
func (s linkSalt) walk(link Link, steps uint64) Link {
	var input [len(s) + LinkSize]byte
	copy(input[:], s[:])
	for range steps {
		copy(input[len(s):], link[:])
		sum := sha256.Sum256(input[:])
		copy(link[:], sum[:])
	}
	return link
}

// CheckLink verifies that link, the link of heartbeat at of the chain of owner and epoch, leads to known, the link of the earlier
// heartbeat since (the anchor has since 0). It walks at most ChainStepsMax steps.
func CheckLink(owner protocol.NodeID, epoch uint64, known Link, since uint64, link Link, at uint64) error {
	if at <= since || at-since > ChainStepsMax {
		return ErrLinkSteps
	}
	if newLinkSalt(owner, epoch).walk(link, at-since) != known {
		return ErrLinkForged
	}
	return nil
}

// Chain is the owner's side of a hash chain: it reveals the links one by one. It keeps one link in chainStride and the stretch
// in use, about 48 KiB for the longest chain.
type Chain struct {
	salt   linkSalt
	length uint64
	marks  []Link // marks[k] is the link of heartbeat length - k*chainStride
	// stretch holds the links of heartbeats from first on, ascending, up to the mark that it was computed from.
	stretch []Link
	first   uint64
}

const chainStride = 1 << 10

// NewChain computes a chain of length heartbeats, 1 to ChainLengthMax, from a secret seed: about a tenth of a microsecond a
// heartbeat.
func NewChain(seed Link, owner protocol.NodeID, epoch, length uint64) (*Chain, error) {
	if length < 1 || length > ChainLengthMax {
		return nil, ErrChainLength
	}
	c := &Chain{salt: newLinkSalt(owner, epoch), length: length}
	link := seed
	for done := uint64(0); done <= length; done += chainStride {
		c.marks = append(c.marks, link)
		link = c.salt.walk(link, min(chainStride, length-done))
	}
	return c, nil
}

// Length returns the number of heartbeats.
func (c *Chain) Length() uint64 { return c.length }

// Anchor returns h_n, which goes into the row.
func (c *Chain) Anchor() Link {
	link, _ := c.reveal(0)
	return link
}

// Reveal returns the link of heartbeat i, 1 to Length. Links are to be revealed in ascending order only; each costs one hash on
// average.
func (c *Chain) Reveal(i uint64) (Link, error) {
	if i == 0 {
		return Link{}, ErrChainLength
	}
	return c.reveal(i)
}

func (c *Chain) reveal(i uint64) (Link, error) {
	if i > c.length {
		return Link{}, ErrChainSpent
	}
	if i < c.first || i-c.first >= uint64(len(c.stretch)) {
		c.compute(i)
	}
	return c.stretch[i-c.first], nil
}

// compute fills the stretch that holds heartbeat i, backwards from the mark above it.
func (c *Chain) compute(i uint64) {
	k := (c.length - i) / chainStride
	top := c.length - k*chainStride
	bottom := uint64(0)
	if top >= chainStride {
		bottom = top - chainStride + 1
	}
	count := top - bottom + 1
	if uint64(cap(c.stretch)) < count {
		c.stretch = make([]Link, count)
	}
	c.stretch, c.first = c.stretch[:count], bottom
	link := c.marks[k]
	for at := count; at > 0; at-- {
		c.stretch[at-1] = link
		if at > 1 {
			link = c.salt.walk(link, 1)
		}
	}
}
