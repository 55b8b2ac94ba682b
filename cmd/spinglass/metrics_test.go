package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"reflect"
	"testing"
	"time"

	"spinglass/enrolment"
)

// TestEveryCounterOfAnIssuerIsShown sets one counter after the other, and wants each in one metric of its own.
func TestEveryCounterOfAnIssuerIsShown(t *testing.T) {
	shown := map[string]bool{}
	for i := range reflect.TypeFor[enrolment.Stats]().NumField() {
		var stats enrolment.Stats
		reflect.ValueOf(&stats).Elem().Field(i).SetUint(7)
		field, found := reflect.TypeFor[enrolment.Stats]().Field(i).Name, 0
		for _, m := range issuerMetrics {
			if id := m.name + " " + m.reason; m.value(stats) == 7 {
				if shown[id] {
					t.Errorf("%s shows %s, too", id, field)
				}
				shown[id] = true
				found++
			}
		}
		if found != 1 {
			t.Errorf("%s is in %d metrics", field, found)
		}
	}
	if len(shown) != len(issuerMetrics) {
		t.Errorf("%d of %d metrics show something", len(shown), len(issuerMetrics))
	}
}

// Of those who connect to the address of metrics, and stay, so many are answered; the next one waits until one of them goes.
func TestScrapesAreBounded(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := serveScrapes(listener, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "spinglass_up 1") }), slog.New(slog.DiscardHandler))
	defer server.Close()
	scrape := func() net.Conn {
		conn, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { conn.Close() })
		fmt.Fprint(conn, "GET /metrics HTTP/1.1\r\nHost: agent\r\n\r\n")
		return conn
	}
	answered := func(conn net.Conn, within time.Duration) error {
		_ = conn.SetReadDeadline(time.Now().Add(within))
		_, err := http.ReadResponse(bufio.NewReader(conn), nil)
		return err
	}
	var held []net.Conn
	for range metricsConnectionsMax {
		conn := scrape()
		if err := answered(conn, 20*time.Second); err != nil {
			t.Fatal(err)
		}
		held = append(held, conn)
	}
	more := scrape()
	if err := answered(more, 200*time.Millisecond); !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Errorf("one more was answered: %v", err)
	}
	held[0].Close()
	if err := answered(more, 20*time.Second); err != nil {
		t.Errorf("after one has gone: %v", err)
	}
}
