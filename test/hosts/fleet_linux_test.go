package hosts_test

import (
	"fmt"
	"strings"
	"time"
)

// found starts the first agent of a fleet on the first host, which makes the authority.
func (n *network) found(arguments ...string) {
	n.t.Helper()
	n.hosts[0].run(n.hosts[0].agentCommand(append([]string{"--first"}, arguments...)...)...)
	n.await("the first agent", joinPatience, func() bool { return n.hosts[0].up() == 1 })
}

// token returns a token of the first agent's authority.
func (n *network) token(arguments ...string) string {
	n.t.Helper()
	return strings.TrimSpace(n.output(n.hosts[0].command(append([]string{"ca", "token"}, arguments...)...)))
}

// join starts an agent on each of the other hosts, which joins by a token.
func (n *network) join() {
	n.t.Helper()
	token := n.token("--uses", fmt.Sprint(len(n.hosts)))
	for _, h := range n.hosts[1:] {
		h.run(h.agentCommand("--token", token)...)
	}
	n.ready(joinPatience)
}

// agentCommand returns the command line of the host's agent.
func (h *host) agentCommand(arguments ...string) []string {
	return append([]string{h.net.binary, "agent", "--name", h.name(), "--listen", h.address + ":7401", "--data-dir", h.dataDir}, arguments...)
}

// startFor starts an agent that joins by a token, with a certificate for so long; it renews that after half of the time.
func (h *host) startFor(life time.Duration) {
	h.net.t.Helper()
	first := h.net.hosts[0]
	request := h.net.output(h.command("ca", "request", "--name", h.name()))
	issue := first.command("ca", "issue", "-", "--life", life.String())
	issue.Stdin = strings.NewReader(request)
	install := h.command("ca", "install", "-")
	install.Stdin = strings.NewReader(h.net.output(issue))
	h.net.output(install)
	h.run(h.agentCommand("--token", h.net.token())...)
}
