package sim

import (
	"math/rand/v2"
	"time"

	"spinglass/protocol"
)

// Timings and frames of a radio: IEEE Std 802.11-1997, direct sequence (15.3.2, table 49; 9.2.10), with the long preamble. ns-2 (2.35, mac-802_11) has the same.
const (
	RadioSlot     = 20 * time.Microsecond
	RadioSIFS     = 10 * time.Microsecond
	RadioDIFS     = RadioSIFS + 2*RadioSlot
	RadioPreamble = 192 * time.Microsecond // 144 bits of preamble and 48 of the header of the physical layer, at 1 Mb/s

	RadioWindowMin = 31   // slots: backoff is drawn from 0 to the window,
	RadioWindowMax = 1023 // which doubles with each attempt that is not acknowledged
	RadioTriesMax  = 7    // of a unicast frame: dot11ShortRetryLimit

	RadioFrameOverhead  = 36   // bytes: header of 24, checksum of 4, and 8 of LLC and SNAP
	RadioAcknowledgment = 14   // bytes
	RadioFrameMax       = 2346 // bytes, all included (7.1.2)
)

// Parameters of a Radio where it says nothing.
const (
	// RadioRateDefault and RadioBasicRateDefault are bits per second: unicast frames go at the former, broadcasts and acknowledgements at the latter, as in ns-2.
	RadioRateDefault      = 2_000_000
	RadioBasicRateDefault = 1_000_000
	// RadioSenseDefault is how many times the range a transmission is sensed and interferes: 550 of 250 m in ns-2.
	RadioSenseDefault = 2.2
	// RadioCaptureDefault is how many times as far as the sender an interferer has to be: 10 dB (ns-2's CPThresh_) where power falls with the fourth power of the distance.
	RadioCaptureDefault = 1.78
	// RadioQueueDefault is how many frames wait at an interface: ns-2's length of a queue in its scripts for mobile nodes, and that of Broch et al., "A Performance Comparison of
	// Multi-Hop Wireless Ad Hoc Network Routing Protocols", MobiCom 1998.
	RadioQueueDefault = 50
)

// Radio puts all hosts of a world on one radio channel. See docs/SIMULATOR.md for the model.
type Radio struct {
	Mobility  Mobility
	Range     float64 // metres within which a frame is understood
	Sense     float64 // times Range within which a transmission is sensed and interferes; 0 for RadioSenseDefault, else at least 1
	Capture   float64 // times as far as the sender that an interferer has to be; 0 for RadioCaptureDefault, else at least 1
	Rate      int64   // bits per second of unicast frames; 0 for RadioRateDefault
	BasicRate int64   // bits per second of broadcasts and acknowledgements; 0 for RadioBasicRateDefault
	Queue     int     // frames that wait at a host; 0 for RadioQueueDefault
}

// RadioStats counts what happened on the radio.
type RadioStats struct {
	Unicasts     uint64 // datagrams that machines gave to the radio for one host
	Broadcasts   uint64 // and for all within one hop
	QueueFull    uint64 // of both: lost before the queue of their host
	TooLarge     uint64 // of both: lost because longer than RadioFrameMax
	QueueLost    uint64 // in the queue of a host that crashed
	Acknowledged uint64 // unicasts
	Broken       uint64 // unicasts that were given up, of which LinkBroken told
	Done         uint64 // broadcasts that were transmitted

	Frames           uint64 // transmitted, repetitions included, acknowledgements not
	Repetitions      uint64 // of these: not the first of their datagram
	Acknowledgements uint64 // transmitted
	Bytes            uint64 // transmitted, all frames, headers of the radio included
	AirTime          time.Duration

	Copies   uint64 // frames received by hosts that they were for, and handed to their inboxes
	Repeated uint64 // frames received again, whose acknowledgement was lost
	Collided uint64 // frames within range of a host that they were for, lost to another transmission
	Deaf     uint64 // likewise, while the host was transmitting itself
	Away     uint64 // unicast frames whose receiver was out of range, down or cut off
}

// medium is the radio channel of a world.
type medium struct {
	radio    Radio
	range2   float64 // squares
	sense2   float64
	capture2 float64
	acktime  time.Duration

	stations []*station
	sent     []transmission // slots
	spare    []uint32       // of sent
	numbers  uint64         // of frames given so far
	waiting  uint64         // datagrams that their host has not done with
}

// newMedium returns the channel of a radio, with defaults in place.
func newMedium(r Radio) *medium {
	for _, d := range []struct {
		value *float64
		other float64
	}{{&r.Sense, RadioSenseDefault}, {&r.Capture, RadioCaptureDefault}} {
		if *d.value == 0 {
			*d.value = d.other
		}
	}
	if r.Rate <= 0 {
		r.Rate = RadioRateDefault
	}
	if r.BasicRate <= 0 {
		r.BasicRate = RadioBasicRateDefault
	}
	if r.Queue <= 0 {
		r.Queue = RadioQueueDefault
	}
	if r.Mobility == nil || r.Range <= 0 || r.Sense < 1 || r.Capture < 1 {
		panic("sim: a Radio needs a Mobility, a Range, and a Sense and Capture of 1 or more")
	}
	sense := r.Range * r.Sense
	return &medium{
		radio: r, range2: r.Range * r.Range, sense2: sense * sense, capture2: r.Capture * r.Capture,
		acktime: airTime(RadioAcknowledgment, r.BasicRate),
	}
}

// airTime returns how long a frame is on the air.
func airTime(bytes int, rate int64) time.Duration {
	return RadioPreamble + time.Duration(int64(bytes)*8*int64(time.Second)/rate)
}

// tune gives a new host a radio.
func (w *World) tune(h *host) {
	r := rand.New(rand.NewPCG(combine(w.config.Seed, purposeMobility, uint64(h.place.ID), 0, 0), uint64(h.place.ID)))
	w.medium.stations = append(w.medium.stations, &station{
		host: h, path: w.medium.radio.Mobility.Path(&h.place, r), attempt: protocol.Never, timeout: protocol.Never, window: RadioWindowMin, heard: make(map[uint32]uint64),
	})
}

// Position returns where a host is now. It is for worlds with a radio.
func (w *World) Position(id protocol.NodeID) Point {
	return w.medium.stations[w.must(id).index].path.At(w.now)
}

// Reaches reports whether two hosts are within range of each other now, both are up and no partition stands between them.
func (w *World) Reaches(a, b protocol.NodeID) bool {
	from, to := w.medium.stations[w.must(a).index], w.medium.stations[w.must(b).index]
	return from.host.machine != nil && to.host.machine != nil && !w.severed(from.host.index, to.host.index) &&
		from.path.At(w.now).square(to.path.At(w.now)) <= w.medium.range2
}
