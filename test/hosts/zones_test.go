package hosts_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// What is promised of tables of zones, and how much longer this test waits on a machine that is busy.
const (
	zonesForm    = 30 * time.Second // all know all after they have started
	newsAll      = 10 * time.Second // "real agents fresh within 10 s at defaults"
	rowAged      = 10 * time.Second // the least age that is told is 8 s, and it is told in a round
	twiceTFail   = 15 * time.Second // 2 T_fail, which is 5 to 7.5 s for few members
	healed       = 30 * time.Second // join addresses are tried twice a minute, zones that went sooner
	zonesPatient = 2                // times as long
)

// tableRow is a row as commands print it with --json.
type tableRow struct {
	Name         string         `json:"name"`
	Attributes   map[string]any `json:"attributes"`
	RowsIn       int            `json:"rows_in"`
	RowsExpected int            `json:"rows_expected"`
	Age          float64        `json:"age_s"`
	Suspect      bool           `json:"suspect"`
}

// rows returns the rows that a command of the host prints; none when it fails.
func (h *host) rows(arguments ...string) (rows []tableRow) {
	h.net.t.Helper()
	out, err := h.command(append(arguments, "--json")...).Output()
	if err != nil {
		return nil
	}
	for line := range bytes.Lines(out) {
		var row tableRow
		if err := json.Unmarshal(line, &row); err != nil {
			h.net.t.Fatalf("%v in %s", err, line)
		}
		rows = append(rows, row)
	}
	return rows
}

// row returns one row, the zero one when it is not there.
func (h *host) row(name string, arguments ...string) tableRow {
	for _, row := range h.rows(arguments...) {
		if row.Name == name {
			return row
		}
	}
	return tableRow{}
}

// counts reports whether the host sees so many hosts in the fleet, in so many zones of those that there should be.
func (h *host) counts(hosts, zones, expected int) bool {
	root := h.row("/", "get", "/")
	return root.Attributes["nmembers"] == float64(hosts) && root.RowsIn == zones && root.RowsExpected == expected
}

// all waits until something is so at all of the hosts, and returns how long that took.
func (n *network) all(what string, limit time.Duration, hosts []*host, so func(h *host) bool) time.Duration {
	n.t.Helper()
	begin := time.Now()
	for _, h := range hosts {
		for !so(h) {
			if time.Since(begin) > zonesPatient*limit {
				table, _ := h.command("table", "/").CombinedOutput()
				n.t.Fatalf("%s: not at host %d after %v, twice the limit\n%s", what, h.number, zonesPatient*limit, table)
			}
			time.Sleep(100 * time.Millisecond)
		}
	}
	took := time.Since(begin)
	n.t.Logf("%s: %v of %v", what, took.Round(100*time.Millisecond), limit)
	return took
}

// only lets the host hear certain others only, and be heard by them.
func (h *host) only(others []*host) {
	var addresses []string
	for _, o := range others {
		addresses = append(addresses, o.address)
	}
	set := strings.Join(addresses, ", ")
	h.filter("flush chain inet f in; flush chain inet f out; " +
		"add rule inet f in iif eth0 ip saddr != { " + set + " } drop; add rule inet f out oif eth0 ip daddr != { " + set + " } drop")
}

// "A zone cut off shows as incomplete and aged in every summary, and returns by itself; a killed host leaves every count within 2*T_fail plus the spread; a set in one zone is seen at the
// root within 10 s": three zones of three agents, with identities.
func TestZones(t *testing.T) {
	n := newNetwork(t, 9)
	zones := []string{"/eu", "/us", "/asia"}
	command := func(h *host, arguments ...string) []string {
		name := fmt.Sprintf("%s/a%d", zones[(h.number-1)/3], h.number)
		return append([]string{n.binary, "agent", "--name", name, "--listen", h.address + ":7401", "--data-dir", h.dataDir, "--facts=false"}, arguments...)
	}
	first := n.hosts[0]
	first.run(command(first, "--first")...)
	n.await("the first agent", joinPatience, func() bool { return first.up() == 1 })
	token := n.token("--uses", "9")
	for _, h := range n.hosts[1:] {
		h.run(command(h, "--token", token)...)
	}
	n.all("all know all", zonesForm, n.hosts, func(h *host) bool { return h.counts(9, 3, 3) })

	n.output(first.command("function", "add", "probe", "--zone", "/", "SELECT SUM(probe) AS probe"))
	n.output(n.hosts[4].command("set", "probe=2"))
	probe := func(want float64) func(h *host) bool {
		return func(h *host) bool { return h.row("/", "get", "/").Attributes["probe"] == want }
	}
	n.all("a new function makes what it should at the root", newsAll, n.hosts, probe(2))
	n.output(n.hosts[8].command("set", "probe=5"))
	n.all("what a host of /asia sets is in what the function makes at the root", newsAll, n.hosts, probe(7))

	rest, cut := n.hosts[:6], n.hosts[6:]
	for _, h := range cut {
		h.only(cut)
	}
	n.all("the zone that is cut off is aged", rowAged, rest, func(h *host) bool { return h.row("/asia", "table", "/").Age >= 8 })
	if text := n.output(rest[5].command("table", "/")); !strings.Contains(text, "/asia") {
		t.Errorf("it is not in the table while it is aged:\n%s", text)
	}
	n.all("it is out of the counts, which are incomplete", twiceTFail+newsAll, rest, func(h *host) bool { return h.counts(6, 2, 3) })
	n.all("and so are the others for the zone", twiceTFail+newsAll, cut, func(h *host) bool { return h.counts(3, 1, 3) })
	if text := n.output(rest[0].command("table", "/eu")); !strings.Contains(text, "/eu/a1") {
		t.Errorf("the table of /eu:\n%s", text)
	}
	for _, h := range cut {
		h.filter("flush chain inet f in; flush chain inet f out")
	}
	n.all("it is back by itself", healed, n.hosts, func(h *host) bool { return h.counts(9, 3, 3) && probe(7)(h) })

	victim := n.hosts[4]
	victim.signal(syscall.SIGKILL)
	up := append(append([]*host{}, n.hosts[:4]...), n.hosts[5:]...)
	n.all("a host that is killed is out of all counts, and of what the function makes", twiceTFail+newsAll, up, func(h *host) bool { return h.counts(8, 3, 3) && probe(5)(h) })
}
