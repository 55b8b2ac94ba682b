package main

import (
	"bytes"
	"context"
	"math"
	"runtime/debug"
	"sync"
	"time"

	"github.com/hashicorp/memberlist"

	"spinglass/internal/measure"
)

const (
	queueInterval  = 5 * time.Millisecond // between rounds of gossip, lowered from 200 ms
	queueDatagram  = 60_000               // bytes, raised from 1400
	queueTransmits = 16                   // of each message by each member, so that about one in 10^7 misses one
	queueHeld      = 1 << 16              // messages that wait, at most
	queueSeen      = 1 << 17              // messages that are known to be old
	queuePatience  = time.Second
)

// memberlistQueueSystem is memberlist with its queue of broadcasts: every member hands on what is new to it, as Serf does, to a few random members in
// each round, a number of times that grows with the logarithm of their number. The number is raised until next to nothing is lost, the datagrams until
// every message fits, and the rounds are forty times as many as by default.
func memberlistQueueSystem() measure.System {
	return measure.System{Name: "memberlist-queue", Patience: queuePatience, Start: startMemberlistQueue}
}

// memberlistQueueMember publishes and hands on.
type memberlistQueueMember struct {
	memberlistMember
	queue    *memberlist.TransmitLimitedQueue
	recorder *measure.Recorder

	mu     sync.Mutex
	seen   map[string]struct{}
	oldest []string // of seen, in a ring
	next   int
}

func startMemberlistQueue(_ context.Context, spec measure.Spec, recorder *measure.Recorder) (measure.Member, error) {
	debug.SetGCPercent(garbagePercent)
	m := &memberlistQueueMember{
		memberlistMember: memberlistMember{spec: spec}, recorder: recorder, seen: map[string]struct{}{}, oldest: make([]string, queueSeen),
	}
	digits := math.Ceil(math.Log10(float64(spec.Members + 1))) // by which memberlist multiplies
	m.queue = &memberlist.TransmitLimitedQueue{NumNodes: func() int { return spec.Members }, RetransmitMult: int(math.Ceil(queueTransmits / digits))}
	config := memberlistConfig(spec)
	config.GossipInterval, config.UDPBufferSize = queueInterval, queueDatagram
	config.Delegate = &memberlistDelegate{receive: m.receive, broadcasts: m.queue.GetBroadcasts}
	var err error
	m.Memberlist, err = memberlist.Create(config)
	if err != nil {
		return nil, err
	}
	return m, m.join()
}

// receive records a message and hands it on if it is new.
func (m *memberlistQueueMember) receive(message []byte) {
	if !m.isNew(message[:measure.SizeMin]) {
		return
	}
	m.recorder.Message(message)
	m.broadcast(message)
}

// isNew reports whether a message of that beginning has not been there, as far as is remembered.
func (m *memberlistQueueMember) isNew(head []byte) bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	if _, known := m.seen[string(head)]; known {
		return false
	}
	key := string(head)
	delete(m.seen, m.oldest[m.next])
	m.seen[key], m.oldest[m.next] = struct{}{}, key
	m.next = (m.next + 1) % len(m.oldest)
	return true
}

func (m *memberlistQueueMember) broadcast(message []byte) {
	m.queue.QueueBroadcast(broadcast(bytes.Clone(message)))
	if m.queue.NumQueued() > queueHeld {
		m.queue.Prune(queueHeld / 2)
	}
}

func (m *memberlistQueueMember) Publish(_ context.Context, payload []byte) error {
	m.isNew(payload[:measure.SizeMin]) // what comes back is not handed on again
	m.broadcast(payload)
	return nil
}

// broadcast is a message in the queue.
type broadcast []byte

func (b broadcast) Invalidates(memberlist.Broadcast) bool { return false }
func (b broadcast) UniqueBroadcast()                      {}
func (b broadcast) Message() []byte                       { return b }
func (b broadcast) Finished()                             {}
