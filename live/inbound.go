package live

import (
	"crypto/tls"
	"net"
	"net/netip"
	"slices"
	"sync"
	"time"
)

// inbound is a connection of somebody else whose handshake is under way.
type inbound struct {
	net.Conn
	from  *source
	since time.Time
	spoke bool // its ClientHello was read
}

// source is whom connections come from.
type source struct {
	bucket bucket // of the goroutine that accepts
	open   int    // handshakes under way
}

// room is where connections are while their handshakes are under way. It has a bounded number of places, of which one source has at most a part. Who connects
// and says nothing keeps a place for as long as nobody else wants it.
//
// TCP has proven the address of who is here, by SYN cookies where its own queue is full, so that no cookie of TLS is needed.
type room struct {
	mutex  sync.Mutex
	places int
	short  time.Duration // how long who has not spoken may stay when the room is crowded
	taken  []*inbound    // in order of arrival
	count  *counters
}

// enter gives a connection a place, and returns nil when there is none: share is how many its source may have. Those that say nothing for too long have to go
// when the room is crowded; the oldest of them gives way for a new one where there is no other place, and then the oldest of the source that has most.
func (r *room) enter(conn net.Conn, from *source, share int, now time.Time) *inbound {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.crowded() {
		r.expire(now)
	}
	if from.open >= share && !r.displace(func(i *inbound) bool { return i.from == from && !i.spoke }) {
		return nil
	}
	if len(r.taken) >= r.places && !r.displace(func(i *inbound) bool { return !i.spoke }) && !r.displaceMost(from) {
		return nil
	}
	i := &inbound{Conn: conn, from: from, since: now}
	from.open++
	r.taken = append(r.taken, i)
	return i
}

// crowded reports whether so many handshakes are under way that silence is not waited for. The mutex is held.
func (r *room) crowded() bool { return len(r.taken) >= max(1, r.places/crowdedShare) }

// expire ends those that have said nothing for too long. The mutex is held.
func (r *room) expire(now time.Time) {
	for n := len(r.taken) - 1; n >= 0; n-- {
		if i := r.taken[n]; !i.spoke && now.Sub(i.since) >= r.short {
			r.end(n)
			r.count.connectionsSilent.Add(1)
		}
	}
}

// displace ends the oldest of those that may give way, and reports whether there was one. The mutex is held.
func (r *room) displace(may func(*inbound) bool) bool {
	n := slices.IndexFunc(r.taken, may)
	if n < 0 {
		return false
	}
	r.end(n)
	r.count.connectionsDisplaced.Add(1)
	return true
}

// displaceMost ends the oldest of the source that has most, if that has more than the one that asks will have. The mutex is held.
func (r *room) displaceMost(asking *source) bool {
	most := asking
	for _, i := range r.taken {
		if i.from.open > most.open {
			most = i.from
		}
	}
	return most.open > asking.open+1 && r.displace(func(i *inbound) bool { return i.from == most })
}

// end closes a connection and frees its place. The mutex is held.
func (r *room) end(n int) {
	i := r.taken[n]
	r.taken = slices.Delete(r.taken, n, n+1)
	i.from.open--
	_ = i.Close()
}

// leave frees the place of a connection whose handshake is done, or has failed.
func (r *room) leave(i *inbound) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if n := slices.Index(r.taken, i); n >= 0 {
		r.taken = slices.Delete(r.taken, n, n+1)
		i.from.open--
	}
}

// patience returns how long a connection may take for its ClientHello, and for all of its handshake.
func (r *room) patience(all time.Duration) (hello, handshake time.Duration) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if r.crowded() {
		return min(r.short, all), all
	}
	return all, all
}

// heard notes that a ClientHello was read, from when on the connection has the time of a handshake.
func (r *room) heard(info *tls.ClientHelloInfo, all time.Duration) error {
	i, ok := info.Conn.(*inbound)
	if !ok {
		return nil
	}
	r.mutex.Lock()
	i.spoke = true
	r.mutex.Unlock()
	return i.SetDeadline(i.since.Add(all))
}

// len returns how many handshakes are under way.
func (r *room) len() int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	return len(r.taken)
}

// sourceOf returns whom connections from an address are counted for.
func sourceOf(ip netip.Addr) netip.Prefix {
	bits := 32
	if ip.Is6() {
		bits = 64
		if ip.IsLoopback() || relayedIP(ip) {
			bits = 128
		}
	}
	source, _ := ip.WithZone("").Prefix(bits) // the zero prefix for no address
	return source
}
