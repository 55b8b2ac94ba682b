package fec

import (
	"math"
	"math/rand/v2"
	"time"

	"spinglass/protocol"
)

// asking is the process by which a receiver asks for what it needs.
type asking uint8

const (
	idle asking = iota
	backingOff
	holdingOff
)

// wake begins a back-off if something is needed and none is under way.
func (m *Machine) wake(now protocol.Time) {
	if m.asking != idle || !m.needy() {
		return
	}
	m.asking = backingOff
	for _, b := range m.blocks {
		if b != nil {
			b.asked = 0
		}
	}
	m.timers.Set(dutyNak, now.Add(backOff(m.config.Rand, m.times(m.config.Factor), m.group.Len()+1)))
}

// needy reports whether this receiver has a need.
func (m *Machine) needy() bool {
	for _, b := range m.blocks {
		if b != nil && m.need(b) > 0 {
			return true
		}
	}
	return false
}

// backOff draws a time up to most that is exponentially distributed, so that of a group of that size few draw short ones (RFC 5401, section 3.2.2).
func backOff(r *rand.Rand, most time.Duration, size int) time.Duration {
	lambda, longest := math.Log(float64(max(size, 1)))+1, most.Seconds()
	x := r.Float64()*lambda/longest + lambda/(longest*(math.Exp(lambda)-1))
	drawn := longest / lambda * math.Log(x*(math.Exp(lambda)-1)*longest/lambda)
	return min(max(time.Duration(drawn*float64(time.Second)), 0), most)
}

// overhear takes in what another receiver asks for.
func (m *Machine) overhear(v *Message) {
	for _, n := range v.Needs {
		if b := m.at(n.Block); b != nil {
			b.asked = max(b.asked, n.Count)
		}
	}
}

// ask ends the back-off, by a NAK for what others have not asked for, or the time of holding off after it.
func (m *Machine) ask(now protocol.Time, out *protocol.Output) {
	if m.asking == holdingOff {
		m.asking = idle
		m.wake(now)
		return
	}
	v := &Message{kind: KindNak}
	suppressed := false
	for n := max(m.begin, m.high-min(m.high, uint64(len(m.blocks))-1)); n <= m.high && len(v.Needs) < NeedsMax; n++ {
		b := m.at(n)
		if b == nil || m.need(b) == 0 {
			continue
		}
		if count := m.need(b); count > b.asked {
			v.Needs = append(v.Needs, Need{b.number, count})
		} else {
			suppressed = true
		}
	}
	if len(v.Needs) > 0 {
		m.stats.Naks++
		m.spread(v, out)
	} else if suppressed {
		m.stats.Suppressed++
	} else {
		m.asking = idle // what was missing has come
		return
	}
	m.asking = holdingOff
	m.timers.Set(dutyNak, now.Add(m.times(m.config.Factor+2)))
}
