package hosts_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"spinglass/internal/enroltest"
)

const adhocPort = 7475

// soldier is a host that takes part in a group of an ad-hoc network.
type soldier struct {
	*host
	command *exec.Cmd
	input   io.WriteCloser
	printed string // file
}

// march starts spinglass adhoc on a host.
func (h *host) march(vault, group string) *soldier {
	t := h.net.t
	t.Helper()
	if err := enroltest.Enrol(t.Context(), vault, h.dataDir, fmt.Sprintf("/platoon/s%d", h.number)); err != nil {
		t.Fatal(err)
	}
	s := &soldier{host: h, command: h.exec(h.net.binary, "adhoc", "--interface", "eth0", "--group", group, "--json", "--data-dir", h.dataDir), printed: filepath.Join(h.outputDir, "messages")}
	var err error
	if s.input, err = s.command.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	output, err := os.Create(s.printed)
	if err != nil {
		t.Fatal(err)
	}
	log, err := os.Create(h.logFile())
	if err != nil {
		t.Fatal(err)
	}
	s.command.Stdout, s.command.Stderr = output, log
	if err := s.command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = s.command.Process.Signal(syscall.SIGTERM)
		_ = s.command.Wait()
		_, _ = output.Close(), log.Close()
		if text, err := os.ReadFile(h.logFile()); err == nil && t.Failed() {
			t.Logf("log of host %d:\n%s", h.number, text)
		}
	})
	return s
}

// takesPart reports whether a soldier has said that it takes part in its group.
func (s *soldier) takesPart() bool {
	log, err := os.ReadFile(s.logFile())
	return err == nil && bytes.Contains(log, []byte(" takes part in "))
}

// heard returns the payloads that a soldier has printed, and how many lines are gaps.
func (s *soldier) heard() (payloads map[string]bool, gaps int) {
	t := s.net.t
	t.Helper()
	file, err := os.Open(s.printed)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	payloads = map[string]bool{}
	for lines := bufio.NewScanner(file); lines.Scan(); {
		var line struct{ Type, Payload string }
		if json.Unmarshal(lines.Bytes(), &line) != nil {
			continue // the last one is being written
		}
		switch line.Type {
		case "message":
			if payloads[line.Payload] {
				t.Errorf("host %d got %q twice", s.number, line.Payload)
			}
			payloads[line.Payload] = true
		case "gap":
			gaps++
		}
	}
	return payloads, gaps
}

// hears has a host hear some others only, of what goes over the air.
func (h *host) hears(others ...*host) {
	h.net.t.Helper()
	var addresses []string
	for _, o := range others {
		addresses = append(addresses, o.address)
	}
	rule := fmt.Sprintf("add rule inet f in udp dport %d", adhocPort)
	if len(addresses) > 0 {
		rule += " ip saddr != { " + strings.Join(addresses, ", ") + " }"
	}
	h.filter("flush chain inet f in; " + rule + " drop")
}

// lineUp makes the hosts a chain in an order: each hears the one before and the one behind. Between positions cut-1 and cut nobody hears anybody; 0 cuts nowhere.
func (n *network) lineUp(order []int, cut int) {
	n.t.Helper()
	for i, at := range order {
		var others []*host
		if i > 0 && i != cut {
			others = append(others, n.hosts[order[i-1]])
		}
		if i+1 < len(order) && i+1 != cut {
			others = append(others, n.hosts[order[i+1]])
		}
		n.hosts[at].hears(others...)
	}
}

// move has one host go to another place of the chain.
func move(r *rand.Rand, order []int) []int {
	from := r.IntN(len(order))
	who := order[from]
	order = slices.Delete(slices.Clone(order), from, from+1)
	return slices.Insert(order, r.IntN(len(order)+1), who)
}

// Eight hosts are a chain that moves: every few seconds one of them goes to another place, and for a third of the time the chain is in two parts. Of 90 messages that three of them publish within 60 s, every member has all soon after the
// chain is whole: as a rule within 10 s, here in 30 s, because other tests run beside this one.
func TestPlatoonHasEveryMessage(t *testing.T) {
	t.Parallel()
	const (
		count    = 90
		length   = 60 * time.Second
		step     = 4 * time.Second
		patience = 30 * time.Second
	)
	n := newNetwork(t, 8)
	vault := filepath.Join(n.hosts[0].dataDir, "vault")
	order := []int{0, 1, 2, 3, 4, 5, 6, 7}
	n.lineUp(order, 0)
	var soldiers []*soldier
	for _, h := range n.hosts {
		soldiers = append(soldiers, h.march(vault, "platoon"))
	}
	publishers := []*soldier{soldiers[0], soldiers[3], soldiers[7]}
	for _, s := range soldiers { // the tree need not be there
		n.await(fmt.Sprintf("host %d takes part", s.number), joinPatience, s.takesPart)
	}
	r := rand.New(rand.NewPCG(uint64(time.Now().UnixNano()), 1))
	begin, sent, moves, parted := time.Now(), 0, 0, 0
	cut := 0
	for sent < count || time.Since(begin) < length {
		elapsed := time.Since(begin)
		if due := min(count, int(elapsed*count/length)); sent < due {
			sent++
			if _, err := fmt.Fprintf(publishers[sent%len(publishers)].input, "message %d\n", sent); err != nil {
				t.Fatal(err)
			}
			continue
		}
		if int(elapsed/step) > moves {
			moves++
			order = move(r, order)
			if cut = 0; moves%3 == 2 {
				cut, parted = 1+r.IntN(len(order)-1), parted+1
			}
			n.lineUp(order, cut)
		}
		time.Sleep(10 * time.Millisecond)
	}
	n.lineUp(order, 0)
	whole := time.Now()
	missing := func() (worst int) {
		for i, s := range soldiers {
			own := 0
			for k := 1; k <= sent; k++ {
				if publishers[k%len(publishers)] == soldiers[i] {
					own++
				}
			}
			heard, _ := s.heard()
			worst = max(worst, sent-own-len(heard))
		}
		return worst
	}
	before := missing()
	for missing() > 0 && time.Since(whole) < patience {
		time.Sleep(50 * time.Millisecond)
	}
	after := time.Since(whole)
	t.Logf("%d moves, %d times in two parts; the worst member missed %d of %d when the chain became whole, and had all %v later", moves, parted, before, count, after.Round(10*time.Millisecond))
	if left := missing(); left > 0 {
		t.Errorf("after %v the worst member still misses %d of %d", after, left, count)
	}
	for _, s := range soldiers {
		if _, gaps := s.heard(); gaps > 0 {
			t.Errorf("host %d was told of %d gaps", s.number, gaps)
		}
	}
}
