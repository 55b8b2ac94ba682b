package sql

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"spinglass"
	"spinglass/protocol"
)

// fakeNode is a member of /lab with a number of hosts, and of zones that it does not hold.
type fakeNode struct {
	mu      sync.Mutex
	self    spinglass.Attrs
	rows    map[string]spinglass.Attrs
	hosts   int
	taken   atomic.Int64 // snapshots
	silent  chan struct{}
	waiting atomic.Int64 // for what is silent
	refuses error
	during  func() // is called while a snapshot is taken
	noRows  error  // why the own rows are not told
}

func newFake(hosts int) *fakeNode {
	return &fakeNode{
		self: spinglass.Attrs{"load": 0.5, "role": "web", "up": true, "count": int64(7), "at": time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), "mixed": "x", "bits": spinglass.Bitmap{1}, "list": []any{int64(1), "a"}},
		rows: map[string]spinglass.Attrs{}, hosts: hosts, silent: make(chan struct{}),
	}
}

const fakeName = "/lab/h000"

func (f *fakeNode) ID() protocol.NodeID { return 1 }
func (f *fakeNode) Name() string        { return fakeName }
func (f *fakeNode) Zones(context.Context) ([]string, error) {
	f.taken.Add(1)
	if f.during != nil {
		f.during()
	}
	return []string{"/", "/lab"}, nil
}
func (f *fakeNode) hostRow(i int) spinglass.Row {
	r := spinglass.Row{Zone: "/lab", Name: fmt.Sprintf("/lab/h%03d", i), Host: true, ID: protocol.NodeID(i + 1), RowsIn: 1, RowsExpected: 1, Age: time.Duration(i) * time.Millisecond}
	if i == 0 {
		r.Attributes = maps.Clone(f.self)
		return r
	}
	r.Attributes = spinglass.Attrs{"load": float64(i) / 10, "role": []string{"web", "db", "cache"}[i%3], "cpus": int64(i % 8), "mixed": int64(i)}
	return r
}

func (f *fakeNode) zoneRow(zone, name string, hosts int) spinglass.Row {
	return spinglass.Row{Zone: zone, Name: name, ID: 9, RowsIn: hosts, RowsExpected: hosts, Attributes: spinglass.Attrs{"nmembers": int64(hosts), "depth": int64(1), "mean": 1.5}}
}

func (f *fakeNode) Table(ctx context.Context, zone string) (*spinglass.Table, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	t := &spinglass.Table{Zone: zone, From: 1}
	switch zone {
	case "/":
		t.Rows = []spinglass.Row{f.zoneRow("/", "/lab", f.hosts), f.zoneRow("/", "/us", 4)}
	case "/lab", "":
		for i := range f.hosts {
			t.Rows = append(t.Rows, f.hostRow(i))
		}
	case "/us":
		t.From = 9
		t.Rows = []spinglass.Row{f.zoneRow("/us", "/us/ny", 2), f.zoneRow("/us", "/us/sf", 2)}
	case "/us/ny":
		t.From, t.RowsExpected = 9, 3
		t.Rows = []spinglass.Row{{Zone: "/us/ny", Name: "/us/ny/a", Host: true, ID: 77, RowsIn: 1, RowsExpected: 1, Attributes: spinglass.Attrs{"gpus": int64(4), "load": 2.5}}}
		return t, nil
	case "/us/sf":
		f.mu.Unlock()
		defer f.mu.Lock()
		f.waiting.Add(1)
		defer f.waiting.Add(-1)
		select {
		case <-f.silent:
			return nil, spinglass.ErrUnanswered
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	case fakeName:
		if f.noRows != nil {
			return nil, f.noRows
		}
		for name, attributes := range f.rows {
			t.Rows = append(t.Rows, spinglass.Row{Zone: fakeName, Name: fakeName + "/" + name, ID: 1, RowsIn: 1, RowsExpected: 1, Attributes: attributes})
		}
	default:
		return nil, fmt.Errorf("%w %s", spinglass.ErrZone, zone)
	}
	t.RowsExpected = len(t.Rows)
	return t, nil
}

func (f *fakeNode) Get(_ context.Context, name string) (spinglass.Row, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if name == "/" {
		return f.zoneRow("", "/", f.hosts+4), nil
	}
	return f.hostRow(0), nil
}

func (f *fakeNode) Set(_ context.Context, attributes spinglass.Attrs) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refuses != nil {
		return f.refuses
	}
	change(f.self, attributes)
	return nil
}

func change(row, attributes spinglass.Attrs) {
	for name, value := range attributes {
		if value == nil {
			delete(row, name)
		} else {
			row[name] = value
		}
	}
}

func (f *fakeNode) SetRow(_ context.Context, row string, attributes spinglass.Attrs) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if strings.Contains(row, "/") {
		return fmt.Errorf("%w %s", spinglass.ErrRowName, row)
	}
	if f.rows[row] == nil {
		f.rows[row] = spinglass.Attrs{}
	}
	change(f.rows[row], attributes)
	if len(f.rows[row]) == 0 {
		delete(f.rows, row)
	}
	return nil
}

func (f *fakeNode) Functions(context.Context) ([]spinglass.Function, error) {
	return []spinglass.Function{{Name: "mean", Zone: "/", Version: 3, Expires: time.Unix(1800000000, 0), Program: "SELECT AVG(load) AS mean", Outputs: []string{"mean"}}}, nil
}

func (f *fakeNode) Peers(context.Context) ([]spinglass.Peer, error) {
	return []spinglass.Peer{{Name: fakeName, ID: 1, Address: "127.0.0.1:7400", Zone: "/lab", State: spinglass.PeerStateUp, Self: true, Since: time.Unix(1700000000, 0), Format: 2},
		{Name: "/lab/h001", ID: 2, Address: "127.0.0.1:7401", Zone: "/lab", State: spinglass.PeerStateUp, RoundTrip: 350 * time.Microsecond, Since: time.Unix(1700000001, 0), Format: 2}}, nil
}

func (f *fakeNode) Topics(context.Context, string) ([]spinglass.Topic, error) {
	return []spinglass.Topic{{Name: "orders", Publishers: []spinglass.TopicPublisher{{ID: 2, Name: "/lab/h001", Messages: 8, Bytes: 1024}}, Subscribed: true, Received: 512}}, nil
}

func (f *fakeNode) Certificates(context.Context) ([]spinglass.Certificate, error) { return nil, nil }

// gatewayOf returns a gateway to a fake that is closed with the test.
func gatewayOf(t testing.TB, f *fakeNode) *Gateway {
	t.Helper()
	g := newGateway(f, Options{})
	g.statementTime = time.Minute // no statement of a test is ended because the machine is slow
	t.Cleanup(func() { _ = g.Close() })
	return g
}

// silence has the table of /us/sf fail after a moment, as if nobody answered.
func (f *fakeNode) silence(t *testing.T) {
	timer := time.AfterFunc(50*time.Millisecond, func() { close(f.silent) })
	t.Cleanup(func() { timer.Stop() })
}

// eventually waits until something is so.
func eventually(t *testing.T, what string, so func() bool) {
	t.Helper()
	for began := time.Now(); !so(); time.Sleep(5 * time.Millisecond) {
		if time.Since(began) > time.Minute {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}
