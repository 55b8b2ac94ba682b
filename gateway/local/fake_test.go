package local

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"spinglass"
	"spinglass/protocol"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var errFakeClosed = errors.New("node closed")

// fakeNode hands what is published to the subscriptions of the same topic.
type fakeNode struct {
	mutex         sync.Mutex
	closed        chan struct{}
	member        bool
	subscriptions []*fakeSubscription
	published     []string // "topic payload"
	publishErr    error
	flushed       int
	options       SubscribeOptions
	patterns      spinglass.Patterns // that were subscribed to
	topics        []spinglass.Topic
	groups        []spinglass.GroupStatus
	groupOptions  GroupOptions
	left          chan struct{} // is sent to when a group is left
	pattern       string        // of which topics were asked for
	events        chan spinglass.Event
	peers         []spinglass.Peer
	rows          []spinglass.Row
	set           []spinglass.Attrs // as it was asked for
	setErr        error
	blobs         map[string][]byte
	functions     []spinglass.Function // as they were to be installed
	installErr    error
	trial         spinglass.Trial
}

type fakeSubscription struct {
	node  *fakeNode
	topic string
	queue chan delivery
}

type delivery struct {
	message spinglass.Message
	err     error
}

const (
	fakeID   protocol.NodeID = 0x0123456789abcdef
	fakeName                 = "/lab/a1"
)

func newFakeNode() *fakeNode {
	return &fakeNode{closed: make(chan struct{}), events: make(chan spinglass.Event, 16), blobs: map[string][]byte{}, left: make(chan struct{}, 16)}
}

func (n *fakeNode) ID() protocol.NodeID { return fakeID }
func (n *fakeNode) Name() string        { return fakeName }
func (n *fakeNode) Addr() string        { return "127.0.0.1:7401" }

func (n *fakeNode) Ready(ctx context.Context) error {
	if n.member {
		return nil
	}
	return ctx.Err()
}

func (n *fakeNode) Publish(_ context.Context, topic string, payload []byte) error {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if n.publishErr != nil && len(n.published) == 1 {
		return n.publishErr
	}
	n.published = append(n.published, topic+" "+string(payload))
	m := spinglass.Message{
		Topic: topic, From: fakeName, FromID: fakeID, Sequence: uint64(len(n.published)), Payload: []byte(string(payload)),
	}
	for _, s := range n.subscriptions {
		if s.topic == topic {
			s.queue <- delivery{message: m}
		}
	}
	return nil
}

func (n *fakeNode) Topics(_ context.Context, pattern string) ([]spinglass.Topic, error) {
	n.pattern = pattern
	return n.topics, n.setErr
}

func (n *fakeNode) Groups(context.Context) ([]spinglass.GroupStatus, error) {
	return n.groups, n.setErr
}

func (n *fakeNode) RecoverGroup(_ context.Context, name string) error {
	for i := range n.groups {
		if g := &n.groups[i]; g.Name == name {
			if g.Phase != spinglass.GroupPhaseOutside {
				return fmt.Errorf("%w: it is asked", spinglass.ErrMajority)
			}
			g.Phase, g.View.ID.Number = spinglass.GroupPhaseMember, 1<<47|1
			return nil
		}
	}
	return fmt.Errorf("%w: this node is not in it", spinglass.ErrGroup)
}

func (n *fakeNode) group(_ context.Context, name string, o GroupOptions) (group, error) {
	if name == "" {
		return nil, fmt.Errorf("%w: no name", spinglass.ErrGroup)
	}
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.groupOptions = o
	return &fakeGroup{node: n, events: make(chan spinglass.GroupEvent, 16)}, nil
}

// fakeGroup hands what is cast back as messages.
type fakeGroup struct {
	node   *fakeNode
	events chan spinglass.GroupEvent
}

func (g *fakeGroup) Cast(_ context.Context, payload []byte) error {
	if len(payload) == 0 {
		return spinglass.ErrNotPrimary
	}
	g.events <- spinglass.GroupMessage{View: spinglass.ViewID{Epoch: 1, Number: 2}, From: fakeName, Sequence: 1, Payload: []byte(string(payload))}
	return nil
}

func (g *fakeGroup) Flush(ctx context.Context) error { return g.node.Flush(ctx) }

func (g *fakeGroup) Leave(context.Context) error {
	g.node.left <- struct{}{}
	return nil
}

func (g *fakeGroup) Events(ctx context.Context) iter.Seq2[spinglass.GroupEvent, error] {
	return func(yield func(spinglass.GroupEvent, error) bool) {
		for {
			select {
			case e := <-g.events:
				if !yield(e, nil) {
					return
				}
			case <-ctx.Done():
				yield(nil, ctx.Err())
				return
			}
		}
	}
}

func (n *fakeNode) Flush(context.Context) error {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.flushed++
	return nil
}

func (n *fakeNode) subscribe(_ context.Context, topic string, o SubscribeOptions) (subscription, error) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if strings.HasPrefix(topic, "forbidden") {
		return nil, errors.New("topic is forbidden")
	}
	n.options = o
	s := &fakeSubscription{node: n, topic: topic, queue: make(chan delivery, 1024)}
	n.subscriptions = append(n.subscriptions, s)
	return s, nil
}

func (n *fakeNode) subscribePatterns(ctx context.Context, patterns spinglass.Patterns, o SubscribeOptions) (subscription, error) {
	n.mutex.Lock()
	n.patterns = patterns
	n.mutex.Unlock()
	if n.setErr != nil {
		return nil, n.setErr
	}
	return n.subscribe(ctx, patterns.String(), o)
}

func (s *fakeSubscription) Messages(ctx context.Context) iter.Seq2[spinglass.Message, error] {
	return func(yield func(spinglass.Message, error) bool) {
		for {
			select {
			case d := <-s.queue:
				if !yield(d.message, d.err) {
					return
				}
			case <-s.node.closed:
				yield(spinglass.Message{}, errFakeClosed)
				return
			case <-ctx.Done():
				yield(spinglass.Message{}, ctx.Err())
				return
			}
		}
	}
}

func (s *fakeSubscription) Close() error {
	s.node.mutex.Lock()
	defer s.node.mutex.Unlock()
	for i, other := range s.node.subscriptions {
		if other == s {
			s.node.subscriptions = append(s.node.subscriptions[:i], s.node.subscriptions[i+1:]...)
			break
		}
	}
	return nil
}

func (n *fakeNode) Events(ctx context.Context) iter.Seq2[spinglass.Event, error] {
	return func(yield func(spinglass.Event, error) bool) {
		for {
			select {
			case e := <-n.events:
				if !yield(e, nil) {
					return
				}
			case <-n.closed:
				yield(nil, errFakeClosed)
				return
			case <-ctx.Done():
				yield(nil, ctx.Err())
				return
			}
		}
	}
}

func (n *fakeNode) Peers(context.Context) ([]spinglass.Peer, error) { return n.peers, nil }

func (n *fakeNode) Zones(context.Context) ([]string, error) { return []string{"/", "/lab"}, nil }

// Table has the same rows for each zone but /us; that of /eu others have told.
func (n *fakeNode) Table(_ context.Context, zone string) (*spinglass.Table, error) {
	switch zone {
	case "/us":
		return nil, fmt.Errorf("%w /us: this node holds those of /, /lab", spinglass.ErrZone)
	case "/asia":
		return nil, fmt.Errorf("%w for /asia: asked 3", spinglass.ErrUnanswered)
	case "/eu":
		return &spinglass.Table{Zone: zone, Rows: n.rows, RowsExpected: 9, From: 2, Unverified: 1}, nil
	}
	return &spinglass.Table{Zone: zone, Rows: n.rows, RowsExpected: len(n.rows), From: fakeID}, nil
}

func (n *fakeNode) SetRow(ctx context.Context, row string, attributes spinglass.Attrs) error {
	if row == "." {
		return spinglass.ErrRowName
	}
	return n.Set(ctx, spinglass.Attrs{row: attributes["a"]})
}

func (n *fakeNode) SetBlob(_ context.Context, attribute string, data []byte) error {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.blobs[attribute] = data
	return n.setErr
}

func (n *fakeNode) Blob(_ context.Context, name, attribute string) ([]byte, error) {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	if data, ok := n.blobs[attribute]; ok && name == "" {
		return data, nil
	}
	return nil, fmt.Errorf("%w: the attribute %q of %s is no hash of one", spinglass.ErrBlob, attribute, name)
}

func (n *fakeNode) Get(_ context.Context, name string) (spinglass.Row, error) {
	for _, row := range n.rows {
		if row.Name == name || name == "" {
			return row, nil
		}
	}
	return spinglass.Row{}, fmt.Errorf("%w named %s", spinglass.ErrRow, name)
}

func (n *fakeNode) Set(_ context.Context, attributes spinglass.Attrs) error {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.set = append(n.set, attributes)
	return n.setErr
}

func (n *fakeNode) Install(_ context.Context, f *spinglass.Function) error {
	n.mutex.Lock()
	defer n.mutex.Unlock()
	n.functions = append(n.functions, *f)
	return n.installErr
}

func (n *fakeNode) Functions(context.Context) ([]spinglass.Function, error) { return n.functions, nil }

// TryFunction knows one program.
func (n *fakeNode) TryFunction(_ context.Context, zone, program string) (*spinglass.Trial, error) {
	switch {
	case zone != "/lab":
		return nil, fmt.Errorf("%w %s", spinglass.ErrZone, zone)
	case program != "SELECT COUNT(*) AS n":
		return nil, fmt.Errorf("%w: line 1, column 1: that is none", spinglass.ErrProgram)
	}
	return &n.trial, nil
}

func (n *fakeNode) Metrics() prometheus.Collector {
	gauge := prometheus.NewGauge(prometheus.GaugeOpts{Name: "spinglass_fake", Help: "For tests."})
	gauge.Set(42)
	return gauge
}

// started is a server on a unix socket, with a client.
type started struct {
	node     *fakeNode
	server   *Server
	client   *Client
	listener *Listener
}

func start(t *testing.T) *started {
	t.Helper()
	dir := t.TempDir()
	return startAt(t, DefaultAddress(dir), dir)
}

func startAt(t *testing.T, address Address, dir string) *started {
	t.Helper()
	s := &started{node: newFakeNode()}
	var err error
	if s.listener, err = Listen(address, dir); err != nil {
		t.Fatal(err)
	}
	s.server = newServer(s.node, Options{Version: "test"})
	served := make(chan error, 1)
	go func() { served <- s.server.Serve(s.listener) }()
	if s.client, err = NewClient(s.listener.Address(), dir); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.client.Close()
		if err := errors.Join(s.server.Close(), <-served); err != nil {
			t.Error(err)
		}
		if err := s.listener.Close(); err != nil && !strings.Contains(err.Error(), "use of closed") {
			t.Error(err)
		}
	})
	return s
}

func testContext(t *testing.T) context.Context {
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

func socketPath(dir string) string { return filepath.Join(dir, SocketFile) }
