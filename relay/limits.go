package relay

import "time"

// Limits of frames.
const (
	DatagramsSizeMax  = 1 << 16  // bytes of the datagrams of one frame
	DatagramsCountMax = 64       // datagrams of one frame
	DataMax           = 16 << 10 // bytes of a stream in one frame
	Window            = 64 << 10 // bytes of a stream, in one direction, that its receiver has not taken yet
)

// Limits says what one end bears of a connection, or a gateway of all of them. [DefaultLimits] has the values that are used but for tests.
type Limits struct {
	Queue       int // bytes of datagrams that wait to be written
	StreamQueue int // bytes of all other frames that do
	Streams     int // streams of one connection
	OpenRate    int // streams a second that one member may open,
	OpenBurst   int // and so many at once
	Openers     int // members of whom that is known

	Clients     int // of a gateway
	Rate        int // bytes of datagrams a second from one client that are passed on,
	Burst       int // and so many at once
	StreamRate  int // bytes of all other frames,
	StreamBurst int // and so many at once
	AbsentRate  int // times a second that somebody is looked for whom one client wants and who is not there,
	AbsentBurst int // and so many at once

	Period       time.Duration // how often a connection is looked at
	Ping         time.Duration // after which an end that has sent nothing says something
	Silence      time.Duration // after which the other end is taken for gone
	WriteTimeout time.Duration // for the other end to take what waits
}

// DefaultLimits are those that hold unless a test changes them.
var DefaultLimits = Limits{
	Queue: 1 << 20, StreamQueue: 1 << 20, Streams: 256, OpenRate: 20, OpenBurst: 5, Openers: 1024,
	Clients: 512, Rate: 64 << 20, Burst: 8 << 20, StreamRate: 8 << 20, StreamBurst: 4 << 20, AbsentRate: 100, AbsentBurst: 200,
	Period: time.Second, Ping: 2 * time.Second, Silence: 8 * time.Second, WriteTimeout: 10 * time.Second,
}

// bucket bounds how much happens. The zero bucket is full.
type bucket struct {
	spent float64
	at    time.Time
}

// take takes n tokens, if there are as many. There are burst of them at most, and rate come back each second.
func (b *bucket) take(now time.Time, n, rate, burst int) bool {
	b.spent = max(0, b.spent-float64(rate)*now.Sub(b.at).Seconds())
	b.at = now
	if b.spent+float64(n) > float64(burst) {
		return false
	}
	b.spent += float64(n)
	return true
}
