package main

import (
	"encoding/json"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"spinglass/internal/measure"
)

// TestMain serves a member when a test has started this program for that.
func TestMain(m *testing.M) {
	if slices.Equal(os.Args[1:], []string{memberCommand}) {
		main()
		return
	}
	os.Exit(m.Run())
}

// TestEverySystemCarriesMessages runs a short trial of each system, members in processes of their own, and looks only at whether it works.
func TestEverySystemCarriesMessages(t *testing.T) {
	for _, c := range contenders() {
		t.Run(c.Name, func(t *testing.T) {
			g, err := measure.Start(t.Context(), measure.Options{System: c.System, Members: 3, Size: 2000, Process: []string{memberCommand}})
			if err != nil {
				t.Fatal(err)
			}
			defer g.Close()
			o, err := g.Run(t.Context(), measure.Trial{Rate: 200, Duration: 300 * time.Millisecond, Perturbed: 1, Sleep: 0.3, Seed: sleepSeed})
			if err != nil {
				t.Fatal(err)
			}
			if o.Published != 60 || o.Missing() > 0 {
				t.Errorf("%d messages were published, want 60; the receiver that does not sleep lacks %d", o.Published, o.Missing())
			}
			if p50, p99 := o.Latency.Quantile(0.5), o.Latency.Quantile(0.99); p50 <= 0 || p99 < p50 || p99 > 10*time.Second {
				t.Errorf("p50 is %v, p99 %v", p50, p99)
			}
		})
	}
}

func TestComparison(t *testing.T) {
	args := "--members 3 --size 200 --duration 100ms --perturbed-size 200 --sleep 0.5 --systems udp-gso,tcp --json"
	o, err := parse(strings.Fields(args))
	if err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	if err := compare(t.Context(), o, &out, &progress{io.Discard}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		var r result
		if err := json.Unmarshal([]byte(line), &r); err != nil || r.Error != "" || r.Rate == 0 && r.Lowest == nil {
			t.Errorf("%v: %s", err, line)
		}
	}
	if n := strings.Count(out.String(), "\n"); n != 2 {
		t.Errorf("%d results, want 2", n)
	}
}

func TestPacking(t *testing.T) {
	var got []byte
	p := &pieces{wanted: 3, whole: func(message []byte) { got = append(got, message...) }}
	// Of a message that lacks a beginning, a whole one, one out of order.
	for _, piece := range []string{"\x01late", "\x00a-", "\x01b-", "\x02c", "\x00x-", "\x02z", "\x01y-"} {
		p.receive([]byte(piece))
	}
	if string(got) != "a-" {
		t.Errorf("got %q, want the beginning of the one whole message", got)
	}
	var datagrams []string
	split(3, func(b []byte) { datagrams = append(datagrams, string(b)) })([]byte("abcdefgh"))
	if !slices.Equal(datagrams, []string{"abc", "def", "gh"}) {
		t.Errorf("split into %q", datagrams)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	for _, args := range []string{"--members 1", "--size 15", "--size x", "--duration 1h", "--systems pigeons", "--sleep 1", "now"} {
		if _, err := parse(strings.Fields(args)); err == nil {
			t.Errorf("%q was accepted", args)
		}
	}
}
