package hosts_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// shell returns a command line as a user of the host types it, who has a home of their own and the binary on the path.
func (h *host) shell(line string) *exec.Cmd {
	command := h.exec("unshare", "--uts", "sh", "-c", fmt.Sprintf("hostname h%d && %s", h.number, line))
	command.Env = []string{"HOME=" + h.dataDir, "PATH=" + filepath.Dir(h.net.binary) + ":/usr/sbin:/usr/bin:/sbin:/bin"}
	return command
}

// user runs an agent as a user of the host does.
func (h *host) user(line string) {
	h.net.t.Helper()
	h.below = filepath.Join(".local", "state", "spinglass")
	h.runCommand(h.shell("exec " + line))
}

// printed waits until the host's agent has printed a line with a text in it, and returns the line after it, or that line itself.
func (h *host) printed(text string, after int) string {
	h.net.t.Helper()
	var line string
	h.net.await("a line with "+text, joinPatience, func() bool {
		log, err := os.ReadFile(h.logFile())
		if err != nil {
			h.net.t.Fatal(err)
		}
		all := strings.Split(string(log), "\n")
		for i := range all {
			if strings.Contains(all[i], text) && i+after+1 < len(all) {
				line = strings.TrimSpace(all[i+after])
				return true
			}
		}
		return false
	})
	return line
}

// Three hosts become a fleet as the first agent says, word by word, and hear each other. Tokens that do not help say why in one line.
func TestJoiningByWhatTheFirstAgentPrints(t *testing.T) {
	t.Parallel()
	n := newNetwork(t, 3)
	n.hosts[0].user(`spinglass agent --first --name "/lab/$(hostname)"`)
	line := n.hosts[0].printed("another machine joins by this command", 1)
	for _, h := range n.hosts[1:] {
		h.user(line)
	}
	for _, h := range n.hosts {
		n.await("all members", joinPatience, func() bool {
			out, _ := h.shell("spinglass peers --json").Output()
			return bytes.Count(out, []byte(`"state":"up"`)) == len(n.hosts)
		})
	}
	var subs []*exec.Cmd
	var heard []*bytes.Buffer
	for _, h := range n.hosts {
		sub, out := h.shell("exec spinglass sub greetings --count 3"), new(bytes.Buffer)
		sub.Stdout, sub.Stderr = out, out
		if err := sub.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = sub.Process.Kill() })
		subs, heard = append(subs, sub), append(heard, out)
	}
	for _, h := range n.hosts {
		h.awaitSubscription()
	}
	for _, h := range n.hosts {
		if out, err := h.shell("echo from $(hostname) | spinglass pub greetings").CombinedOutput(); err != nil || len(out) > 0 {
			t.Fatalf("pub: %v\n%s", err, out)
		}
	}
	for i, sub := range subs {
		if err := sub.Wait(); err != nil || strings.Count(heard[i].String(), "from h") != 3 {
			t.Errorf("host %d heard: %v\n%s", i+1, err, heard[i])
		}
	}
	n.badTokens(line)
}

// badTokens tries what does not let anybody in.
func (n *network) badTokens(line string) {
	t, first, stranger := n.t, n.hosts[0], n.addHost(9)
	try := func(what, line, want string) {
		t.Helper()
		if said := n.refused(stranger.shell("exec " + line)); !strings.Contains(said, want) {
			t.Errorf("%s: want %q, not %s", what, want, said)
		} else {
			t.Logf("%s: %s", what, said)
		}
	}
	token := func(flags string) string {
		return strings.TrimSpace(n.output(first.shell("spinglass ca token " + flags)))
	}
	agent := func(token string) string { return `spinglass agent --name "/lab/$(hostname)" --token ` + token }
	at := strings.LastIndex(line, "spinglass1.") + 20
	typo := line[:at] + map[bool]string{true: "b", false: "a"}[line[at] == 'a'] + line[at+1:]
	try("a typing error", typo, "join token is damaged")
	try("a token that was cut", line[:len(line)-1], "join token is damaged")
	try("no token", agent("hello"), "not a join token")

	short := token("--for 1s")
	used := token("--uses 1")
	n.hosts[2].stop()
	n.hosts[2].dataDir = n.fresh()
	if err := os.MkdirAll(n.hosts[2].dataDir, 0o700); err != nil {
		t.Fatal(err)
	}
	n.hosts[2].user(strings.ReplaceAll(agent(used), "$(hostname)", "again"))
	n.await("the third host by another name", joinPatience, func() bool {
		out, _ := first.shell("spinglass peers --json").Output()
		return bytes.Contains(out, []byte(`"/lab/again"`))
	})
	try("a token that is used up", agent(used), "join token is used up; ask for a new one")
	time.Sleep(2100 * time.Millisecond) // times have whole seconds
	try("a token that has expired", agent(short), "join token expired at ")
	try("a name that is taken", strings.ReplaceAll(agent(token("")), "$(hostname)", "h2"), `name "/lab/h2" is held by another key`)

	// The control: a token that does help.
	stranger.user(agent(token("")))
	n.await("the host with a good token", joinPatience, func() bool {
		out, _ := first.shell("spinglass peers --json").Output()
		return bytes.Contains(out, []byte(`"/lab/h9"`))
	})
}
