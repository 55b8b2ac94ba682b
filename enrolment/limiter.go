package enrolment

import (
	"net"
	"net/netip"
	"sync"
	"time"
)

// limiter bounds the connections of each remote address by a token bucket, and the addresses that it tells apart.
type limiter struct {
	mutex   sync.Mutex
	buckets map[netip.Prefix]bucket
}

type bucket struct {
	filled float64
	at     time.Time
}

// Length of the networks that count as one address: who has a network of 64 bits has all of its addresses.
const (
	prefixIPv4 = 32
	prefixIPv6 = 64
)

// prefix returns what a remote address counts as. All that are no IP addresses count as one.
func prefix(remote net.Addr) netip.Prefix {
	if remote == nil {
		return netip.Prefix{}
	}
	port, err := netip.ParseAddrPort(remote.String())
	if err != nil {
		return netip.Prefix{}
	}
	address := port.Addr().Unmap().WithZone("")
	bits := prefixIPv6
	if address.Is4() {
		bits = prefixIPv4
	}
	p, _ := address.Prefix(bits) // an address has at least as many bits
	return p
}

// verdict is what a limiter says of a connection.
type verdict int

const (
	admitted verdict = iota
	limited          // its address has had its share
	crowded          // as many addresses as can be told apart have been seen just now
)

func (l *limiter) admit(remote net.Addr, now time.Time) verdict {
	key := prefix(remote)
	l.mutex.Lock()
	defer l.mutex.Unlock()
	b, known := l.buckets[key]
	if !known {
		if len(l.buckets) >= AddressesTracked && !l.sweep(now) {
			return crowded
		}
		b = bucket{filled: AddressBurst, at: now}
	}
	b = b.refilled(now, AddressRate, AddressBurst)
	if l.buckets == nil {
		l.buckets = map[netip.Prefix]bucket{}
	}
	if b.filled < 1 {
		l.buckets[key] = b
		return limited
	}
	b.filled--
	l.buckets[key] = b
	return admitted
}

// refilled returns the bucket as it is now, filled at a rate per second.
func (b bucket) refilled(now time.Time, rate, burst float64) bucket {
	passed := max(now.Sub(b.at), 0).Seconds()
	return bucket{filled: min(b.filled+passed*rate, burst), at: now}
}

// sweep forgets the addresses whose buckets are full again, which is as if they had never come, and reports whether there is room now.
func (l *limiter) sweep(now time.Time) bool {
	for key, b := range l.buckets {
		if b.refilled(now, AddressRate, AddressBurst).filled >= AddressBurst {
			delete(l.buckets, key)
		}
	}
	return len(l.buckets) < AddressesTracked
}
