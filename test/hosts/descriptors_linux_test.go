package hosts_test

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	filesLow = 32  // that an agent has to be able to open
	idleMax  = 0.3 // of a processor, for 1000 messages a second
)

// limited is a command line under a limit of open files.
func limited(files int, command ...string) []string {
	return append([]string{"prlimit", fmt.Sprintf("--nofile=%d:%d", files, files)}, command...)
}

// crowd makes TCP connections to an address from many addresses of the host, on and on, and says nothing on them. It returns how many there were once it is ended.
func (h *host) crowd(to string) (end func() (connected int)) {
	const (
		sources = 8
		pause   = 40 * time.Millisecond // of each
		held    = 150                   // of each, so that they last for longer than a handshake may
	)
	n := h.net
	for i := range sources {
		n.in(h.namespace[len(n.prefix):], "ip", "addr", "replace", fmt.Sprintf("10.77.0.%d/24", 100+i), "dev", "eth0")
	}
	stop, connected := make(chan struct{}), 0
	var mutex sync.Mutex
	var running sync.WaitGroup
	for i := range sources {
		running.Go(func() {
			_ = n.inside(h.namespace, func() error {
				dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.IPv4(10, 77, 0, byte(100+i))}, Timeout: 100 * time.Millisecond}
				var open []net.Conn
				defer func() {
					for _, conn := range open {
						_ = conn.Close()
					}
				}()
				for {
					select {
					case <-stop:
						return nil
					case <-time.After(pause):
					}
					if conn, err := dialer.Dial("tcp", to); err == nil {
						open = append(open, conn)
						mutex.Lock()
						connected++
						mutex.Unlock()
					}
					if len(open) > held {
						_ = open[0].Close()
						open = open[1:]
					}
				}
			})
		})
	}
	end = sync.OnceValue(func() int {
		close(stop)
		running.Wait()
		return connected
	})
	n.t.Cleanup(func() { end() })
	return end
}

// An agent that may open few files is not brought down by strangers who connect again and again: they get a part of the files, commands are answered, and it computes hardly anything. Where
// its own user takes all files, it goes on, waits instead of computing, says what is wrong, and recovers. With fewer files than it needs it says so and ends. The control accepts all
// connections, and without a pause.
func TestFewDescriptors(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 3)
	n.found()
	token, victim, outsider := n.token("--uses", "10"), n.hosts[1], n.addHost(9)
	n.tooFew(token)
	victim.run(limited(filesLow, victim.agentCommand("--token", token)...)...)
	n.hosts[2].run(n.hosts[2].agentCommand("--token", token)...)
	n.ready(joinPatience)
	heard := victim.listen("news")
	before := descriptors(t, victim.agent.Process)

	end := outsider.crowd(victim.address + ":7401")
	n.await("more connections than are taken", joinPatience, func() bool { return victim.metric("handshakes_limited_total") > 100 })
	busy := n.busy(victim, 0)
	answer := n.await("commands are answered", joinPatience, func() bool { return victim.up() == 3 })
	if failed := victim.metric("accepts_failed_total"); failed > 0 || answer > time.Second {
		t.Errorf("%v connections could not be taken; a command was answered after %v", failed, answer)
	}
	t.Logf("strangers: %.0f %% of a processor, %d files are open, a command was answered after %v", 100*busy, descriptors(t, victim.agent.Process), answer.Round(time.Millisecond))

	release := victim.exhaust()
	n.await("all files are open", joinPatience, func() bool { return len(victim.said("connections cannot be accepted")) > 0 })
	busy = n.busy(victim, 2000)
	release()
	connected := end()
	n.await("all messages", joinPatience, func() bool { return heard.total() == 4000 })
	heard.once(4000)
	n.await("the files are closed", joinPatience, func() bool { return descriptors(t, victim.agent.Process) <= before+1 })
	t.Logf("all files taken: %.0f %% of a processor; %d strangers connected, %.0f tries to take a connection failed", 100*busy, connected, victim.metric("accepts_failed_total"))
	if lines := victim.said("connections cannot be accepted"); len(lines) != 1 || !strings.Contains(lines[0], "too many open files") {
		t.Errorf("it says:\n%s", strings.Join(lines, "\n"))
	} else {
		t.Log(lines[0])
	}
	joining := n.addHost(8)
	joining.run(joining.agentCommand("--token", token, "--join", victim.address+":7401")...)
	n.await("another host joins", joinPatience, func() bool { return joining.up() == 4 && victim.up() == 4 })
	n.control("accepting all, without a pause", func() { n.spins(outsider) })
}

// busy publishes 2000 lines from a number on, and returns which share of a processor a host's agent takes meanwhile. It has to be small.
func (n *network) busy(h *host, first int) float64 {
	n.t.Helper()
	pub := n.hosts[0].publish("news", numberedFrom(first, 2000), "--rate", "1000/s")
	share := load(n.t, h.agent.Process, 2*time.Second)
	if err := pub.Wait(); err != nil {
		n.t.Fatal(err)
	}
	if share > idleMax {
		n.t.Errorf("%.2f of a processor", share)
	}
	return share
}

// exhaust opens so many connections to the host's agent as a user of the machine that it can open no more files, until they are released.
func (h *host) exhaust() (release func()) {
	var mutex sync.Mutex
	var open []net.Conn
	stop := make(chan struct{})
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			if conn, err := net.Dial("unix", filepath.Join(h.dataDir, "api.sock")); err == nil {
				mutex.Lock()
				open = append(open, conn)
				mutex.Unlock()
			}
			select {
			case <-stop:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	release = sync.OnceFunc(func() {
		close(stop)
		<-done
		for _, conn := range open {
			_ = conn.Close()
		}
	})
	h.net.t.Cleanup(release)
	return release
}

// tooFew starts an agent that may open too few files.
func (n *network) tooFew(token string) {
	n.t.Helper()
	h := n.addHost(7)
	for _, files := range []int{8, 16, filesLow - 1} {
		said := n.refused(h.exec(limited(files, h.agentCommand("--token", token)...)...))
		if !strings.Contains(said, fmt.Sprintf("only %d files may be open", files)) {
			n.t.Errorf("with %d files: %s", files, said)
		} else {
			n.t.Log(said)
		}
	}
}

const spinPort = 7501

func init() { roles["accept without a pause"] = acceptWithoutPause }

// acceptWithoutPause takes connections, keeps them for a while, and tries again at once when it cannot.
func acceptWithoutPause() error {
	listener, err := net.Listen("tcp4", fmt.Sprint(":", spinPort))
	if err != nil {
		return err
	}
	go func() {
		for {
			if conn, err := listener.Accept(); err == nil {
				time.AfterFunc(5*time.Second, func() { _ = conn.Close() })
			}
		}
	}()
	fmt.Println("ready")
	_, _ = os.Stdin.Read(make([]byte, 1))
	return nil
}

// spins checks that a receiver that accepts without a pause computes all the time.
func (n *network) spins(outsider *host) {
	process, lines, stop := n.hosts[2].role("accept without a pause", limited(filesLow)...)
	defer stop()
	if !lines.Scan() {
		n.t.Fatal("it does not begin")
	}
	end := outsider.crowd(fmt.Sprint(n.hosts[2].address, ":", spinPort))
	defer end()
	time.Sleep(time.Second)
	busy := load(n.t, process, 2*time.Second)
	n.t.Logf("%.0f %% of a processor", 100*busy)
	if busy <= idleMax || descriptors(n.t, process) < filesLow {
		n.t.Error("it does not spin, or has files left")
	}
}
