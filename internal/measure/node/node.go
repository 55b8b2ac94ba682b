package node

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"spinglass"
	"spinglass/bimodal"
	"spinglass/internal/measure"
)

const (
	topic        = "bench"
	queueBytes   = 64 << 20        // of a receiver's subscription
	patience     = 6 * time.Second // longer than a missing packet is waited for
	pollInterval = 20 * time.Millisecond
)

// System is this library. Its setting is a means of spreading as [bimodal.ParseSpread] reads it, automatic when empty.
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
	n, err := spinglass.Start(ctx, spinglass.Config{
		Name: fmt.Sprintf("/local/m%03d", spec.Index), Listen: "127.0.0.1:0", First: spec.Index == 0, Join: spec.Addresses, ZoneLimit: spec.Members + 1,
	})
	if err != nil {
		return nil, err
	}
	m := &member{Node: n, spec: spec, stop: func() {}}
	if spec.Role == measure.RolePublisher {
		err = m.publishes(ctx)
	} else {
		err = m.receives(ctx, recorder)
	}
	if err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

func (m *member) publishes(ctx context.Context) error {
	means := bimodal.SpreadAuto
	if m.spec.Setting != "" {
		var err error
		if means, err = bimodal.ParseSpread(m.spec.Setting); err != nil {
			return err
		}
	}
	return m.ConfigureTopic(ctx, topic, spinglass.Rate(0), spinglass.Spread(means))
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
