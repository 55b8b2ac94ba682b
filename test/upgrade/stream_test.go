package upgrade_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os/exec"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	topic    = "lines"
	interval = 5 * time.Millisecond // between the lines of a publisher
)

// line is what is published: who, in which run of pub, and the number of the line in that run, from 1.
type line struct {
	From   string
	Run    int
	Number int
}

// run names a run of pub.
type run struct {
	from string
	run  int
}

// publisher is a running pub command that is fed a line every interval.
type publisher struct {
	run
	agent   *agent
	written atomic.Int64
	stop    chan struct{}
	ended   chan struct{}
	summary bytes.Buffer
	process *exec.Cmd
}

// publish starts a publisher.
func (a *agent) publish(number int) *publisher {
	a.t.Helper()
	p := &publisher{run: run{a.name, number}, agent: a, stop: make(chan struct{}), ended: make(chan struct{}), process: a.command("pub", topic, "--json")}
	p.process.Stdout = &p.summary
	lines, err := p.process.StdinPipe()
	if err == nil {
		err = p.process.Start()
	}
	if err != nil {
		a.t.Fatal(err)
	}
	go p.feed(lines)
	a.t.Cleanup(func() { _ = p.process.Process.Kill() })
	return p
}

func (p *publisher) feed(lines io.WriteCloser) {
	defer close(p.ended)
	defer lines.Close()
	tick := time.NewTicker(interval)
	defer tick.Stop()
	encoder := json.NewEncoder(lines)
	for number := 1; ; number++ {
		if encoder.Encode(line{p.from, p.run.run, number}) != nil {
			return
		}
		p.written.Store(int64(number))
		select {
		case <-tick.C:
		case <-p.stop:
			return
		}
	}
}

// end ends the publisher, and returns how many lines it has published: all that it was fed.
func (p *publisher) end() int {
	t := p.agent.t
	t.Helper()
	close(p.stop)
	<-p.ended
	if err := p.process.Wait(); err != nil {
		t.Fatalf("pub at %s: %v", p.from, err)
	}
	var summary struct{ Published int }
	if err := json.Unmarshal(p.summary.Bytes(), &summary); err != nil || int64(summary.Published) != p.written.Load() {
		t.Fatalf("pub at %s was fed %d lines and says %s; %v", p.from, p.written.Load(), p.summary.Bytes(), err)
	}
	return summary.Published
}

// account is what a subscriber has received of each run of pub. It finds lines that come twice, out of order, or behind missing ones, and gaps that are told.
type account struct {
	first, last map[run]int
	wrong       []string
}

func newAccount() *account { return &account{first: map[run]int{}, last: map[run]int{}} }

// take takes a line of sub --json.
func (a *account) take(text []byte) {
	var printed struct {
		Type, Payload string
	}
	var l line
	err := json.Unmarshal(text, &printed)
	if err == nil && printed.Type == "message" {
		err = json.Unmarshal([]byte(printed.Payload), &l)
	}
	stream := run{l.From, l.Run}
	switch last, known := a.last[stream]; {
	case err != nil:
		a.wrong = append(a.wrong, fmt.Sprintf("%v in %s", err, text))
		return
	case printed.Type == "gap":
		a.wrong = append(a.wrong, string(text)) // nobody is to miss anything, and of what was published before nothing is to be told
		return
	case printed.Type != "message":
		return
	case known && l.Number != last+1:
		a.wrong = append(a.wrong, fmt.Sprintf("%v: line %d after %d", stream, l.Number, last))
	case !known:
		a.first[stream] = l.Number
	}
	a.last[stream] = l.Number
}

// subscriber is a running sub command.
type subscriber struct {
	agent   *agent
	process *exec.Cmd
	ended   chan struct{}

	mutex   sync.Mutex
	account *account
}

// subscribe starts a subscriber.
func (a *agent) subscribe() *subscriber {
	a.t.Helper()
	s := &subscriber{agent: a, process: a.command("sub", topic, "--json"), ended: make(chan struct{}), account: newAccount()}
	lines, err := s.process.StdoutPipe()
	if err == nil {
		err = s.process.Start()
	}
	if err != nil {
		a.t.Fatal(err)
	}
	go func() {
		defer close(s.ended)
		for scanner := bufio.NewScanner(lines); scanner.Scan(); {
			s.mutex.Lock()
			s.account.take(scanner.Bytes())
			s.mutex.Unlock()
		}
	}()
	a.t.Cleanup(func() { _ = s.process.Process.Kill() })
	return s
}

// got returns the numbers of the first and the last line that have come of a run, 0 for none.
func (s *subscriber) got(stream run) (first, last int) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return s.account.first[stream], s.account.last[stream]
}

// end waits until the subscriber has ended with its agent, and tells what was wrong.
func (s *subscriber) end() {
	t := s.agent.t
	t.Helper()
	<-s.ended
	_ = s.process.Wait() // it fails, since the agent has ended
	for i, wrong := range s.account.wrong {
		if i < 3 {
			t.Errorf("sub at %s: %s", s.agent.name, wrong)
		}
	}
}

// The account finds what it is there to find.
func TestAccountBites(t *testing.T) {
	text := func(number int) []byte {
		return fmt.Appendf(nil, `{"type":"message","payload":"{\"From\":\"/lab/a1\",\"Run\":1,\"Number\":%d}"}`, number)
	}
	for name, c := range map[string]struct {
		lines [][]byte
		wrong int
	}{
		"a stream":         {[][]byte{text(5), text(6), text(7)}, 0},
		"a missing line":   {[][]byte{text(5), text(7)}, 1},
		"a line twice":     {[][]byte{text(5), text(5)}, 1},
		"a gap":            {[][]byte{text(5), []byte(`{"type":"gap","count":1}`), text(7)}, 2},
		"a gap before":     {[][]byte{[]byte(`{"type":"gap","count":4}`), text(5), text(6)}, 1},
		"nothing readable": {[][]byte{[]byte("oops")}, 1},
	} {
		a := newAccount()
		for _, line := range c.lines {
			a.take(line)
		}
		if len(a.wrong) != c.wrong {
			t.Errorf("%s: found %q", name, a.wrong)
		}
	}
}
