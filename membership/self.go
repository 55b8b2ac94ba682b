package membership

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"spinglass/protocol"
	"spinglass/table"
)

// EpochKey is the key under which a durable member stores its boot counter.
const EpochKey = "epoch"

// storeNumber is the number of the Persist of the boot counter: there is one under way at most.
const storeNumber = 1

// storeRetry is how long the member waits after the boot counter could not be stored.
const storeRetry = time.Second

// Errors of commands.
var (
	ErrLeft          = errors.New("membership: the member is leaving or has left")
	ErrNotRunning    = errors.New("membership: the member does not take part yet")
	ErrVerifyQueue   = errors.New("membership: too much waits to be verified")
	ErrNoticesFull   = errors.New("membership: no place to pass it on: there are too many lists of issuers as close to the root")
	ErrAttributeName = errors.New("membership: attribute name empty or too long")
)

// AppendEpoch appends the form in which a boot counter is stored: decimal digits.
func AppendEpoch(b []byte, epoch uint64) []byte { return strconv.AppendUint(b, epoch, 10) }

// ParseEpoch reads what AppendEpoch wrote. Nothing stored yet (no bytes) reads as 0.
func ParseEpoch(b []byte) (uint64, error) {
	if len(b) == 0 {
		return 0, nil
	}
	epoch, err := strconv.ParseUint(string(b), 10, 64)
	if err != nil || epoch >= table.EpochMax {
		return 0, fmt.Errorf("membership: stored epoch %q is not a number below 2^48", b)
	}
	return epoch, nil
}

// store asks for the epoch to be made durable before it is used.
func (m *Machine) store(out *protocol.Output) {
	if m.stage == stageNew {
		m.stage = stageStoring
	}
	out.Do(&protocol.Persist{Number: storeNumber, Key: EpochKey, Value: AppendEpoch(nil, m.raised)})
}

// persisted goes on with what waited for the epoch to be durable.
func (m *Machine) persisted(now protocol.Time, e protocol.Persisted, out *protocol.Output) {
	if e.Key != EpochKey || e.Number != storeNumber || m.raised == 0 || m.stage > stageRunning {
		return
	}
	if e.Err != nil {
		m.stats.PersistFailures++
		m.deadlines.Set(taskStore, now.Add(storeRetry))
		out.Emit(EpochNotStored{Err: e.Err, Retry: storeRetry})
		return
	}
	if m.stage == stageStoring {
		m.raised = 0
		m.ready(now, out)
		return
	}
	m.jump(now, out)
}

// inCirculation deals with the own row met in a version that this member never made: it ran before with the same NodeID and lost
// its boot counter, or somebody else invents versions. It goes above. One jump is under way at a time and one comes in the time of a
// heartbeat, so that neither an inventor nor a second member with the same NodeID makes it store epochs and push rows without end.
func (m *Machine) inCirculation(now protocol.Time, version table.Version, out *protocol.Output) {
	if version.Compare(m.own.Version()) <= 0 || m.raised != 0 || version.Epoch >= table.EpochMax-1 || now < m.jumpNext {
		return
	}
	m.jumpNext = now.Add(m.config.Beat)
	m.raised = version.Epoch + 1
	m.stats.EpochJumps++
	if m.config.Durable {
		m.store(out)
		return
	}
	m.jump(now, out)
}

// jump starts the own row anew in the raised epoch.
func (m *Machine) jump(now protocol.Time, out *protocol.Output) {
	next := *m.draft()
	next.Epoch, next.Sequence = m.raised, 0
	m.raised = 0
	if g := m.guard; g != nil {
		g.signer.draft, g.signer.sequence = &next, 0
		if err := g.newLinks(); err != nil {
			panic(err) // the length was checked
		}
		next = *g.signer.draft
	}
	m.change(now, &next, out)
	out.Emit(protocol.EpochRaised{Epoch: next.Epoch})
}

// publish makes row the own one and lets it spread.
func (m *Machine) publish(now protocol.Time, row *table.Row, out *protocol.Output) {
	before := m.own.Row()
	m.table.Merge(m.awake.time, row, m.own.Version().Heartbeat+1, nil)
	m.stats.Heartbeats++
	m.lastBeat = now
	if m.stage == stageRunning {
		m.relocate(now, before, out)
		m.changed(now, m.own)
	}
}

// beat advances the own heartbeat when it is time.
func (m *Machine) beat(now protocol.Time, out *protocol.Output) {
	// A little early is better than a round late.
	if now.Sub(m.lastBeat) < m.config.Beat-m.config.Round/4 {
		return
	}
	claim := m.own.Claim()
	claim.Heartbeat++
	proof, ok := m.proveBeat(now, claim.Heartbeat, out)
	if !ok {
		return
	}
	m.table.Beat(m.awake.time, claim, proof)
	m.lastBeat = now
	m.stats.Heartbeats++
}

// evidence returns what every message says of its sender.
func (m *Machine) evidence() Evidence {
	return Evidence{Version: m.own.Version(), Proof: m.own.Proof()}
}

// SetAttribute sets an attribute of the own row, or takes it away when its value is nil. The new row is pushed to several peers
// once the present batch of inputs is done. The value is copied. Errors: ErrLeft, ErrAttributeName, table.ErrField when there are
// table.AttributesMax already, *table.RowTooLargeError (a table.ErrRowFull) with the sizes, and with an identity ErrNotGranted.
func (m *Machine) SetAttribute(now protocol.Time, attribute protocol.Attribute, out *protocol.Output) error {
	m.awake.observe(now)
	if m.stage > stageRunning {
		return ErrLeft
	}
	if attribute.Name == "" || len(attribute.Name) > table.AttributeNameMax {
		m.stats.AttributesRefused++
		return ErrAttributeName
	}
	if m.guard != nil && !mayset(m.guard.own.verified.Grants, attribute.Name) {
		m.stats.AttributesRefused++
		return ErrNotGranted
	}
	if held, ok := m.draft().Attribute(attribute.Name); ok == (attribute.Value != nil) && string(held) == string(attribute.Value) {
		return nil
	}
	next := m.draft().WithAttribute(attribute)
	if err := m.check(next); err != nil {
		m.stats.AttributesRefused++
		return err
	}
	m.change(now, next, out)
	return nil
}

// Self returns the member itself as others see it.
func (m *Machine) Self() *protocol.Peer { return m.view(m.own) }
