package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"spinglass/protocol"
)

// measurement is a signal: what a consumer tells of its contract.
type measurement struct {
	at        protocol.Time
	load      float64 // MW
	frequency float64 // Hz, as it measures it
}

// measurementSize is that of a frame of a phasor measurement unit (IEEE C37.118), of which the example uses a part.
const measurementSize = 64

// topicOf returns the topic of a contract's signal.
func topicOf(c int) string { return fmt.Sprintf("contract/%d", c) }

// contractOf returns the contract of a topic.
func contractOf(topic string) (c int, err error) {
	_, err = fmt.Sscanf(topic, "contract/%d", &c)
	return c, err
}

func (s measurement) encode() []byte {
	b := make([]byte, 0, measurementSize)
	b = binary.BigEndian.AppendUint64(b, uint64(s.at))
	b = binary.BigEndian.AppendUint64(b, math.Float64bits(s.load))
	b = binary.BigEndian.AppendUint64(b, math.Float64bits(s.frequency))
	return b[:measurementSize]
}

var errMeasurement = errors.New("not a signal")

func decodeMeasurement(b []byte) (measurement, error) {
	if len(b) != measurementSize {
		return measurement{}, errMeasurement
	}
	return measurement{
		protocol.Time(binary.BigEndian.Uint64(b)), math.Float64frombits(binary.BigEndian.Uint64(b[8:])), math.Float64frombits(binary.BigEndian.Uint64(b[16:])),
	}, nil
}

// known is what a member knows of a contract.
type known struct {
	wanted   float64 // rating
	latest   measurement
	got      uint64
	lost     uint64        // signals that it was told are lost, below rating 1 an estimate
	delay    time.Duration // sum over what came in the storm,
	stormy   int           // as often
	energy   float64       // MW seconds, as far as signals tell
	acted    protocol.Time
	received bool
}

// take takes in a signal. Until the next one the load is taken to be halfway in between.
func (k *known) take(s measurement) {
	if k.received && s.at > k.latest.at {
		k.energy += (k.latest.load + s.load) / 2 * s.at.Sub(k.latest.at).Seconds()
	}
	k.latest, k.received = s, true
	k.got++
}

// gapMax bounds for how long a deviation of the frequency is taken to have lasted that a signal tells of.
const gapMax = time.Second

// act is what a producer does when a signal comes: it follows the load of its contracts, and restores the frequency.
func (f *fleet) act(now protocol.Time, m, c int) {
	u, k := f.plant.units[m], &f.known[m][c]
	sum, contracts := 0.0, 0
	for other := range f.topology.contracts {
		if f.topology.contracts[other].producer == m {
			sum += f.known[m][other].latest.load
			contracts++
		}
	}
	u.Setpoint = sum
	u.Restore(k.latest.frequency-nominal, gain*u.Rated/float64(contracts), min(now.Sub(k.acted), gapMax))
	k.acted = now
}
