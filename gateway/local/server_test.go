package local

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"spinglass"
)

func TestStatusAndPeers(t *testing.T) {
	s := start(t)
	since := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	s.node.peers = []spinglass.Peer{
		{Name: fakeName, ID: fakeID, Address: "127.0.0.1:7401", Zone: "/lab", State: spinglass.PeerStateUp, Since: since, Self: true},
		{Name: "/lab/a2", ID: 2, Address: "127.0.0.1:7402", Zone: "/lab", State: spinglass.PeerStateSuspect, Since: since,
			Unreachable: true, RoundTrip: 1234567 * time.Nanosecond, Format: 2},
	}
	ctx := testContext(t)
	peers, err := s.client.Peers(ctx)
	if err != nil {
		t.Fatal(err)
	}
	ms := 1.235
	want := []Peer{
		{Name: fakeName, ID: "0123456789abcdef", Address: "127.0.0.1:7401", Zone: "/lab", State: "up", Since: since, Self: true},
		{Name: "/lab/a2", ID: "0000000000000002", Address: "127.0.0.1:7402", Zone: "/lab", State: "suspect", Since: since,
			Unreachable: true, RoundTrip: &ms, Format: 2},
	}
	if diff := cmp.Diff(want, peers); diff != "" {
		t.Error(diff)
	}
	status, err := s.client.Status(ctx)
	if err != nil {
		t.Fatal(err)
	}
	if status.Member {
		t.Error("the agent is told to be a member before it is")
	}
	s.node.member = true
	if status, err = s.client.Status(ctx); err != nil {
		t.Fatal(err)
	}
	status.UptimeSeconds = 0
	wantStatus := Status{
		ID: "0123456789abcdef", Name: fakeName, Address: "127.0.0.1:7401", Version: "test", Member: true, Peers: map[string]int{"suspect": 1},
	}
	if diff := cmp.Diff(wantStatus, status); diff != "" {
		t.Error(diff)
	}
}

func TestEventsAreTold(t *testing.T) {
	s := start(t)
	events, err := s.client.Events(testContext(t))
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	peer := spinglass.Peer{Name: "/lab/a2", ID: 2, Address: "127.0.0.1:7402", Zone: "/lab", State: spinglass.PeerStateUp}
	told := &Peer{Name: "/lab/a2", ID: "0000000000000002", Address: "127.0.0.1:7402", Zone: "/lab", State: "up"}
	for _, test := range []struct {
		event spinglass.Event
		want  Event
	}{
		{spinglass.PeerUp{Peer: peer}, Event{Type: "peer_up", Peer: told}},
		{spinglass.PeerChanged{Peer: peer}, Event{Type: "peer_changed", Peer: told}},
		{spinglass.PeerUnreachable{Peer: peer}, Event{Type: "peer_unreachable", Peer: told}},
		{spinglass.PeerReachable{Peer: peer}, Event{Type: "peer_reachable", Peer: told}},
		{spinglass.PeerSuspect{Peer: peer}, Event{Type: "peer_suspect", Peer: told}},
		{spinglass.PeerAlive{Peer: peer}, Event{Type: "peer_alive", Peer: told}},
		{spinglass.PeerDown{Peer: peer}, Event{Type: "peer_down", Peer: told}},
		{spinglass.PeerLeft{Peer: peer}, Event{Type: "peer_left", Peer: told}},
		{spinglass.Joined{}, Event{Type: "joined"}},
		{spinglass.JoinFailing{Attempts: 3, Retry: 1500 * time.Millisecond}, Event{Type: "join_failing", Attempts: 3, RetrySeconds: 1.5}},
		{spinglass.Healed{Peers: 4}, Event{Type: "healed", Peers: 4}},
		{spinglass.SelfSuspect{Late: 2 * time.Second}, Event{Type: "self_suspect", LateSeconds: 2}},
		{spinglass.Overload{Queue: "receive_queue_full", Dropped: 6}, Event{Type: "overload", Count: 6}},
		{spinglass.Overflow{Count: 5}, Event{Type: "overflow", Count: 5}},
	} {
		s.node.events <- test.event
		got, err := events.Next()
		if err != nil {
			t.Fatal(err)
		}
		if time.Since(got.Time) > time.Minute {
			t.Errorf("%s happened at %v", test.want.Type, got.Time)
		}
		test.want.Time, test.want.Text = got.Time, test.event.String()
		if diff := cmp.Diff(test.want, got); diff != "" {
			t.Error(diff)
		}
	}
}

func TestMetrics(t *testing.T) {
	s := start(t)
	for _, handler := range []http.Handler{s.server, s.server.Metrics()} {
		answer := httptest.NewRecorder()
		handler.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
		for _, want := range []string{"spinglass_fake 42", "go_goroutines ", "process_cpu_seconds_total ", "spinglass_api_streams 0"} {
			if !strings.Contains(answer.Body.String(), want) {
				t.Errorf("status %d: no %q in the metrics", answer.Code, want)
			}
		}
	}
	answer := httptest.NewRecorder()
	s.server.Metrics().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/v1/status", nil))
	if answer.Code != http.StatusNotFound {
		t.Errorf("the handler of metrics alone answers /v1/status with %d", answer.Code)
	}
}

func TestMetricsOfOthersAreServed(t *testing.T) {
	other := prometheus.NewCounter(prometheus.CounterOpts{Name: "spinglass_other_total", Help: "For tests."})
	server := newServer(newFakeNode(), Options{Metrics: []prometheus.Collector{other}})
	answer := httptest.NewRecorder()
	server.Metrics().ServeHTTP(answer, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{"spinglass_fake 42", "spinglass_other_total 0"} {
		if !strings.Contains(answer.Body.String(), want) {
			t.Errorf("status %d: no %q in the metrics", answer.Code, want)
		}
	}
}

func TestTokenIsWantedOnTCP(t *testing.T) {
	dir := t.TempDir()
	s := startAt(t, mustParse(t, "127.0.0.1:0"), dir)
	checkMode(t, filepath.Join(dir, TokenFile), 0o600)
	ctx := testContext(t)
	if _, err := s.client.Status(ctx); err != nil {
		t.Fatal(err)
	}
	good := s.client.token
	for _, token := range []string{"", "x", good + "x", good[:len(good)-1], strings.ToLower(good)} {
		s.client.token = token
		_, err := s.client.Status(ctx)
		var refused *Error
		if !errors.As(err, &refused) || refused.Status != http.StatusUnauthorized {
			t.Errorf("token %q: %v, want status %d", token, err, http.StatusUnauthorized)
		}
	}
	if got := s.server.stats.unauthorized.Load(); got != 5 {
		t.Errorf("%d requests counted as unauthorized, want 5", got)
	}
	if _, err := NewClient(s.listener.Address(), t.TempDir()); err == nil || !strings.Contains(err.Error(), "no token in") {
		t.Errorf("client without a token: %v", err)
	}
}

func TestNoAgent(t *testing.T) {
	dir := t.TempDir()
	for _, address := range []Address{DefaultAddress(dir), mustParse(t, "unix:"+filepath.Join(dir, "none"))} {
		client, err := NewClient(address, dir)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := client.Status(testContext(t)); !errors.Is(err, ErrNoAgent) || !strings.Contains(err.Error(), address.String()) {
			t.Errorf("%s: %v, want %v", address, err, ErrNoAgent)
		}
	}
}

func TestBatchWaitsForASlowConnection(t *testing.T) {
	b := newBatch()
	var took []int
	produced := make(chan int)
	go func() {
		defer close(produced)
		defer b.close()
		for i := range 20 {
			pending, ok := b.begin()
			if !ok {
				return
			}
			b.commit(append(pending, make([]byte, batchMax/4)...))
			produced <- i
		}
	}()
	for range 4 { // until the batch is full
		<-produced
	}
	select {
	case <-produced:
		t.Fatal("the producer went on though the batch was full")
	default:
	}
	go func() {
		for range produced {
		}
	}()
	for {
		bytes, ok := b.take()
		if !ok {
			break
		}
		took = append(took, len(bytes))
	}
	if took[0] != batchMax || slices.Max(took) > batchMax {
		t.Errorf("batches of %v bytes, the limit is %d", took, batchMax)
	}
	total := 0
	for _, n := range took {
		total += n
	}
	if want := 20 * (batchMax / 4); total != want {
		t.Errorf("%d bytes came through, want %d", total, want)
	}
}

func TestAbandonedBatchReleasesItsProducer(t *testing.T) {
	b := newBatch()
	pending, _ := b.begin()
	b.commit(append(pending, make([]byte, batchMax)...))
	released := make(chan bool)
	go func() {
		_, ok := b.begin()
		released <- ok
	}()
	b.abandon()
	if <-released {
		t.Error("the producer may go on though the connection has ended")
	}
}

func TestSubscribingHeaderComesBeforeTheFirstMessage(t *testing.T) {
	s := start(t)
	// Subscribe returns when the header is here; nothing has been published.
	stream, err := s.client.Subscribe(testContext(t), "orders", 0)
	if err != nil {
		t.Fatal(err)
	}
	s.node.mutex.Lock()
	active := len(s.node.subscriptions)
	s.node.mutex.Unlock()
	if active != 1 {
		t.Errorf("%d subscriptions are active, want 1", active)
	}
	stream.Close()
	waitFor(t, func() bool { s.node.mutex.Lock(); defer s.node.mutex.Unlock(); return len(s.node.subscriptions) == 0 })
}
