package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"

	"spinglass/examples/ledger/client"
	"spinglass/examples/ledger/history"
)

// fleetSettings are what the fleet is told.
type fleetSettings struct {
	members  int
	clients  int
	keys     int
	duration time.Duration
	every    time.Duration // between two members that are killed
	down     time.Duration // for which one is
	check    time.Duration // for the check
}

// process is one member as a process.
type process struct {
	index     int
	dir       string
	udp, http string
	command   *exec.Cmd
}

// runFleet runs a fleet of members as processes of this binary, kills and restarts them while clients ask, and checks what those were told.
func runFleet(ctx context.Context, out io.Writer, s fleetSettings) error {
	dir, err := os.MkdirTemp("", "ledger-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	all, err := newProcesses(dir, s.members)
	if err != nil {
		return err
	}
	defer func() {
		for _, p := range all {
			p.kill()
		}
	}()
	for _, p := range all {
		if err := p.start(all[0], p.index == 0); err != nil {
			return err
		}
	}
	if err := together(ctx, all); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d members are in one view; %d clients ask for %v, and every %v a member is killed and comes back %v later\n", s.members, s.clients, s.duration, s.every, s.down)
	c := client.New(addresses(all), s.keys, &http.Transport{MaxIdleConnsPerHost: s.clients}, answerLimit+time.Second)
	kills, err := during(ctx, c, s, all)
	if err != nil {
		return err
	}
	if err := together(ctx, all); err != nil {
		return err
	}
	return report(ctx, out, &c.History, s, all, kills)
}

// during has clients ask while members are killed.
func during(ctx context.Context, c *client.Clients, s fleetSettings, all []*process) (kills int, err error) {
	asking, cancel := context.WithTimeout(ctx, s.duration)
	defer cancel()
	var clients sync.WaitGroup
	for i := range s.clients {
		clients.Go(func() { c.Run(asking, i, rand.New(rand.NewPCG(uint64(i), 1))) })
	}
	for victim := 0; err == nil; victim = (victim + 1) % len(all) {
		select {
		case <-asking.Done():
			clients.Wait()
			return kills, ctx.Err()
		case <-time.After(s.every - s.down):
		}
		all[victim].kill()
		time.Sleep(s.down)
		kills++
		err = all[victim].start(all[(victim+1)%len(all)], false)
	}
	cancel()
	clients.Wait()
	return kills, err
}

// report checks the history, and that all members have the same.
func report(ctx context.Context, out io.Writer, h *history.History, s fleetSettings, all []*process, kills int) error {
	requests, uncertain := h.Len()
	began := time.Now()
	if err := h.Check(s.check); err != nil {
		return err
	}
	fmt.Fprintf(out, "%d requests in %v (%.0f a second), %d of them without an answer that counts; %d members killed\n", requests, s.duration, float64(requests)/s.duration.Seconds(), uncertain, kills)
	fmt.Fprintf(out, "linearizable: checked in %v\n", time.Since(began).Round(time.Millisecond))
	for _, p := range all {
		v, err := p.view(ctx)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "member %d: view %s of %d members, %d commands carried out\n", p.index+1, v.View, len(v.Members), v.Applied)
	}
	return nil
}

func newProcesses(dir string, count int) (all []*process, err error) {
	for i := range count {
		p := &process{index: i, dir: filepath.Join(dir, fmt.Sprint(i))}
		for _, address := range []*string{&p.udp, &p.http} {
			listener, err := net.Listen("tcp", "127.0.0.1:0")
			if err != nil {
				return nil, err
			}
			*address = listener.Addr().String()
			if err := listener.Close(); err != nil { // the member takes it
				return nil, err
			}
		}
		all = append(all, p)
	}
	return all, nil
}

func addresses(all []*process) (http []string) {
	for _, p := range all {
		http = append(http, p.http)
	}
	return http
}

// start starts the member, which joins the fleet by another one.
func (p *process) start(by *process, founds bool) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	arguments := []string{"member", "--name", fmt.Sprintf("/lab/l%d", p.index+1), "--listen", p.udp, "--http", p.http, "--data-dir", p.dir}
	if founds {
		arguments = append(arguments, "--found")
	} else {
		arguments = append(arguments, "--join", by.udp)
	}
	p.command = exec.Command(self, arguments...)
	p.command.Env = append(os.Environ(), memberVariable+"=1")
	p.command.Stderr = os.Stderr
	return p.command.Start()
}

// memberVariable has a test binary run as a member.
const memberVariable = "SPINGLASS_LEDGER_MEMBER"

// kill ends the process at once.
func (p *process) kill() {
	if p.command != nil && p.command.Process != nil {
		_ = p.command.Process.Kill()
		_ = p.command.Wait()
		p.command = nil
	}
}

// view is what a member tells of its view.
type view struct {
	View, Phase string
	Members     []struct{ Name string }
	Applied     uint64
}

// Limits of what a member is asked for.
const (
	viewLimit = 5 * time.Second
	viewMax   = 1 << 20 // bytes of the answer
)

// view asks a member for its view. One that does not answer in time, or says too much, is an error.
func (p *process) view(ctx context.Context) (v view, err error) {
	ctx, cancel := context.WithTimeout(ctx, viewLimit)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.http+"/view", nil)
	if err != nil {
		return v, err
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		return v, err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return v, fmt.Errorf("member %d: %s", p.index+1, answer.Status)
	}
	err = json.NewDecoder(io.LimitReader(answer.Body, viewMax)).Decode(&v)
	return v, err
}

// together waits until all members take part in one view, and have carried out the same commands.
func together(ctx context.Context, all []*process) error {
	ctx, cancel := context.WithTimeout(ctx, togetherLimit)
	defer cancel()
	for {
		var first view
		count := 0
		for i, p := range all {
			v, err := p.view(ctx)
			if err != nil {
				break
			}
			if i == 0 {
				first = v
			}
			if v.Phase == "member" && v.View == first.View && len(v.Members) == len(all) && v.Applied == first.Applied {
				count++
			}
		}
		if count == len(all) {
			return nil
		}
		select {
		case <-time.After(look):
		case <-ctx.Done():
			return fmt.Errorf("the members do not come together: %d of %d have the view of the first one: %w", count, len(all), ctx.Err())
		}
	}
}

// Times of together.
const (
	look          = 100 * time.Millisecond
	togetherLimit = time.Minute
)
