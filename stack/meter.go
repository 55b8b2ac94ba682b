package stack

import (
	"maps"
	"time"

	"spinglass/bimodal"
	"spinglass/protocol"
)

// Bounds of meters.
const (
	metersMax   = 4096
	meterWindow = 5 * time.Second
	meterIdle   = time.Minute // after which a meter may make room for another one
)

// meters measure what is received of each topic: packets on their first way, those that are to be handed on, and repairs, all of them also when they came before.
type meters struct {
	topics  map[bimodal.TopicID]*meter
	latest  bimodal.TopicID // of which something came last
	meter   *meter
	refused uint64
	swept   protocol.Time
}

// meter measures bytes by windows.
type meter struct {
	begun   protocol.Time // the present window
	present uint64        // bytes in it
	past    uint64        // bytes of the window before
}

func newMeters() meters { return meters{topics: map[bimodal.TopicID]*meter{}} }

// meter counts a message that has arrived.
func (n *Node) meter(now protocol.Time, message protocol.Message) {
	if n.patterns == nil {
		return
	}
	if id, ok := bimodal.TopicOfPacket(message); ok {
		n.patterns.meters.add(now, id, message.Size())
	}
}

func (m *meters) add(now protocol.Time, id bimodal.TopicID, bytes int) {
	if id != m.latest || m.meter == nil {
		if m.latest, m.meter = id, m.find(now, id); m.meter == nil {
			m.refused++
			return
		}
	}
	m.meter.turn(now)
	m.meter.present += uint64(bytes)
}

// find returns the meter of a topic, nil when there are too many.
func (m *meters) find(now protocol.Time, id bimodal.TopicID) *meter {
	known := m.topics[id]
	if known != nil {
		return known
	}
	if len(m.topics) >= metersMax {
		if m.sweep(now); len(m.topics) >= metersMax {
			return nil
		}
	}
	known = &meter{begun: now}
	m.topics[id] = known
	return known
}

// sweep makes room, at most once in a window.
func (m *meters) sweep(now protocol.Time) {
	if now.Sub(m.swept) < meterWindow {
		return
	}
	m.swept, m.meter = now, nil
	maps.DeleteFunc(m.topics, func(_ bimodal.TopicID, known *meter) bool { return now.Sub(known.begun) >= meterIdle })
}

// turn begins a window when the present one is over.
func (m *meter) turn(now protocol.Time) {
	switch past := now.Sub(m.begun); {
	case past < meterWindow:
	case past < 2*meterWindow:
		m.begun, m.past, m.present = m.begun.Add(meterWindow), m.present, 0
	default:
		m.begun, m.past, m.present = now, 0, 0
	}
}

// rate returns bytes a second: those of the window before, and of the present one as far as the other one is not a whole window.
func (m *meter) rate(now protocol.Time) float64 {
	m.turn(now)
	share := float64(now.Sub(m.begun)) / float64(meterWindow)
	return (float64(m.past)*(1-share) + float64(m.present)) / meterWindow.Seconds()
}

// Received returns how many bytes a second of a topic this member has received of late, in packets of all kinds, whether it has subscribed to it, carries it for others, or neither.
func (n *Node) Received(now protocol.Time, topic string) float64 {
	if n.patterns == nil {
		return 0
	}
	if m := n.patterns.meters.topics[bimodal.TopicOf(topic)]; m != nil {
		return m.rate(now)
	}
	return 0
}
