package sim

import (
	"fmt"
	"math"
	"slices"
	"testing"
	"time"

	"spinglass/protocol"
)

// A host without a radio broadcasts nothing, and that is counted.
func TestBroadcastWithoutRadio(t *testing.T) {
	w := gossipWorld(Config{Seed: 1}, 2)
	w.Check(NewAccount(w))
	w.Command(1, func(_ protocol.Time, _ protocol.Machine, out *protocol.Output) { out.Broadcast(&toyMessage{number: 1}) })
	w.Run(ms(1))
	if s := w.Stats(); s.RadioNone != 1 || s.Sent != 0 || s.Received != 0 {
		t.Errorf("%+v", s)
	}
	if err := w.Finish(); err != nil {
		t.Error(err)
	}
}

// radioWorld is a world of hosts that do nothing by themselves, with IDs from 1 on, with a range of 100 m.
func radioWorld(t *testing.T, change func(*Radio), positions ...Point) *World {
	t.Helper()
	radio := Radio{Mobility: Fixed(positions), Range: 100}
	if change != nil {
		change(&radio)
	}
	w := New(Config{Seed: 1, Network: Network{Radio: &radio}})
	w.Check(NewAccount(w))
	for i := range positions {
		w.Add(HostConfig{ID: protocol.NodeID(i + 1), Build: func(b Boot) protocol.Machine { return &actor{boot: b, deadline: protocol.Never} }})
	}
	w.Run(0)
	t.Cleanup(func() {
		if err := w.Finish(); err != nil {
			t.Error(err)
		}
	})
	return w
}

// radioSend has a host broadcast a message, to 0, or send it to another host.
func radioSend(w *World, from, to protocol.NodeID, number uint64, size int) {
	w.Command(from, func(_ protocol.Time, _ protocol.Machine, out *protocol.Output) {
		m := &toyMessage{number: number, body: make([]byte, size)}
		if to == 0 {
			out.Broadcast(m)
		} else {
			out.Send(to, m)
		}
	})
}

func numbersOf(w *World, id protocol.NodeID) []uint64 { return actorOf(w, id).numbers }

// Who is within range hears a broadcast, others do not; a unicast is heard by its receiver only.
func TestRadioRange(t *testing.T) {
	w := radioWorld(t, nil, Point{0, 0}, Point{100, 0}, Point{0, 101}, Point{60, 80})
	radioSend(w, 1, 0, 7, 64)
	w.Run(ms(20))
	radioSend(w, 1, 2, 8, 64)
	w.Run(ms(40))
	for id, want := range map[protocol.NodeID][]uint64{1: nil, 2: {7, 8}, 3: nil, 4: {7}} {
		if got := numbersOf(w, id); !slices.Equal(got, want) {
			t.Errorf("host %v heard %v, want %v", id, got, want)
		}
	}
	if s := w.Stats().Radio; s.Acknowledged != 1 || s.Acknowledgements != 1 || s.Frames != 2 || s.Done != 1 || s.Broken != 0 {
		t.Errorf("%+v", s)
	}
	if !w.Reaches(1, 4) || w.Reaches(1, 3) {
		t.Error("Reaches is wrong")
	}
}

// A frame takes the preamble and its bits at the rate that it has: the standard's timings, added up.
func TestRadioAirTime(t *testing.T) {
	w := radioWorld(t, nil, Point{0, 0}, Point{50, 0})
	radioSend(w, 1, 2, 1, 64)
	w.Run(ms(20))
	bytes := datagramSize(&toyMessage{body: make([]byte, 64)}) + 28 + 36
	sent := time.Duration(192_000 + 8*500*bytes)
	if got := w.Stats().Radio.AirTime; got != sent+time.Duration(192_000+8*1000*14) {
		t.Errorf("on the air for %v", got)
	}
	at := time.Duration(actorOf(w, 2).times[0]) - sent - RadioDIFS
	if at < 0 || at > RadioWindowMin*RadioSlot || at%RadioSlot != 0 {
		t.Errorf("it was sent %v after DIFS, which is no number of slots within the window", at)
	}
}

// saturate has each of some hosts hold as many frames for a receiver as fit, for a while.
func saturate(w *World, to protocol.NodeID, size int, until time.Duration, from ...protocol.NodeID) {
	for at := time.Duration(0); at < until; at += 20 * time.Millisecond {
		w.At(protocol.Time(at), func() {
			for _, id := range from {
				for range 30 {
					radioSend(w, id, to, uint64(at), size)
				}
			}
		})
	}
	w.Run(protocol.Time(until))
}

// Two senders that cannot sense each other collide at the receiver between them; where they can, they wait for each other.
func TestHiddenTerminals(t *testing.T) {
	lost := func(sense, apart float64) float64 {
		w := radioWorld(t, func(r *Radio) { r.Sense = sense }, Point{0, 0}, Point{apart / 2, 0}, Point{apart, 0})
		saturate(w, 0, 512, 10*time.Second, 1, 3)
		// In sight of each other both would hear the other, and count: what matters is the one in the middle.
		return 1 - float64(len(numbersOf(w, 2)))/float64(w.Stats().Radio.Frames)
	}
	if share := lost(1, 180); share < 0.7 {
		t.Errorf("hidden: %.3f of the frames are lost", share)
	}
	if share := lost(2, 180); share > 0.01 {
		t.Errorf("out of range, and sensed: %.3f of the frames are lost", share)
	}
	// Two that draw the same of 32 slots collide, of which one is spent already when the other begins.
	if share := lost(1, 90); share < 0.02 || share > 0.1 {
		t.Errorf("in range: %.3f of the frames are lost", share)
	}
}

// A near sender is understood in spite of a far one, by the factor of capture.
func TestCapture(t *testing.T) {
	heard := func(capture float64) int {
		w := radioWorld(t, func(r *Radio) { r.Sense, r.Capture = 1, capture }, Point{0, 0}, Point{40, 0}, Point{120, 0})
		for range 40 { // host 1 and 3 do not sense each other, 2 hears both, 3 from twice as far
			radioSend(w, 1, 0, 1, 1000)
			radioSend(w, 3, 0, 3, 1000)
		}
		w.Run(seconds(2))
		n := 0
		for _, number := range numbersOf(w, 2) {
			if number == 1 {
				n++
			}
		}
		return n
	}
	if captured, not := heard(1.78), heard(2.5); captured < 25 || not > 8 {
		t.Errorf("%d of 40 with capture, %d without", captured, not)
	}
}

// What is not acknowledged is sent seven times with growing backoff, and then the machine is told; a broadcast is sent once.
func TestRetries(t *testing.T) {
	w := radioWorld(t, nil, Point{0, 0}, Point{150, 0})
	radioSend(w, 1, 2, 5, 64)
	w.Run(seconds(1))
	a := actorOf(w, 1)
	if len(a.events) != 1 {
		t.Fatalf("events: %v", a.events)
	}
	broken, ok := a.events[0].(protocol.LinkBroken)
	if !ok || broken.To != 2 || broken.Message.(*toyMessage).number != 5 {
		t.Errorf("%+v", a.events[0])
	}
	if s := w.Stats().Radio; s.Frames != RadioTriesMax || s.Repetitions != RadioTriesMax-1 || s.Broken != 1 || s.Away != RadioTriesMax || s.Copies != 0 {
		t.Errorf("%+v", s)
	}
	radioSend(w, 1, 0, 6, 64)
	w.Run(seconds(2))
	if s := w.Stats().Radio; s.Frames != RadioTriesMax+1 || s.Done != 1 || len(a.events) != 1 {
		t.Errorf("a broadcast: %+v", s)
	}
}

// A unicast survives losses that a broadcast does not, and arrives once, whatever is lost of acknowledgements.
func TestUnicastIsRepeated(t *testing.T) {
	arrived := func(to protocol.NodeID) (int, RadioStats) {
		w := radioWorld(t, func(r *Radio) { r.Sense = 1 }, Point{0, 0}, Point{90, 0}, Point{180, 0}, Point{270, 0})
		for i := range 50 { // host 3 is hidden from 1, disturbs at 2, and is disturbed by 2's acknowledgements
			w.At(protocol.Time(i)*ms(20), func() {
				radioSend(w, 1, to, uint64(1000+i), 256)
				radioSend(w, 3, 4, uint64(i), 256)
			})
		}
		w.Run(seconds(3))
		numbers := slices.DeleteFunc(slices.Clone(numbersOf(w, 2)), func(n uint64) bool { return n < 1000 })
		distinct := slices.Compact(slices.Clone(numbers))
		if len(distinct) != len(numbers) {
			t.Errorf("%d of %d messages arrived twice", len(numbers)-len(distinct), len(numbers))
		}
		return len(numbers), w.Stats().Radio
	}
	unicast, s := arrived(2)
	broadcast, _ := arrived(0)
	if unicast < 49 || broadcast > 40 || s.Repetitions == 0 {
		t.Errorf("%d unicasts and %d broadcasts of 50 arrived: %+v", unicast, broadcast, s)
	}
}

// A link that never rests sends a frame in DIFS, the mean backoff, the frame, SIFS and the acknowledgement.
func TestSaturatedLink(t *testing.T) {
	for _, size := range []int{64, 512, 1500} {
		w := radioWorld(t, nil, Point{0, 0}, Point{50, 0})
		saturate(w, 2, size, 20*time.Second, 1)
		bytes := datagramSize(&toyMessage{body: make([]byte, size)}) + Overhead + RadioFrameOverhead
		cycle := RadioDIFS + RadioSlot*RadioWindowMin/2 + airTime(bytes, RadioRateDefault) + RadioSIFS + airTime(RadioAcknowledgment, RadioBasicRateDefault)
		want := 20 * float64(time.Second) / float64(cycle)
		if got := float64(w.Stats().Radio.Acknowledged); math.Abs(got/want-1) > 0.01 {
			t.Errorf("%d bytes: %.0f frames in 20 s, want %.0f", size, got, want)
		}
	}
}

// bianchi returns the throughput of n saturated stations by Bianchi's model ("Performance Analysis of the IEEE 802.11 Distributed Coordination Function", 2000), as frames a second.
func bianchi(n int, success, collision time.Duration) float64 {
	const stages = 5 // 31 to 1023
	low, high := 0.0, 1.0
	tau := 0.0
	for range 100 { // tau falls as p grows, p grows with tau
		p := (low + high) / 2
		sum := 0.0
		for i := range stages {
			sum += math.Pow(2*p, float64(i))
		}
		tau = 2 / (1 + (RadioWindowMin + 1) + p*(RadioWindowMin+1)*sum)
		if 1-math.Pow(1-tau, float64(n-1)) > p {
			low = p
		} else {
			high = p
		}
	}
	some := 1 - math.Pow(1-tau, float64(n))
	one := float64(n) * tau * math.Pow(1-tau, float64(n-1))
	mean := (1-some)*RadioSlot.Seconds() + one*success.Seconds() + (some-one)*collision.Seconds()
	return one / mean
}

// Stations that hear each other share the medium as the model says.
func TestSaturatedStations(t *testing.T) {
	for _, n := range []int{2, 5, 10} {
		var positions []Point
		var from []protocol.NodeID
		for i := range n + 1 {
			positions = append(positions, Point{math.Cos(float64(i)), math.Sin(float64(i))})
			from = append(from, protocol.NodeID(i+1))
		}
		w := radioWorld(t, func(r *Radio) { r.Capture = 1000 }, positions...)
		saturate(w, protocol.NodeID(n+1), 1000, 10*time.Second, from[:n]...)
		frame := airTime(datagramSize(&toyMessage{body: make([]byte, 1000)})+Overhead+RadioFrameOverhead, RadioRateDefault)
		ack := airTime(RadioAcknowledgment, RadioBasicRateDefault)
		want := bianchi(n, frame+RadioSIFS+ack+RadioDIFS, frame+RadioSIFS+ack+RadioDIFS)
		got := float64(w.Stats().Radio.Acknowledged) / 10
		t.Logf("%d stations: %.1f frames/s, the model says %.1f", n, got, want)
		if math.Abs(got/want-1) > 0.05 {
			t.Errorf("%d stations: %.1f frames/s, the model says %.1f", n, got, want)
		}
	}
}

// A queue takes as many frames as it has room for.
func TestRadioQueue(t *testing.T) {
	w := radioWorld(t, func(r *Radio) { r.Queue = 10 }, Point{0, 0}, Point{50, 0})
	for i := range 25 {
		radioSend(w, 1, 2, uint64(i), 64)
	}
	radioSend(w, 1, 2, 99, 3000)
	w.Run(seconds(1))
	if s := w.Stats().Radio; s.QueueFull != 15 || s.Acknowledged != 10 || s.TooLarge != 1 || len(numbersOf(w, 2)) != 10 {
		t.Errorf("%+v", s)
	}
}

// What a host that crashes had queued is gone, and what it had on the air changes nothing for the next incarnation. Partitions stand for walls.
func TestRadioCrashAndPartition(t *testing.T) {
	w := radioWorld(t, nil, Point{0, 0}, Point{50, 0})
	for i := range 5 {
		radioSend(w, 1, 2, uint64(i), 1000)
	}
	w.Run(ms(3)) // within the first frame
	w.Restart(1, false)
	radioSend(w, 1, 2, 9, 64)
	w.Run(seconds(1))
	if got := numbersOf(w, 2); !slices.Equal(got, []uint64{0, 9}) || w.Stats().Radio.QueueLost != 5 {
		t.Errorf("%v, %+v", got, w.Stats().Radio)
	}
	p := w.Isolate(2)
	radioSend(w, 1, 2, 10, 64)
	w.Run(seconds(2))
	p.Heal()
	radioSend(w, 1, 2, 11, 64)
	w.Run(seconds(3))
	if got := numbersOf(w, 2); !slices.Equal(got, []uint64{0, 9, 11}) || w.Stats().Radio.Broken != 1 {
		t.Errorf("%v, %+v", got, w.Stats().Radio)
	}
	w.Crash(2)
	radioSend(w, 1, 2, 12, 64)
	w.Run(seconds(4))
	if w.Stats().Radio.Broken != 2 {
		t.Errorf("who is down acknowledges: %+v", w.Stats().Radio)
	}
}

// roamer is a gossiper on a radio.
type roamer struct{ gossiper }

func (r *roamer) Timeout(now protocol.Time, out *protocol.Output) {
	if now >= r.next && r.number%3 == 0 {
		r.next = now.Add(r.period)
		r.number++
		out.Broadcast(&toyMessage{number: r.number << 20, body: []byte("all")})
		return
	}
	r.gossiper.Timeout(now, out)
}

func (r *roamer) Notify(now protocol.Time, e protocol.Event, out *protocol.Output) {
	if broken, ok := e.(protocol.LinkBroken); ok {
		out.Emit(toyEvent{from: broken.To, number: broken.Message.(*toyMessage).number})
	}
}

func roamerTrial(seed uint64) *Trial {
	cost := CommodityCost()
	radio := &Radio{Mobility: RandomWaypoint{Width: 300, Height: 300, SpeedMin: 1, SpeedMax: 30, PauseMax: time.Second}, Range: 90}
	return &Trial{
		Config: Config{Seed: seed, Decoder: newToyDecoder, Content: true, Network: Network{Radio: radio}, Cost: cost},
		Faults: DrawFaults(Draw(seed), 4*time.Second), Safety: 4 * time.Second,
		Build: func(w *World) {
			for i := range 20 {
				w.Add(HostConfig{ID: protocol.NodeID(i + 1), Build: func(b Boot) protocol.Machine {
					return &roamer{gossiper{boot: b, peers: 20, period: 50 * time.Millisecond}}
				}})
			}
		},
	}
}

// Equal seeds give equal traces, encoded or not, with crashes, partitions and pauses, and every datagram is accounted for.
func TestRadioSwarm(t *testing.T) {
	var hashes []uint64
	for seed := range uint64(20) {
		trial := roamerTrial(seed)
		if err := trial.Repeat(); err != nil {
			t.Fatalf("seed %d: %v", seed, err)
		}
		if seed < 2 {
			w, _ := trial.Run()
			hashes = append(hashes, w.Hash())
			if s := w.Stats().Radio; s.Acknowledged == 0 || s.Broken == 0 || s.Collided == 0 || s.Done == 0 {
				t.Errorf("little happens: %+v", s)
			}
		}
	}
	if hashes[0] == hashes[1] {
		t.Error("two seeds give the same trace")
	}
}

func BenchmarkRadio(b *testing.B) {
	for _, n := range []int{40, 200} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				radio := &Radio{Mobility: RandomWaypoint{Width: 200, Height: 200, SpeedMin: 0.2, SpeedMax: 2, PauseMax: 80 * time.Second}, Range: 75}
				w := New(Config{Seed: 1, Network: Network{Radio: radio}})
				for i := range n {
					w.Add(HostConfig{ID: protocol.NodeID(i + 1), Build: func(b Boot) protocol.Machine {
						return &roamer{gossiper{boot: b, peers: n, period: 200 * time.Millisecond}}
					}})
				}
				w.Run(seconds(60))
			}
		})
	}
}
