package upgrade_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"spinglass/gateway/local"
	"spinglass/internal/enroltest"
)

// patience bounds each wait, far above what is measured.
const patience = 2 * time.Minute

// eventually waits until condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for deadline := time.Now().Add(patience); !condition(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// build makes the program, in dir.
func build(t *testing.T, dir, name string, flags ...string) string {
	t.Helper()
	binary := filepath.Join(dir, name)
	command := exec.Command("go", append(append([]string{"build"}, flags...), "-o", binary, "./cmd/spinglass")...)
	command.Dir = "../.."
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("go build %v: %v\n%s", flags, err, out)
	}
	return binary
}

// agent is a member: a data directory, an address, and a process of one of the two builds.
type agent struct {
	t       *testing.T
	name    string
	dir     string
	listen  string
	first   bool   // it has not run yet, and is to begin the fleet
	join    string // addresses of all
	binary  string
	process *exec.Cmd
}

// newAgents enrols agents of the given names. The first has the authority of the fleet.
func newAgents(t *testing.T, names ...string) (agents []*agent) {
	var addresses []string
	for i, name := range names {
		a := &agent{t: t, name: name, dir: t.TempDir(), listen: freeAddress(t), first: i == 0}
		agents, addresses = append(agents, a), append(addresses, a.listen)
		if err := enroltest.Enrol(t.Context(), agents[0].dir, a.dir, a.name); err != nil {
			t.Fatal(err)
		}
	}
	for _, a := range agents {
		a.join = strings.Join(addresses, ",")
	}
	return agents
}

func (a *agent) zone() string { return zoneOf(a.name) }

// zoneOf returns in which zone a member of a name stands.
func zoneOf(name string) string { return path.Dir(name) }

// given are the addresses that agents have been given.
var given = map[string]bool{}

// freeAddress returns an address of loopback that was free for UDP and TCP a moment ago, and that no other agent has: below the ports that the system gives to whoever asks for any, above those of the scripts of cmd/spinglass.
func freeAddress(t *testing.T) string {
	for range 100 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(26_000+rand.IntN(6_000)))
		if given[address] {
			continue
		}
		listener, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		packets, err := net.ListenPacket("udp", address)
		_ = listener.Close()
		if err == nil {
			_ = packets.Close()
			given[address] = true
			return address
		}
	}
	t.Fatal("no free address found")
	return ""
}

// start starts the agent as a process of a build.
func (a *agent) start(binary string) {
	a.t.Helper()
	a.binary = binary
	arguments := []string{"agent", "--name", a.name, "--listen", a.listen, "--join", a.join, "--data-dir", a.dir}
	if a.first {
		arguments = append(arguments, "--first")
		a.first = false
	}
	process := exec.Command(binary, arguments...)
	log, err := os.OpenFile(filepath.Join(a.dir, "agent.log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		a.t.Fatal(err)
	}
	process.Stdout, process.Stderr = log, log
	if err := process.Start(); err != nil {
		a.t.Fatal(err)
	}
	a.process = process
	a.t.Cleanup(func() {
		_ = process.Process.Kill() // after stop there is none
		_ = process.Wait()
		_ = log.Close()
	})
	eventually(a.t, a.name+" answers", func() bool { return len(a.peers()) > 0 })
}

// log returns what all processes of the agent have logged.
func (a *agent) log() string {
	text, err := os.ReadFile(filepath.Join(a.dir, "agent.log"))
	if err != nil {
		a.t.Fatal(err)
	}
	return string(text)
}

// stop interrupts the agent and waits until it has left.
func (a *agent) stop() {
	a.t.Helper()
	err := a.process.Process.Signal(syscall.SIGINT)
	if err == nil {
		err = a.process.Wait()
	}
	if err != nil {
		a.t.Errorf("%s: %v", a.name, err)
	}
}

// command returns a command of the agent's build that talks to it.
func (a *agent) command(arguments ...string) *exec.Cmd {
	return exec.Command(a.binary, append(arguments, "--data-dir", a.dir)...)
}

// peers returns what peers --json prints, by name, nothing while the agent does not answer.
func (a *agent) peers() map[string]local.Peer {
	out, err := a.command("peers", "--json").Output()
	if err != nil {
		return nil
	}
	peers := map[string]local.Peer{}
	for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
		var p local.Peer
		if err := decoder.Decode(&p); err == io.EOF {
			return peers
		} else if err != nil {
			a.t.Fatalf("%v in %s", err, out)
		}
		peers[p.Name] = p
	}
}

// counted returns how many members the root's summary counts at the agent.
func (a *agent) counted() int {
	var root struct {
		Attributes struct {
			Members int `json:"nmembers"`
		}
	}
	if out, err := a.command("get", "/", "--json").Output(); err != nil || json.Unmarshal(out, &root) != nil {
		return 0
	}
	return root.Attributes.Members
}

// knowsInterest reports whether all zones that have rows in the tables above the agent say that they want something.
func (a *agent) knowsInterest() bool {
	for zone := path.Dir(a.zone()); ; zone = path.Dir(zone) {
		out, err := a.command("table", zone, "--all", "--json").Output()
		if err != nil {
			return false
		}
		for decoder := json.NewDecoder(bytes.NewReader(out)); ; {
			var row struct {
				Name       string
				Host       bool
				Attributes struct{ Interest string }
			}
			if err := decoder.Decode(&row); err == io.EOF {
				break
			} else if err != nil {
				a.t.Fatalf("%v in %s", err, out)
			}
			if !row.Host && row.Attributes.Interest == "0x" {
				return false
			}
		}
		if zone == "/" {
			return true
		}
	}
}

// metric returns the number that a line of the agent's metrics ends with, 0 where there is none.
func (a *agent) metric(name string) float64 {
	a.t.Helper()
	client := http.Client{Timeout: patience, Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "unix", filepath.Join(a.dir, "api.sock"))
		},
	}}
	response, err := client.Get("http://agent/metrics")
	if err != nil {
		a.t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		a.t.Fatal(err)
	}
	found := regexp.MustCompile(`(?m)^` + regexp.QuoteMeta(name) + ` (\S+)$`).FindSubmatch(text)
	if found == nil {
		return 0
	}
	value, err := strconv.ParseFloat(string(found[1]), 64)
	if err != nil {
		a.t.Fatal(err)
	}
	return value
}
