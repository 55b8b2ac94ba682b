package sim

import "time"

// Limits of an inbox where Cost says nothing.
const (
	InboxPacketsDefault = 4096
	InboxBytesDefault   = 1 << 20
)

// Cost says how long a host takes for what it does, and how much it can hold. The zero Cost takes no time and has the default inbox.
//
// Core 0 runs the loop: it receives, calls the machine and sends, one input after the other. Sign and Verify run on the further cores
// and, where there are none, on core 0, which they keep from the loop.
type Cost struct {
	Cores int // 0 counts as 1

	ReceivePacket   time.Duration // to take in one datagram or piece of a stream
	ReceiveKilobyte time.Duration // more for each 1024 bytes of it
	SendPacket      time.Duration // to send one datagram to one peer
	SendKilobyte    time.Duration // more for each 1024 bytes of it
	Input           time.Duration // for each input that is no datagram: timeouts, completions, commands
	// Effort, if there is one, says how much longer an input keeps core 0, by what it was and what comes of it. The Step is lent.
	Effort func(*Step) time.Duration

	Sign    time.Duration
	Verify  time.Duration
	Persist time.Duration // until durable; one after the other, without keeping the core

	InboxPackets int // datagrams held while the host is busy; 0 for InboxPacketsDefault
	InboxBytes   int // bytes of these; 0 for InboxBytesDefault
}

// CommodityCost returns the cost of a small server with one system call per datagram: 5 us to receive and to send one, 0.3 us for each 1024
// bytes, 17.5 us to sign, 41.5 us to verify, 1 ms until a write is durable, two cores.
func CommodityCost() Cost {
	return Cost{
		Cores:         2,
		ReceivePacket: 5 * time.Microsecond, ReceiveKilobyte: 300 * time.Nanosecond,
		SendPacket: 5 * time.Microsecond, SendKilobyte: 300 * time.Nanosecond,
		Input: time.Microsecond,
		Sign:  17500 * time.Nanosecond, Verify: 41500 * time.Nanosecond,
		Persist: time.Millisecond,
	}
}

func (c Cost) withDefaults() *Cost {
	if c.Cores <= 0 {
		c.Cores = 1
	}
	if c.InboxPackets <= 0 {
		c.InboxPackets = InboxPacketsDefault
	}
	if c.InboxBytes <= 0 {
		c.InboxBytes = InboxBytesDefault
	}
	return &c
}

func (c *Cost) receive(size int) time.Duration {
	return c.ReceivePacket + c.ReceiveKilobyte*time.Duration(size)/1024
}

func (c *Cost) send(size int) time.Duration {
	return c.SendPacket + c.SendKilobyte*time.Duration(size)/1024
}
