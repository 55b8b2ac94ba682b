//go:build unix

package tables

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"spinglass"
	"spinglass/internal/memoryfleet"
)

// The fleet: six zones of two regions.
const (
	zones   = 6
	members = 60
)

// goneTime is how long a host that was killed may be counted: 2*T_fail, 8.6 s in a zone of ten, and the 10 s in which a set is seen.
const goneTime = 18600 * time.Millisecond

// fleet is nodes in one process, on loopback.
type fleet struct {
	t         *testing.T
	authority *memoryfleet.Authority
	nodes     []*spinglass.Node
	names     []string
	late      atomic.Int64 // for how many nanoseconds the machine has kept a goroutine waiting that was to run, since watchLateness
}

func startFleet(t *testing.T) *fleet {
	authority, err := memoryfleet.New()
	if err != nil {
		t.Fatal(err)
	}
	f := &fleet{t: t, authority: authority}
	f.watchLateness()
	for i := range members {
		name := fmt.Sprintf("/r%d/z%d/m%d", i%zones/3, i%zones, i)
		own, err := authority.Identity(name)
		if err != nil {
			t.Fatal(err)
		}
		c := spinglass.Config{Name: name, Listen: "127.0.0.1:0", First: i == 0, Identity: own}
		for j := 0; j < min(i, 3); j++ {
			c.Join = append(c.Join, f.nodes[j].Addr())
		}
		n, err := spinglass.Start(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		f.nodes, f.names = append(f.nodes, n), append(f.names, name)
	}
	t.Cleanup(func() {
		for _, n := range f.nodes {
			if n != nil {
				_ = n.Close()
			}
		}
	})
	return f
}

// all asks every node that is up, at once, and returns what is wrong at the first of them.
func (f *fleet) all(check func(i int, n *spinglass.Node) error) error {
	failed := make([]error, len(f.nodes))
	var done sync.WaitGroup
	for i, n := range f.nodes {
		if n != nil {
			done.Go(func() { failed[i] = check(i, n) })
		}
	}
	done.Wait()
	return errors.Join(failed...)
}

// watchLateness sees to late until the test ends.
func (f *fleet) watchLateness() {
	const pause = 50 * time.Millisecond
	var watching sync.WaitGroup
	watching.Go(func() {
		for f.t.Context().Err() == nil {
			begin := time.Now()
			time.Sleep(pause)
			f.late.Add(int64(time.Since(begin) - pause))
		}
	})
	f.t.Cleanup(watching.Wait)
}

// until waits until nothing is wrong, and returns how long that took, without the time for which the machine was busy with something else.
func (f *fleet) until(what string, limit time.Duration, check func(i int, n *spinglass.Node) error) time.Duration {
	f.t.Helper()
	for start, late := time.Now(), f.late.Load(); ; time.Sleep(50 * time.Millisecond) {
		err := f.all(check)
		took := time.Since(start) - time.Duration(f.late.Load()-late)
		if err == nil {
			return took
		}
		if took > limit {
			f.t.Fatalf("%s: after %v: %.500s", what, limit, err)
		}
	}
}

// root checks an attribute of the root's summary at all nodes.
func root(ctx context.Context, name string, want any) func(int, *spinglass.Node) error {
	return func(i int, n *spinglass.Node) error {
		row, err := n.Get(ctx, "/")
		if err != nil {
			return err
		}
		if got := row.Attributes[name]; got != want {
			return fmt.Errorf("member %d sees %v as %s", i, got, name)
		}
		return nil
	}
}

// "60 agents in 6 zones (real sockets) at default rates: a `set` is seen in the root's summary on all within 10 s, median below 5 s; a killed host leaves every count within
// 2*T_fail plus the spread." The nodes share a process.
func TestSixtyNodes(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a minute: left out with -short")
	}
	f := startFleet(t)
	ctx := t.Context()
	formed := f.until("the fleet", 5*time.Minute, root(ctx, "nmembers", int64(members)))
	const program = "SELECT MAX(COALESCE(newest, mark)) AS newest"
	chain, err := f.authority.Function("newest", "/", program)
	if err != nil {
		t.Fatal(err)
	}
	if err := f.nodes[17].Install(ctx, &spinglass.Function{Program: program, Chain: chain}); err != nil {
		t.Fatal(err)
	}
	installed := f.until("the function", 5*time.Minute, func(_ int, n *spinglass.Node) error {
		functions, err := n.Functions(ctx)
		if err == nil && len(functions) != 1 {
			err = fmt.Errorf("%d functions", len(functions))
		}
		return err
	})
	t.Logf("%d nodes know each other after %v, and a function after %v", members, formed.Round(10*time.Millisecond), installed.Round(10*time.Millisecond))
	var delays []time.Duration
	for i := range 11 {
		if err := f.nodes[i*7%members].Set(ctx, spinglass.Attrs{"mark": i + 1}); err != nil {
			t.Fatal(err)
		}
		delays = append(delays, f.until("a set", 10*time.Second, root(ctx, "newest", int64(i+1))))
	}
	slices.Sort(delays)
	t.Logf("what is set at one is in the root's summary at all after %v", delays)
	if median := delays[len(delays)/2]; median > 5*time.Second {
		t.Errorf("the median is %v", median)
	}
	_ = f.nodes[29].Close()
	f.nodes[29] = nil
	gone := f.until("the count", goneTime, root(ctx, "nmembers", int64(members-1)))
	t.Logf("a node that ended without leaving is out of all counts after %v", gone.Round(10*time.Millisecond))
	f.honest()
}

// honest checks that nobody is taken for a liar: what representatives are asked in audits they answer.
func (f *fleet) honest() {
	var questions, answers float64
	for i, n := range f.nodes {
		if n == nil {
			continue
		}
		m := metrics(f.t, n)
		questions, answers = questions+m["spinglass_zone_audit_questions_total"], answers+m["spinglass_zone_audit_answers_total"]
		if m["spinglass_zone_audits_total"] == 0 || m["spinglass_zone_audit_mismatches_total"] > 0 || m["spinglass_zone_unaccounted_total"] > 0 {
			f.t.Errorf("%s: %v audits, %v mismatches, %v unaccounted", f.names[i], m["spinglass_zone_audits_total"], m["spinglass_zone_audit_mismatches_total"], m["spinglass_zone_unaccounted_total"])
		}
	}
	if f.t.Logf("%v questions of audits, %v complete answers", questions, answers); questions > 0 && answers == 0 {
		f.t.Errorf("none of %v questions of audits was answered", questions)
	}
}

// metrics returns the counters of a node.
func metrics(t *testing.T, n *spinglass.Node) map[string]float64 {
	registry := prometheus.NewPedanticRegistry()
	if err := registry.Register(n.Metrics()); err != nil {
		t.Fatal(err)
	}
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]float64{}
	for _, family := range families {
		for _, m := range family.GetMetric() {
			if m.Counter != nil && len(m.GetLabel()) == 0 {
				all[family.GetName()] = m.Counter.GetValue()
			}
		}
	}
	return all
}
