package hosts_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"spinglass/internal/enroltest"
)

// network is a bridge in a namespace of its own, and hosts on it.
type network struct {
	t      *testing.T
	prefix string // of the namespaces' names
	binary string
	hosts  []*host
}

// networks tells the networks of tests that run at the same time apart.
var networks atomic.Int32

// host is a network namespace with one address, where an agent runs.
type host struct {
	net       *network
	number    int
	namespace string
	address   string
	dataDir   string
	below     string // where below dataDir the agent has its own
	outputDir string // of the log and of what commands print
	agent     *exec.Cmd
}

// newNetwork makes a network of so many hosts, or skips the test where that cannot be done.
func newNetwork(t *testing.T, size int) *network {
	t.Helper()
	switch {
	case os.Getenv("SPINGLASS_HOSTS") != "1":
		t.Skip("skipped: multi-host tests run where SPINGLASS_HOSTS=1 is set")
	case os.Getuid() != 0:
		t.Skip("skipped: network namespaces need root")
	}
	for _, tool := range []string{"ip", "nft"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skipf("skipped: %s is not installed (packages iproute2 and nftables)", tool)
		}
	}
	n := &network{t: t, prefix: fmt.Sprintf("sg%d-%d", os.Getpid()%100000, networks.Add(1)), binary: build(t)}
	n.namespace("sw")
	n.in("sw", "ip", "link", "add", "name", "bridge0", "type", "bridge")
	n.in("sw", "ip", "link", "set", "bridge0", "up")
	for i := 1; i <= size; i++ {
		n.hosts = append(n.hosts, n.addHost(i))
	}
	return n
}

func (n *network) namespace(name string) {
	n.t.Helper()
	n.run("ip", "netns", "add", n.prefix+name)
	n.t.Cleanup(func() { _ = exec.Command("ip", "netns", "del", n.prefix+name).Run() })
	n.in(name, "ip", "link", "set", "lo", "up")
}

func (n *network) addHost(i int) *host {
	name := fmt.Sprintf("h%d", i)
	h := &host{net: n, number: i, namespace: n.prefix + name, address: fmt.Sprintf("10.77.0.%d", i), dataDir: n.t.TempDir(), outputDir: n.t.TempDir()}
	n.namespace(name)
	n.run("ip", "-n", n.prefix+"sw", "link", "add", "p"+name, "type", "veth", "peer", "name", "eth0", "netns", h.namespace)
	n.in("sw", "ip", "link", "set", "p"+name, "master", "bridge0", "up")
	n.in(name, "ip", "addr", "add", h.address+"/24", "dev", "eth0")
	n.in(name, "ip", "link", "set", "eth0", "up")
	n.in(name, "nft", "add table inet f; add chain inet f in { type filter hook input priority 0; }; add chain inet f out { type filter hook output priority 0; }")
	return h
}

func (n *network) run(name string, arguments ...string) {
	n.t.Helper()
	if out, err := exec.Command(name, arguments...).CombinedOutput(); err != nil {
		n.t.Fatalf("%s %s: %v\n%s", name, strings.Join(arguments, " "), err, out)
	}
}

func (n *network) in(namespace string, arguments ...string) {
	n.t.Helper()
	n.run("ip", append([]string{"netns", "exec", n.prefix + namespace}, arguments...)...)
}

// lose has a host lose a share of the UDP datagrams that arrive, in percent, at random.
func (h *host) lose(percent int) {
	h.net.t.Helper()
	h.filter(fmt.Sprintf("flush chain inet f in; flush chain inet f out; add rule inet f in meta l4proto udp numgen random mod 100 < %d drop", percent))
}

// cutOff has a host lose everything.
func (h *host) cutOff() {
	h.net.t.Helper()
	h.filter("flush chain inet f in; add rule inet f in drop; add rule inet f out drop")
}

func (h *host) filter(rules string) {
	h.net.t.Helper()
	h.net.run("ip", "netns", "exec", h.namespace, "nft", rules)
}

// start starts the host's agent; all but the first host join by the first.
func (h *host) start(arguments ...string) {
	t := h.net.t
	t.Helper()
	name := fmt.Sprintf("/lab/a%d", h.number)
	if _, err := os.Stat(filepath.Join(h.dataDir, "identity")); err != nil {
		if err := enroltest.Enrol(t.Context(), filepath.Join(h.net.hosts[0].dataDir, "vault"), h.dataDir, name); err != nil {
			t.Fatal(err)
		}
	}
	arguments = append([]string{h.net.binary, "agent", "--name", name, "--listen", h.address + ":7401", "--data-dir", h.dataDir}, arguments...)
	if h.number == 1 {
		arguments = append(arguments, "--first")
	} else {
		arguments = append(arguments, "--join", h.net.hosts[0].address+":7401")
	}
	h.run(arguments...)
}

// run runs an agent by a command line of its own, which ip netns exec becomes. What it says is added to the host's log.
func (h *host) run(arguments ...string) {
	h.net.t.Helper()
	h.runCommand(h.exec(arguments...))
}

// runCommand runs an agent by a command of its own.
func (h *host) runCommand(command *exec.Cmd) {
	t := h.net.t
	t.Helper()
	h.agent = command
	log, err := os.OpenFile(h.logFile(), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		t.Fatal(err)
	}
	h.agent.Stdout, h.agent.Stderr = log, log
	if err := h.agent.Start(); err != nil {
		t.Fatal(err)
	}
	agent := h.agent
	t.Cleanup(func() {
		_ = agent.Process.Signal(syscall.SIGCONT)
		_ = agent.Process.Kill()
		_ = agent.Wait()
		_ = log.Close()
		if text, err := os.ReadFile(log.Name()); err == nil && t.Failed() {
			t.Logf("log of agent %d:\n%s", h.number, text)
		}
	})
}

// logFile is where the host's agents say what they do.
func (h *host) logFile() string { return filepath.Join(h.outputDir, "agent.log") }

// exec returns a command that runs on the host.
func (h *host) exec(arguments ...string) *exec.Cmd {
	return exec.Command("ip", append([]string{"netns", "exec", h.namespace}, arguments...)...)
}

// signal sends a signal to the host's agent, which ip netns exec has become.
func (h *host) signal(s syscall.Signal) {
	h.net.t.Helper()
	if err := h.agent.Process.Signal(s); err != nil {
		h.net.t.Fatal(err)
	}
}

// command returns a command that talks to the host's agent.
func (h *host) command(arguments ...string) *exec.Cmd {
	return exec.Command(h.net.binary, append(arguments, "--data-dir", h.dataDir)...)
}
