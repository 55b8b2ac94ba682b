package live

import "testing"

// fill puts arrivals of one size until one is refused, and returns how many were taken.
func (b *inbox) fill(size int) (count int) {
	for {
		if _, ok := b.put(make([]byte, size), arrival{size: size}); !ok {
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
