package live

import (
	"testing"

	"spinglass/protocol"
)

// fill puts arrivals of one size until one is refused, and returns how many were taken.
func (b *inbox) fill(size int) (count int) {
	for {
		// Each is of a sender of its own: what one sender may have waiting is another bound.
		if _, refusal := b.put(make([]byte, size), arrival{size: size, sender: protocol.NodeID(count + 1)}); refusal != "" {
			return count
		}
		count++
	}
}

func (b *inbox) drain() {
	for {
		slabs, more := b.take(nil, slabsPerTurn)
		b.giveBack(slabs)
		if !more {
			return
		}
	}
}

// "ReceiveQueue  int // bytes that wait for the loop" (Config): whatever the sizes of arrivals, and whatever came before.
func TestTheInboxIsBoundedByBytes(t *testing.T) {
	b := newInbox(4 * slabSize)
	for range 2 {
		for _, c := range []struct{ size, want int }{{arrivalCopyMax, 32}, {slabSize / 4, 16}, {slabSize, 4}, {slabSize / 2, 8}} {
			if got := b.fill(c.size); got != c.want {
				t.Errorf("%d arrivals of %d bytes, want %d", got, c.size, c.want)
			}
			b.drain()
		}
	}
}

// One sender that fills the inbox leaves room for others, whatever the sizes of arrivals. The control is what else the same sender sends, and what others send
// when they have filled it together.
func TestOneSenderLeavesRoomInTheInbox(t *testing.T) {
	for _, size := range []int{100, 1344, arrivalCopyMax, slabSize / 2, slabSize} {
		b := newInbox(256 * slabSize)
		put := func(sender protocol.NodeID) protocol.Reason {
			_, refusal := b.put(make([]byte, size), arrival{size: size, sender: sender})
			return refusal
		}
		for put(1) == "" {
		}
		if refusal := put(1); refusal != ReasonReceiveShare {
			t.Errorf("arrivals of %d bytes: the sender that floods is refused for %q", size, refusal)
		}
		other := protocol.NodeID(2)
		for b.backlog.place(other) == b.backlog.place(1) {
			other++
		}
		for n := range 3 {
			if refusal := put(other); refusal != "" {
				t.Errorf("arrivals of %d bytes: number %d of another sender is refused for %q", size, n, refusal)
			}
		}
		sender := protocol.NodeID(100)
		for ; put(sender) == ""; sender++ {
		}
		if sender < 103 || put(other) == "" && size > arrivalCopyMax {
			t.Errorf("arrivals of %d bytes: %d senders more found room", size, sender-100)
		}
		b.drain()
		for place, bytes := range b.backlog.waiting {
			if bytes != 0 {
				t.Fatalf("%d bytes are said to wait at place %d when nothing does", bytes, place)
			}
		}
		if refusal := put(1); refusal != "" {
			t.Errorf("the sender is refused for %q when nothing waits", refusal)
		}
	}
}
