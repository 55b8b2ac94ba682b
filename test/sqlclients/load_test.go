package sqlclients

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/prometheus/client_golang/prometheus"

	"spinglass"
)

// hosts of the zone in which it is measured.
const hosts = 64

// measured skips what measures unless that is wanted.
func measured(t *testing.T) {
	t.Helper()
	if os.Getenv("SPINGLASS_FULL") == "" {
		t.Skip("skipped: it measures, and wants a machine that is not busy; run it with SPINGLASS_FULL=1")
	}
}

// queries over the own zone.
var queries = []string{"SELECT name, load FROM hosts", "SELECT role, count(*), avg(load) FROM hosts GROUP BY role", "SELECT * FROM hosts"}

// A query over the own zone of 64 rows takes less than a millisecond over ODBC, at the median.
func TestLatency(t *testing.T) {
	measured(t)
	need(t, python, "import pyodbc")
	f := startFleet(t, hosts)
	for line := range strings.Lines(output(t, f.client(t, python, append([]string{"testdata/latency.py", "spinglass", "2000"}, queries...)...), "")) {
		t.Log(strings.TrimSpace(line))
		var m struct {
			Query  string  `json:"query"`
			Median float64 `json:"median_ms"`
		}
		if err := json.Unmarshal([]byte(line), &m); err != nil {
			t.Fatal(err)
		}
		if m.Median >= 1 {
			t.Errorf("%s: %v ms", m.Query, m.Median)
		}
	}
}

// Load of the second test.
const (
	clients = 100
	period  = 10 * time.Second
)

// A hundred clients that ask each second do not disturb the rounds of gossip: as many are made as without them, within 10 %, and the clients cost one snapshot a second.
func TestHundredClients(t *testing.T) {
	measured(t)
	f := startFleet(t, hosts)
	alone := f.rounds(t)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var polling sync.WaitGroup
	var mu sync.Mutex
	asked, slowest := 0, time.Duration(0)
	for range clients {
		conn, err := pgx.Connect(ctx, fmt.Sprintf("host=127.0.0.1 port=%d user=u password='%s' dbname=spinglass sslmode=disable", f.port, password))
		if err != nil {
			t.Fatal(err)
		}
		polling.Go(func() {
			defer conn.Close(context.Background())
			time.Sleep(rand.N(time.Second))
			for i := 0; ctx.Err() == nil; i++ {
				began := time.Now()
				rows, err := conn.Query(ctx, queries[i%2])
				if err == nil {
					for rows.Next() {
					}
					err = rows.Err()
				}
				if err != nil && ctx.Err() == nil {
					t.Error(err)
					return
				}
				mu.Lock()
				asked, slowest = asked+1, max(slowest, time.Since(began))
				mu.Unlock()
				select {
				case <-ctx.Done():
				case <-time.After(time.Second - time.Since(began)):
				}
			}
		})
	}
	before := f.gateway.Stats().Snapshots
	with := f.rounds(t)
	snapshots := f.gateway.Stats().Snapshots - before
	cancel()
	polling.Wait()
	for name := range alone {
		change := with[name]/alone[name] - 1
		t.Logf("%s: %.0f without clients, %.0f with %d clients, %+.1f %%", name, alone[name], with[name], clients, 100*change)
		if change < -0.1 || change > 0.1 {
			t.Errorf("%s: changed by %.1f %%", name, 100*change)
		}
	}
	t.Logf("%d queries, the slowest in %v; %d snapshots in %v", asked, slowest.Round(time.Millisecond), snapshots, period)
	if limit := uint64(period/time.Second) + 2; snapshots > limit {
		t.Errorf("%d snapshots, want at most %d", snapshots, limit)
	}
}

// roundsName is the counter of rounds.
const roundsName = "spinglass_zone_rounds_total"

// rounds returns how many rounds the asked node and all others make in the period, by the names of counters.
func (f *fleet) rounds(t *testing.T) map[string]float64 {
	t.Helper()
	before := f.counters(t)
	time.Sleep(period)
	after := f.counters(t)
	rounds := map[string]float64{}
	for name := range after {
		rounds[name] = after[name] - before[name]
	}
	return rounds
}

func (f *fleet) counters(t *testing.T) map[string]float64 {
	t.Helper()
	all := map[string]float64{}
	add := func(whose string, node *spinglass.Node) {
		registry := prometheus.NewRegistry()
		registry.MustRegister(node.Metrics())
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, family := range families {
			if family.GetName() == roundsName {
				all[roundsName+whose] += family.GetMetric()[0].GetCounter().GetValue()
			}
		}
	}
	for i, node := range f.nodes {
		if i == 0 {
			add(" of the node that is asked", node)
		}
		add(" of all nodes", node)
	}
	return all
}
