package measure

import (
	"context"
	"sync"
	"testing"
	"time"
)

// memory is a system within one process: receivers are called by the publisher. It can lose, reorder, and be slow.
type memory struct {
	mu        sync.Mutex
	receivers []*Recorder
	behave    func(number uint64, deliver func(payload []byte), payload []byte)
}

func (m *memory) system() System {
	return System{Name: "memory", Ordered: true, Patience: 50 * time.Millisecond, Start: m.start}
}

func (m *memory) start(_ context.Context, spec Spec, recorder *Recorder) (Member, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if spec.Role == RoleReceiver {
		m.receivers = append(m.receivers, recorder)
	}
	return &memoryMember{memory: m}, nil
}

type memoryMember struct{ memory *memory }

func (m *memoryMember) Address() string                      { return "here" }
func (m *memoryMember) Meet(context.Context, []string) error { return nil }
func (m *memoryMember) Flush(context.Context) error          { return nil }
func (m *memoryMember) Close() error                         { return nil }
func (m *memoryMember) Sleep(float64, time.Duration) error   { return nil }
func (m *memoryMember) Publish(_ context.Context, payload []byte) error {
	deliver := func(payload []byte) {
		for _, r := range m.memory.receivers {
			r.Message(payload)
		}
	}
	if m.memory.behave == nil {
		deliver(payload)
		return nil
	}
	m.memory.behave(headOf(payload).number, deliver, payload)
	return nil
}

func startMemory(t *testing.T, m *memory) *Group {
	t.Helper()
	g, err := Start(t.Context(), Options{System: m.system(), Members: 4, Size: 64})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { g.Close() })
	return g
}
