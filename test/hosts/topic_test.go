package hosts_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Limits of time, far above what is measured.
const (
	joinPatience   = 30 * time.Second
	streamPatience = 90 * time.Second
)

// sourceLines returns all lines of all Go files under the Go root's src/net, in the order of their paths.
func sourceLines(t *testing.T) []byte {
	t.Helper()
	root, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	var all bytes.Buffer
	err = filepath.WalkDir(filepath.Join(strings.TrimSpace(string(root)), "src", "net"), func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".go" {
			return err
		}
		text, err := os.ReadFile(path)
		all.Write(text)
		return err
	})
	if err != nil || bytes.Count(all.Bytes(), []byte("\n")) < 50_000 {
		t.Fatalf("reading the sources: %v, %d bytes", err, all.Len())
	}
	return all.Bytes()
}

// ready waits until every host sees all hosts up.
func (n *network) ready(patience time.Duration) {
	n.t.Helper()
	ctx, cancel := context.WithTimeout(n.t.Context(), patience)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	for _, h := range n.hosts {
		for h.up() != len(n.hosts) {
			select {
			case <-tick.C:
			case <-ctx.Done():
				n.t.Fatalf("after %v agent %d sees %d hosts up of %d", patience, h.number, h.up(), len(n.hosts))
			}
		}
	}
}

// up returns how many members the host's agent sees up.
func (h *host) up() int {
	out, err := h.command("peers", "--json").Output()
	if err != nil {
		return 0
	}
	return bytes.Count(out, []byte(`"state":"up"`))
}

// reader is a running sub command.
type reader struct {
	host   *host
	done   chan error
	output string
	errors bytes.Buffer
}

// readings number the files that readers print to.
var readings atomic.Int32

// read starts sub on a host, which ends after so many messages, lost ones counted, and waits until it is subscribed.
func (h *host) read(topic string, count int, arguments ...string) *reader {
	t := h.net.t
	t.Helper()
	r := &reader{host: h, done: make(chan error, 1), output: filepath.Join(h.outputDir, fmt.Sprintf("sub%d.out", readings.Add(1)))}
	file, err := os.Create(r.output)
	if err != nil {
		t.Fatal(err)
	}
	command := h.command(append([]string{"sub", topic, "--count", fmt.Sprint(count)}, arguments...)...)
	command.Stdout, command.Stderr = file, &r.errors
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		err := command.Wait()
		_ = file.Close()
		r.done <- err
	}()
	t.Cleanup(func() { _ = command.Process.Kill() })
	return r
}

// awaitSubscription waits until the agent has a subscription.
func (h *host) awaitSubscription() {
	t := h.net.t
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), joinPatience)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for !strings.Contains(h.metrics(), "\nspinglass_subscriptions 1\n") {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf("agent %d has no subscription", h.number)
		}
	}
}

// metrics returns what the agent tells Prometheus, nothing where it does not answer.
func (h *host) metrics() string {
	client := http.Client{Timeout: time.Second, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(h.dataDir, h.below, "api.sock"))
		},
	}}
	response, err := client.Get("http://agent/metrics")
	if err != nil {
		return ""
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return ""
	}
	return string(text)
}

// wait waits until the reader has ended and returns what it printed.
func (r *reader) wait() []byte {
	t := r.host.net.t
	t.Helper()
	select {
	case err := <-r.done:
		if err != nil {
			t.Fatalf("sub on host %d: %v\n%s", r.host.number, err, r.errors.Bytes())
		}
	case <-time.After(streamPatience):
		out, _ := os.ReadFile(r.output)
		t.Fatalf("sub on host %d has not ended: %d lines so far; %s", r.host.number, bytes.Count(out, []byte("\n")), r.errors.Bytes())
	}
	out, err := os.ReadFile(r.output)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// publish sends lines through pub on a host.
func (h *host) publish(topic string, lines []byte, arguments ...string) *exec.Cmd {
	t := h.net.t
	t.Helper()
	command := h.command(append([]string{"pub", topic}, arguments...)...)
	command.Stdin = bytes.NewReader(lines)
	command.Stderr = os.Stderr
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	return command
}

// lab starts three hosts that lose a tenth of what arrives, with a reader of the topic src on each.
func lab(t *testing.T, count int, arguments ...string) (*network, []*reader) {
	n := newNetwork(t, 3)
	for _, h := range n.hosts {
		h.lose(10)
		h.start()
	}
	n.ready(joinPatience)
	var readers []*reader
	for _, h := range n.hosts {
		readers = append(readers, h.read("src", count, arguments...))
	}
	for _, h := range n.hosts {
		h.awaitSubscription()
	}
	return n, readers
}

// pauses stops the agent of h again and again for random times up to longest, until done is closed. It returns how often.
func (h *host) pauses(longest time.Duration, seed uint64, done <-chan struct{}) <-chan int {
	count := make(chan int, 1)
	go func() {
		r := rand.New(rand.NewPCG(seed, 0))
		pauses := 0
		defer func() {
			h.signal(syscall.SIGCONT)
			count <- pauses
		}()
		for {
			h.signal(syscall.SIGSTOP)
			pauses++
			select {
			case <-time.After(time.Duration(r.Int64N(int64(longest)))):
			case <-done:
				return
			}
			h.signal(syscall.SIGCONT)
			select {
			case <-time.After(time.Duration(500+r.IntN(1000)) * time.Millisecond):
			case <-done:
				return
			}
		}
	}()
	return count
}

func TestEveryLineArrivesInOrderInSpiteOfLoss(t *testing.T) {
	lines := sourceLines(t)
	n, readers := lab(t, bytes.Count(lines, []byte("\n")))
	begin := time.Now()
	if err := n.hosts[0].publish("src", lines).Wait(); err != nil {
		t.Fatal(err)
	}
	published := time.Since(begin)
	for _, r := range readers {
		if got := r.wait(); !bytes.Equal(got, lines) {
			t.Errorf("host %d printed %d bytes, not the %d that were sent; %s", r.host.number, len(got), len(lines), r.errors.Bytes())
		}
	}
	t.Logf("%d bytes published in %v, all there after %v", len(lines), published, time.Since(begin))
}

func TestEveryLineArrivesInSpiteOfShortPauses(t *testing.T) {
	lines := sourceLines(t)
	n, readers := lab(t, bytes.Count(lines, []byte("\n")))
	done := make(chan struct{})
	pauses := n.hosts[2].pauses(time.Second, 1, done)
	if err := n.hosts[0].publish("src", lines, "--rate", "30000").Wait(); err != nil {
		t.Fatal(err)
	}
	close(done)
	t.Logf("host 3 was stopped %d times", <-pauses)
	for _, r := range readers {
		if got := r.wait(); !bytes.Equal(got, lines) {
			t.Errorf("host %d printed %d bytes, not the %d that were sent; %s", r.host.number, len(got), len(lines), r.errors.Bytes())
		}
	}
}

func TestLinesAndGapsAddUpAfterALongPause(t *testing.T) {
	lines := sourceLines(t)
	total := bytes.Count(lines, []byte("\n"))
	n, readers := lab(t, total, "--json")
	publishing := n.hosts[0].publish("src", lines, "--rate", "15000")
	time.Sleep(2 * time.Second) // the pause is to begin while messages flow
	n.hosts[2].signal(syscall.SIGSTOP)
	time.Sleep(5 * time.Second)
	n.hosts[2].signal(syscall.SIGCONT)
	if err := publishing.Wait(); err != nil {
		t.Fatal(err)
	}
	want := bytes.Split(bytes.TrimSuffix(lines, []byte("\n")), []byte("\n"))
	for _, r := range readers {
		printed, lost := account(t, r, want)
		t.Logf("host %d: %d lines, %d lost", r.host.number, printed, lost)
		if printed+lost != total {
			t.Errorf("host %d: %d lines and %d lost do not add up to %d", r.host.number, printed, lost, total)
		}
		if r.host.number != 3 && lost > 0 {
			t.Errorf("host %d, which was never stopped, lost %d", r.host.number, lost)
		}
		if r.host.number == 3 && lost == 0 {
			t.Errorf("host 3 lost nothing in 5 s: the pause has not bitten")
		}
	}
}

// account checks that the messages that a reader printed are the right ones, and returns how many there are and how many were lost.
func account(t *testing.T, r *reader, want [][]byte) (printed, lost int) {
	t.Helper()
	scanner := bufio.NewScanner(bytes.NewReader(r.wait()))
	scanner.Buffer(nil, 1<<22)
	for scanner.Scan() {
		var line struct {
			Type    string `json:"type"`
			Payload string `json:"payload"`
			Count   int    `json:"count"`
		}
		if err := json.Unmarshal(scanner.Bytes(), &line); err != nil {
			t.Fatalf("%v in %s", err, scanner.Bytes())
		}
		switch at := printed + lost; {
		case line.Type == "gap":
			lost += line.Count
		case at >= len(want) || line.Payload != string(want[at]):
			t.Fatalf("host %d: line %d is %q", r.host.number, at, line.Payload)
		default:
			printed++
		}
	}
	return printed, lost
}

func TestAHostThatWasCutOffComesBackByItself(t *testing.T) {
	n := newNetwork(t, 3)
	for _, h := range n.hosts {
		h.start()
	}
	n.ready(joinPatience)
	n.hosts[2].cutOff()
	time.Sleep(60 * time.Second)
	if up := n.hosts[0].up(); up != 2 {
		t.Errorf("after 60 s agent 1 sees %d hosts up, of 2 that are there", up)
	}
	n.hosts[2].lose(0)
	begin := time.Now()
	n.ready(joinPatience)
	t.Logf("all see all %v after the cut has ended", time.Since(begin).Round(100*time.Millisecond))
	r := n.hosts[2].read("src", 1)
	n.hosts[2].awaitSubscription()
	if err := n.hosts[0].publish("src", []byte("back\n")).Wait(); err != nil {
		t.Fatal(err)
	}
	if got := string(r.wait()); got != "back\n" {
		t.Errorf("host 3 printed %q", got)
	}
}

// numbered returns lines that are all different.
func numbered(count int) []byte { return numberedFrom(0, count) }

// numberedFrom returns those from a number on.
func numberedFrom(first, count int) []byte {
	var lines bytes.Buffer
	for i := range count {
		fmt.Fprintf(&lines, "%08d %s\n", first+i, strings.Repeat("x", 190))
	}
	return lines.Bytes()
}
