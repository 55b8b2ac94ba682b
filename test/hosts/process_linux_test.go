package hosts_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"spinglass/protocol"
)

// clockTick is the unit of processor times in /proc.
const clockTick = 10 * time.Millisecond

// resident returns how much memory a process has in use, and the most that it had since resetPeak, in bytes.
func resident(t *testing.T, process *os.Process) (now, peak int) {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(text)) {
		var kilobytes int
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kilobytes); err == nil {
			now = kilobytes << 10
		}
		if _, err := fmt.Sscanf(line, "VmHWM: %d kB", &kilobytes); err == nil {
			peak = kilobytes << 10
		}
	}
	if now == 0 || peak == 0 {
		t.Fatalf("no memory figures in %s", text)
	}
	return now, peak
}

// resetPeak makes what a process has in use now the most that it had.
func resetPeak(t *testing.T, process *os.Process) {
	t.Helper()
	if err := os.WriteFile(fmt.Sprintf("/proc/%d/clear_refs", process.Pid), []byte("5"), 0); err != nil {
		t.Fatal(err)
	}
}

// processorTime returns how much a process has computed so far.
func processorTime(t *testing.T, process *os.Process) time.Duration {
	t.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	if err1 != nil || err2 != nil {
		t.Fatalf("no processor times in %s", text)
	}
	return time.Duration(user+system) * clockTick
}

// load returns which share of a processor a process takes for a while.
func load(t *testing.T, process *os.Process, length time.Duration) float64 {
	t.Helper()
	begin, before := time.Now(), processorTime(t, process)
	time.Sleep(length)
	return (processorTime(t, process) - before).Seconds() / time.Since(begin).Seconds()
}

// descriptors returns how many files a process has open.
func descriptors(t *testing.T, process *os.Process) int {
	t.Helper()
	open, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	return len(open)
}

// inside runs f on a thread of a network namespace: sockets that it opens belong to that.
func (n *network) inside(namespace string, f func() error) error {
	done := make(chan error, 1)
	go func() {
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		file, err := os.Open("/run/netns/" + namespace)
		if err == nil {
			err = unix.Setns(int(file.Fd()), unix.CLONE_NEWNET)
			_ = file.Close()
		}
		if err == nil {
			err = f()
		}
		done <- err
	}()
	return <-done
}

// open makes a UDP socket of the host.
func (h *host) open(port int) *net.UDPConn {
	t := h.net.t
	t.Helper()
	var conn *net.UDPConn
	err := h.net.inside(h.namespace, func() (err error) {
		conn, err = net.ListenUDP("udp4", &net.UDPAddr{IP: net.ParseIP(h.address), Port: port})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// dial makes a connection from the host, as net.Dialer.DialContext.
func (h *host) dial(ctx context.Context, network, address string) (conn net.Conn, err error) {
	err = h.net.inside(h.namespace, func() (err error) {
		conn, err = new(net.Dialer).DialContext(ctx, network, address)
		return err
	})
	return conn, err
}

// drops returns how much input the host's agent has dropped for a reason.
func (h *host) drops(reason protocol.Reason) int {
	prefix := fmt.Sprintf("spinglass_dropped_total{reason=%q} ", reason)
	for line := range strings.Lines(h.metrics()) {
		if rest, ok := strings.CutPrefix(line, prefix); ok {
			value, err := strconv.ParseFloat(strings.TrimSpace(rest), 64)
			if err != nil {
				h.net.t.Fatal(err)
			}
			return int(value)
		}
	}
	return 0
}

// said returns the lines of the host's log that have all of the given texts in them.
func (h *host) said(texts ...string) (lines []string) {
	h.net.t.Helper()
	log, err := os.ReadFile(h.logFile())
	if err != nil {
		h.net.t.Fatal(err)
	}
next:
	for line := range strings.Lines(string(log)) {
		for _, text := range texts {
			if !strings.Contains(line, text) {
				continue next
			}
		}
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines
}

// peer is what an agent knows of a member.
type peer struct {
	Name, ID, State string
	Self            bool
}

// peers returns what the host's agent knows of members, by their names.
func (h *host) peers() map[string]peer {
	h.net.t.Helper()
	out, err := h.command("peers", "--json").Output()
	if err != nil {
		h.net.t.Fatalf("peers on host %d: %v", h.number, err)
	}
	known := map[string]peer{}
	for line := range bytes.Lines(out) {
		var p peer
		if err := json.Unmarshal(line, &p); err != nil {
			h.net.t.Fatalf("%v in %s", err, line)
		}
		known[p.Name] = p
	}
	return known
}

// name is what the host's agent is called.
func (h *host) name() string { return fmt.Sprintf("/lab/a%d", h.number) }

// stop ends the host's agent by an interrupt, as people do.
func (h *host) stop() {
	t := h.net.t
	t.Helper()
	h.signal(syscall.SIGINT)
	if err := h.agent.Wait(); err != nil {
		t.Fatalf("agent %d: %v", h.number, err)
	}
}

// control runs f as a test of its own, whose processes end with it: without the defence that the test is about.
func (n *network) control(what string, f func()) {
	whole := n.t
	whole.Helper()
	whole.Run("control: "+what, func(t *testing.T) {
		n.t = t
		defer func() { n.t = whole }()
		f()
	})
}

// tool returns a command that runs on the host without naming the data directory.
func (h *host) tool(arguments ...string) *exec.Cmd {
	return h.exec(append([]string{h.net.binary}, arguments...)...)
}

// output runs a command and returns what it prints.
func (n *network) output(command *exec.Cmd) string {
	n.t.Helper()
	var errors bytes.Buffer
	command.Stderr = &errors
	out, err := command.Output()
	if err != nil {
		n.t.Fatalf("%s: %v\n%s%s", command, err, out, errors.Bytes())
	}
	return string(out)
}

// refused runs a command that has to fail with one line on standard error and nothing on standard output, and returns that line.
func (n *network) refused(command *exec.Cmd) string {
	n.t.Helper()
	var out, errors bytes.Buffer
	command.Stdout, command.Stderr, command.WaitDelay = &out, &errors, time.Second
	if err := command.Start(); err != nil {
		n.t.Fatal(err)
	}
	timer := time.AfterFunc(joinPatience, func() { _ = command.Process.Kill() })
	err := command.Wait()
	switch text := errors.String(); {
	case !timer.Stop():
		n.t.Fatalf("%s does not end by itself\n%s%s", command, out.Bytes(), text)
	case err == nil || out.Len() > 0 || strings.Count(text, "\n") != 1 || !strings.HasPrefix(text, "spinglass: "):
		n.t.Errorf("%s: want a failure and one line: %v\n%s%s", command, err, out.Bytes(), text)
	}
	return strings.TrimSpace(errors.String())
}

// role starts this test binary on the host as one of roles. What it prints can be read line by line; it ends when its standard input does.
func (h *host) role(name string, arguments ...string) (process *os.Process, lines *bufio.Scanner, end func()) {
	t := h.net.t
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	command := h.exec(append(arguments, self)...)
	command.Env = append(os.Environ(), roleVariable+"="+name)
	command.Stderr = os.Stderr
	in, err1 := command.StdinPipe()
	out, err2 := command.StdoutPipe()
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	h.net.background(command)
	return command.Process, bufio.NewScanner(out), func() { _ = in.Close() }
}

// fresh is a data directory that nobody has used.
func (n *network) fresh() string { return filepath.Join(n.t.TempDir(), "data") }
