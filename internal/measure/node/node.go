package node

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"spinglass"
	"spinglass/bimodal"
	"spinglass/internal/measure"
	"spinglass/internal/memoryfleet"
)

const (
	topic        = "bench"
	queueBytes   = 64 << 20        // of a receiver's subscription
	patience     = 6 * time.Second // longer than a missing packet is waited for
	pollInterval = 20 * time.Millisecond
)

// Setting is what can be chosen of this library. The zero value leaves everything to the nodes.
type Setting struct {
	Spread       bimodal.Spread `json:"spread"`
	DatagramSize int            `json:"datagram_size"` // bytes; see [spinglass.Config]
	Open         bool           `json:"open"`          // without identities: nothing is sealed or signed
}

// String returns the setting of a specification.
func (s Setting) String() string {
	text, err := json.Marshal(s)
	if err != nil {
		panic(err) // plain numbers can be encoded
	}
	return string(text)
}

// settingOf reads what String returns; empty text is the zero value.
func settingOf(text string) (s Setting, err error) {
	if text != "" {
		err = json.Unmarshal([]byte(text), &s)
	}
	return s, err
}

// identity returns that of a member of the fleet of a run, nil if there is to be none.
func (s Setting) identity(run uint32, name string) (*spinglass.Identity, error) {
	if s.Open {
		return nil, nil
	}
	authority, err := memoryfleet.Shared(run)
	if err != nil {
		return nil, err
	}
	return authority.Identity(name)
}

// OpenSystem is this library without identities: nothing is sealed or signed.
func OpenSystem() measure.System {
	return measure.System{Name: "spinglass-open", Ordered: true, Patience: patience, Start: startOpen}
}

func startOpen(ctx context.Context, spec measure.Spec, recorder *measure.Recorder) (measure.Member, error) {
	spec.Setting = Setting{Open: true}.String()
	return start(ctx, spec, recorder)
}

// System is this library. Its setting is a [Setting].
func System() measure.System {
	return measure.System{Name: "spinglass", Ordered: true, Patience: patience, Start: start}
}

// member is a node that publishes to the topic or is subscribed to it.
type member struct {
	*spinglass.Node
	spec      measure.Spec
	receiving sync.WaitGroup
	stop      context.CancelFunc
}

func start(ctx context.Context, spec measure.Spec, recorder *measure.Recorder) (measure.Member, error) {
	setting, err := settingOf(spec.Setting)
	if err != nil {
		return nil, err
	}
	// Multicast groups follow from topic and zone. With a zone of its own this fleet does not hear others on the machine.
	name := fmt.Sprintf("/bench-%08x/m%03d", spec.Run, spec.Index)
	identity, err := setting.identity(spec.Run, name)
	if err != nil {
		return nil, err
	}
	n, err := spinglass.Start(ctx, spinglass.Config{
		Name: name, Identity: identity, Listen: "127.0.0.1:0", First: spec.Index == 0, Join: spec.Addresses, ZoneLimit: spec.Members + 1,
		DatagramSize: setting.DatagramSize,
	})
	if err != nil {
		return nil, err
	}
	m := &member{Node: n, spec: spec, stop: func() {}}
	if spec.Role == measure.RolePublisher {
		err = m.ConfigureTopic(ctx, topic, spinglass.Rate(0), spinglass.Spread(setting.Spread))
	} else {
		err = m.receives(ctx, recorder)
	}
	if err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

func (m *member) receives(ctx context.Context, recorder *measure.Recorder) error {
	subscription, err := m.Subscribe(ctx, topic, spinglass.Queue(queueBytes))
	if err != nil {
		return err
	}
	receiving, stop := context.WithCancel(context.Background())
	m.stop = stop
	m.receiving.Go(func() {
		for message, err := range subscription.Messages(receiving) {
			if err == nil {
				recorder.Message(message.Payload)
			} else if gap, ok := errors.AsType[*spinglass.Gap](err); ok {
				recorder.Lost(gap.Count)
			}
		}
	})
	return nil
}

// Address implements measure.Member.
func (m *member) Address() string { return m.Addr() }

// Meet implements measure.Member: it waits until the node sees all others up.
func (m *member) Meet(ctx context.Context, _ []string) error {
	ticker := time.NewTicker(pollInterval)
	defer ticker.Stop()
	for {
		peers, err := m.Peers(ctx)
		if err != nil {
			return err
		}
		up := 0
		for i := range peers {
			if !peers[i].Self && peers[i].State == spinglass.PeerStateUp {
				up++
			}
		}
		if up == m.spec.Members-1 {
			return nil
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("only %d of %d others are up: %w", up, m.spec.Members-1, context.Cause(ctx))
		}
	}
}

// Publish implements measure.Member.
func (m *member) Publish(ctx context.Context, payload []byte) error {
	return m.Node.Publish(ctx, topic, payload)
}

// Flush implements measure.Member: nothing is kept back.
func (m *member) Flush(context.Context) error { return nil }

// Sleep implements measure.Sleeper.
func (m *member) Sleep(share float64, slot time.Duration) error {
	return m.SetFault(spinglass.Fault{Sleep: share, Slot: slot})
}

// Close implements measure.Member.
func (m *member) Close() error {
	m.stop()
	err := m.Node.Close()
	m.receiving.Wait()
	return err
}
