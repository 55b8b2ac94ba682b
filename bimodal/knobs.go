package bimodal

import "fmt"

// Ranges of knobs.
const (
	lifeMin      = 2
	lifeMax      = 10_000
	fanoutMax    = 16
	bufferersMax = 64
)

// Knobs are what a topic spends on reliability at one member. They say what this node does for the topic, as publisher and as
// subscriber; all members should give a topic the same. A knob that is zero follows Config, or TopicOptions.TargetProbability
// if that is set.
type Knobs struct {
	Life      int // rounds for which a packet is kept after it was received or asked for last: 2 to 10 000
	Fanout    int // digests a round that tell of the topic's streams: 1 to 16
	Bufferers int // members of the own zone that keep a packet beyond its short phase: 1 to 64
}

// validate reports the first knob that is neither zero nor within its range.
func (k Knobs) validate() error {
	for _, knob := range []struct {
		name        string
		value       int
		least, most int
	}{
		{"Life", k.Life, lifeMin, lifeMax},
		{"Fanout", k.Fanout, 1, fanoutMax},
		{"Bufferers", k.Bufferers, 1, bufferersMax},
	} {
		if knob.value != 0 && (knob.value < knob.least || knob.value > knob.most) {
			return &OptionError{Option: knob.name, Value: float64(knob.value), Least: float64(knob.least), Most: float64(knob.most)}
		}
	}
	return nil
}

// or returns k with what others say in place of zeros.
func (k Knobs) or(others Knobs) Knobs {
	if k.Life == 0 {
		k.Life = others.Life
	}
	if k.Fanout == 0 {
		k.Fanout = others.Fanout
	}
	if k.Bufferers == 0 {
		k.Bufferers = others.Bufferers
	}
	return k
}

// OptionError says that an option of a topic is out of its range.
type OptionError struct {
	Option      string // the field of TopicOptions, such as Life
	Value       float64
	Least, Most float64
}

// Error implements error.
func (e *OptionError) Error() string {
	return fmt.Sprintf("bimodal: TopicOptions.%s is %v, outside %v to %v", e.Option, e.Value, e.Least, e.Most)
}

// checkKnobs reports what is wrong with the options of a topic that concern reliability.
func (o *TopicOptions) checkKnobs() error {
	if p := o.TargetProbability; p != 0 && !(p >= probabilityMin && p <= probabilityMax) {
		return &OptionError{Option: "TargetProbability", Value: p, Least: probabilityMin, Most: probabilityMax}
	}
	return o.Knobs.validate()
}

// setKnobs takes over what a topic is to spend on reliability.
func (m *Machine) setKnobs(t *topic, o *TopicOptions) {
	t.chosen, t.target = o.Knobs, o.TargetProbability
	m.resolveKnobs(t)
}

// resolveKnobs makes the knobs of a topic from what was chosen for it, and from the number of members that are known to want it.
func (m *Machine) resolveKnobs(t *topic) {
	t.knobs = t.chosen
	if t.target != 0 {
		t.knobs = t.knobs.or(Target{Probability: t.target, Members: len(t.targets) + 1, Loss: planLoss}.plan())
	}
	t.knobs = t.knobs.or(Knobs{Life: m.config.Life, Fanout: m.config.Fanout, Bufferers: m.config.Bufferers})
	m.partnersKnown = false
}

// life returns for how many rounds packets of the topic are kept.
func (t *topic) life() uint32 { return uint32(t.knobs.Life) }
