package hosts_test

import (
	"context"
	"encoding/json"
	"math/rand/v2"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"spinglass/examples/ledger/client"
)

const (
	ledgerMembers  = 5
	ledgerClients  = 24
	ledgerRequest  = 11 * time.Second // limit of a request
	ledgerCheck    = time.Minute      // limit of the check of a history
	ledgerPatience = 90 * time.Second // for all to come together
)

// startLedger starts the host's member of the ledger, which joins by another one, or founds it.
func (h *host) startLedger(binary string, by *host) {
	arguments := []string{binary, "member", "--name", h.name(), "--listen", h.address + ":7401", "--http", h.address + ":8400", "--data-dir", h.dataDir}
	if by == nil {
		arguments = append(arguments, "--found")
	} else {
		arguments = append(arguments, "--join", by.address+":7401")
	}
	h.run(arguments...)
}

// kill ends the host's process at once.
func (h *host) kill() {
	h.signal(syscall.SIGKILL)
	_ = h.agent.Wait()
}

// cutFromOthers has a host hear nobody, and nobody hear it; who is on the host itself can talk to it.
func (h *host) cutFromOthers() {
	h.net.t.Helper()
	h.filter("flush chain inet f in; flush chain inet f out; add rule inet f in iifname eth0 drop; add rule inet f out oifname eth0 drop")
}

// heal ends cutFromOthers.
func (h *host) heal() {
	h.net.t.Helper()
	h.filter("flush chain inet f in; flush chain inet f out")
}

// ledgerView is what a member tells of itself.
type ledgerView struct {
	View, Phase string
	Members     []struct{ Name string }
	Applied     uint64
}

// ledger returns what the host's member tells.
func (h *host) ledger(web *http.Client) (v ledgerView, err error) {
	answer, err := web.Get("http://" + h.address + ":8400/view")
	if err != nil {
		return v, err
	}
	defer answer.Body.Close()
	err = json.NewDecoder(answer.Body).Decode(&v)
	return v, err
}

// ledgersTogether waits until all members take part in one view, and have carried out the same commands.
func (n *network) ledgersTogether(web *http.Client) {
	n.t.Helper()
	n.await("the members of the ledger to come together", ledgerPatience, func() bool {
		first, err := n.hosts[0].ledger(web)
		for _, h := range n.hosts {
			v, failed := h.ledger(web)
			if err != nil || failed != nil || v.Phase != "member" || len(v.Members) != len(n.hosts) || v.View != first.View || v.Applied != first.Applied {
				return false
			}
		}
		return true
	})
}

// Members of a ledger are killed, stopped and cut off, one after the other, while clients on all hosts ask. What clients are told is linearizable, and all come together in the end, by themselves.
func TestLedger(t *testing.T) {
	n := newNetwork(t, ledgerMembers)
	binary := filepath.Join(folder, "ledger")
	build := exec.Command("go", "build", "-o", binary, "./examples/ledger")
	build.Dir = "../.."
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("go build: %v\n%s", err, out)
	}
	byAddress, members := map[string]*host{}, []string{}
	for i, h := range n.hosts {
		if i == 0 {
			h.startLedger(binary, nil)
		} else {
			h.startLedger(binary, n.hosts[0])
		}
		members = append(members, h.address+":8400")
		byAddress[h.address+":8400"] = h
	}
	// Who asks a member is on its host.
	transport := &http.Transport{MaxIdleConnsPerHost: ledgerClients, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		return byAddress[address].dial(ctx, network, address)
	}}
	defer transport.CloseIdleConnections()
	web := &http.Client{Transport: transport, Timeout: ledgerRequest}
	n.ledgersTogether(web)

	clients := client.New(members, 500, transport, ledgerRequest)
	asking, stop := context.WithCancel(t.Context())
	defer stop()
	var running sync.WaitGroup
	for i := range ledgerClients {
		running.Go(func() { clients.Run(asking, i, rand.New(rand.NewPCG(uint64(i), 7))) })
	}
	for round := range 9 {
		time.Sleep(time.Second)
		h, by := n.hosts[round%ledgerMembers], n.hosts[(round+1)%ledgerMembers]
		switch round % 3 {
		case 0:
			h.kill()
			time.Sleep(time.Second)
			h.startLedger(binary, by)
		case 1:
			h.signal(syscall.SIGSTOP)
			time.Sleep(3 * time.Second)
			h.signal(syscall.SIGCONT)
		default:
			h.cutFromOthers()
			time.Sleep(3 * time.Second)
			h.heal()
		}
	}
	time.Sleep(2 * time.Second)
	stop()
	running.Wait()
	n.ledgersTogether(web)
	requests, uncertain := clients.History.Len()
	if err := clients.History.Check(ledgerCheck); err != nil {
		t.Error(err)
	}
	if t.Logf("%d requests, of %d of which nobody knows what became of them", requests, uncertain); requests < 1000 {
		t.Error("too few to tell")
	}
}
