package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime/debug"
	"time"

	"github.com/hashicorp/memberlist"

	"spinglass/internal/measure"
)

const (
	memberlistHandoff  = 1 << 16 // messages between the socket and the application, raised from 1024
	memberlistPatience = 500 * time.Millisecond
	memberlistPoll     = 20 * time.Millisecond
)

// memberlistSystem is memberlist with a message sent to each member, best effort: a datagram each, without acknowledgement. Compression
// is off, and garbage is collected a quarter as often as by default, since memberlist makes 64 KiB of it for each datagram.
func memberlistSystem() measure.System {
	return measure.System{Name: "memberlist", Patience: memberlistPatience, Start: startMemberlist}
}

func startMemberlist(_ context.Context, spec measure.Spec, recorder *measure.Recorder) (measure.Member, error) {
	debug.SetGCPercent(garbagePercent)
	m := &memberlistMember{spec: spec}
	config := memberlistConfig(spec)
	config.Delegate = &memberlistDelegate{receive: recorder.Message}
	var err error
	m.Memberlist, err = memberlist.Create(config)
	if err != nil {
		return nil, err
	}
	return m, m.join()
}

// memberlistConfig returns what both ways of sending have in common.
func memberlistConfig(spec measure.Spec) *memberlist.Config {
	config := memberlist.DefaultLANConfig()
	config.Name = fmt.Sprintf("m%03d", spec.Index)
	config.BindAddr, config.BindPort, config.AdvertisePort = "127.0.0.1", 0, 0
	config.EnableCompression = false
	config.HandoffQueueDepth = memberlistHandoff
	config.LogOutput = io.Discard
	return config
}

// memberlistMember sends to each other member by itself.
type memberlistMember struct {
	*memberlist.Memberlist
	spec   measure.Spec
	others []*memberlist.Node
}

func (m *memberlistMember) join() error {
	if m.spec.Role == measure.RolePublisher {
		return nil
	}
	_, err := m.Join(m.spec.Addresses)
	return err
}

func (m *memberlistMember) Address() string { return m.LocalNode().Address() }

// Meet waits until all members know each other.
func (m *memberlistMember) Meet(ctx context.Context, _ []string) error {
	ticker := time.NewTicker(memberlistPoll)
	defer ticker.Stop()
	for m.NumMembers() < m.spec.Members {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	for _, n := range m.Members() {
		if n.Name != m.LocalNode().Name {
			m.others = append(m.others, n)
		}
	}
	return nil
}

func (m *memberlistMember) Publish(_ context.Context, payload []byte) error {
	var errs []error
	for _, n := range m.others {
		if err := m.SendBestEffort(n, payload); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (m *memberlistMember) Flush(context.Context) error { return nil }

func (m *memberlistMember) Close() error { return m.Shutdown() }

// memberlistDelegate connects memberlist with what it carries.
type memberlistDelegate struct {
	receive    func(message []byte)
	broadcasts func(overhead, limit int) [][]byte
}

func (d *memberlistDelegate) NodeMeta(int) []byte { return nil }

func (d *memberlistDelegate) NotifyMsg(message []byte) { d.receive(message) }

func (d *memberlistDelegate) GetBroadcasts(overhead, limit int) [][]byte {
	if d.broadcasts == nil {
		return nil
	}
	return d.broadcasts(overhead, limit)
}

func (d *memberlistDelegate) LocalState(bool) []byte        { return nil }
func (d *memberlistDelegate) MergeRemoteState([]byte, bool) {}
