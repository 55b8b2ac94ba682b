package plan

import (
	"fmt"
	"time"
)

// Ranges of a Setting.
const (
	MembersMin = 2
	MembersMax = ZoneMax * zonesMax
	LossMax    = 0.2
	RateMin    = 0.1
	RateMax    = 1000
	SizeMax    = 1100 // bytes of a message that has a packet of its own
	ZoneMin    = 8
	ZoneMax    = 1024
	LatencyMax = time.Second

	zonesMax = 128 // rows of a table by default
)

// Setting is a group, its network, and its load.
type Setting struct {
	Members int     // who want the topic: MembersMin to MembersMax
	Zone    int     // members of a leaf zone, at most: ZoneMin to ZoneMax
	Loss    float64 // probability that a datagram is lost, whatever its way: 0 to LossMax
	Rate    float64 // messages a second, all of one author: RateMin to RateMax
	Size    int     // bytes of a message: 1 to SizeMax
	// Target is the probability that a message reaches all members: 0.5 to 1 - 1e-7.
	Target float64
	// Latency is the mean time that a datagram takes within a leaf zone, and between zones. It is spread evenly from half of that to one and a half.
	Latency [2]time.Duration
}

// zoneUsual is how many members a leaf zone has where there are not too many for as many zones as there may be.
const zoneUsual = 64

// DefaultSetting returns what is not said otherwise of a group of so many members.
func DefaultSetting(members int) Setting {
	return Setting{
		Members: members, Zone: min(max(zoneUsual, (members+zonesMax-1)/zonesMax), ZoneMax), Loss: 0.01, Rate: 10, Size: 300, Target: 0.99999,
		Latency: [2]time.Duration{time.Millisecond, 2 * time.Millisecond},
	}
}

// RangeError says which field of a Setting or of Parameters is out of its range.
type RangeError struct {
	Field       string // in lower case, such as loss
	Value       any
	Least, Most any
}

// Error implements error.
func (e *RangeError) Error() string {
	return fmt.Sprintf("%s: %v is not from %v to %v", e.Field, e.Value, e.Least, e.Most)
}

func within[T int | float64 | time.Duration](field string, value, least, most T) error {
	if value >= least && value <= most {
		return nil
	}
	return &RangeError{Field: field, Value: value, Least: least, Most: most}
}

// targetMost is the highest target: with MembersMax members the probability for each of them is still one that bimodal.Plan takes.
const targetMost = 1 - 1e-7

// Validate reports the first field that is out of its range.
func (s *Setting) Validate() error {
	for _, err := range []error{
		within("members", s.Members, MembersMin, MembersMax),
		within("zone", s.Zone, ZoneMin, ZoneMax),
		within("loss", s.Loss, 0, LossMax),
		within("rate", s.Rate, RateMin, RateMax),
		within("size", s.Size, 1, SizeMax),
		within("target", s.Target, 0.5, targetMost),
		within("latency", s.Latency[0], time.Microsecond, LatencyMax),
		within("latency", s.Latency[1], time.Microsecond, LatencyMax),
	} {
		if err != nil {
			return err
		}
	}
	if s.Members > s.Zone*zonesMax {
		return &RangeError{Field: "zone", Value: s.Zone, Least: (s.Members + zonesMax - 1) / zonesMax, Most: ZoneMax}
	}
	return nil
}

// zones are the leaf zones of a setting, siblings of each other: evenly many members to each.
type zones struct{ members, leaves int }

func (s *Setting) zones() zones { return zones{s.Members, (s.Members + s.Zone - 1) / s.Zone} }

// leafOf returns the leaf zone of a member, from 0.
func (z zones) leafOf(member int) int { return member * z.leaves / z.members }

// membersOf returns the first member of a leaf zone, and the one behind its last.
func (z zones) membersOf(leaf int) (first, end int) {
	return (leaf*z.members + z.leaves - 1) / z.leaves, ((leaf+1)*z.members + z.leaves - 1) / z.leaves
}

func (z zones) path(leaf int) string { return fmt.Sprintf("/z%d", leaf) }

// representatives is how many members of a zone the views of others hold.
const representatives = 3

// represent returns the representatives of a leaf zone.
func (z zones) represent(leaf int) (first, end int) {
	first, end = z.membersOf(leaf)
	return first, min(end, first+representatives)
}

// author returns the member that publishes: the last of the first leaf zone, which does not represent it where there are more than three.
func (z zones) author() int {
	_, end := z.membersOf(0)
	return end - 1
}
