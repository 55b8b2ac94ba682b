package measure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"runtime"
	"time"
)

// request is what the driver of a group asks a member for; one field is set.
type request struct {
	Start   *Spec        `json:"start,omitempty"`
	Meet    []string     `json:"meet,omitempty"`
	Expect  *order       `json:"expect,omitempty"`
	Publish *order       `json:"publish,omitempty"`
	Count   bool         `json:"count,omitempty"`
	Report  bool         `json:"report,omitempty"`
	Usage   bool         `json:"usage,omitempty"`
	Sleep   *perturbance `json:"sleep,omitempty"`
}

// perturbance is how much a member is to sleep from now on.
type perturbance struct {
	Share float64       `json:"share"`
	Slot  time.Duration `json:"slot"`
}

// reply is the answer to a request.
type reply struct {
	Error     string    `json:"error,omitempty"`
	Address   string    `json:"address,omitempty"`
	Published published `json:"published,omitzero"`
	Count     uint64    `json:"count,omitempty"`
	Report    *Report   `json:"report,omitempty"`
	Usage     Usage     `json:"usage,omitzero"` // with Expect, Report and Usage
}

// Usage is what a process has used up to an instant.
type Usage struct {
	CPU         time.Duration `json:"cpu"`
	Allocations uint64        `json:"allocations"`
	Resident    uint64        `json:"resident"` // bytes
}

// usageNow reads what the process has used. It stops the process for an instant.
func usageNow() Usage {
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return Usage{CPU: cpuTime(), Allocations: memory.Mallocs, Resident: residentBytes()}
}

// served is one member that answers requests.
type served struct {
	lookup    Lookup
	clock     Clock
	progress  *progress
	member    Member
	recorder  *Recorder
	publisher *publisher
}

// serve answers requests until they end.
func serve(ctx context.Context, lookup Lookup, p *progress, in io.Reader, out io.Writer) error {
	s := &served{lookup: lookup, clock: NewClock(), progress: p}
	defer s.close()
	requests, replies := json.NewDecoder(in), json.NewEncoder(out)
	for {
		var asked request
		if err := requests.Decode(&asked); errors.Is(err, io.EOF) || errors.Is(err, io.ErrClosedPipe) {
			return nil
		} else if err != nil {
			return err
		}
		answer, err := s.answer(ctx, &asked)
		if err != nil {
			answer.Error = err.Error()
		}
		if err := replies.Encode(&answer); err != nil {
			return err
		}
	}
}

func (s *served) close() {
	if s.member != nil {
		s.member.Close()
	}
}

func (s *served) answer(ctx context.Context, asked *request) (reply, error) {
	switch {
	case asked.Start != nil:
		return s.start(ctx, *asked.Start)
	case s.member == nil:
		return reply{}, errors.New("not started")
	case asked.Meet != nil:
		return reply{}, s.member.Meet(ctx, asked.Meet)
	case asked.Expect != nil:
		s.recorder.expect(*asked.Expect)
		return reply{Usage: usageNow()}, nil
	case asked.Publish != nil:
		done, err := s.publisher.run(ctx, *asked.Publish)
		return reply{Published: done}, err
	case asked.Count:
		return reply{Count: s.recorder.count()}, nil
	case asked.Report:
		return reply{Usage: usageNow(), Report: s.recorder.end()}, nil
	case asked.Usage:
		return reply{Usage: usageNow()}, nil
	case asked.Sleep != nil:
		sleeper, ok := s.member.(Sleeper)
		if !ok {
			return reply{}, errors.New("members of this system cannot sleep within a process")
		}
		return reply{}, sleeper.Sleep(asked.Sleep.Share, asked.Sleep.Slot)
	}
	return reply{}, errors.New("empty request")
}

func (s *served) start(ctx context.Context, spec Spec) (reply, error) {
	system, ok := s.lookup(spec.System)
	if !ok {
		return reply{}, fmt.Errorf("no system %q", spec.System)
	}
	index := max(spec.Index, 0)
	s.recorder = newRecorder(s.clock, s.progress.got(index))
	member, err := system.Start(ctx, spec, s.recorder)
	if err != nil {
		return reply{}, fmt.Errorf("starting: %w", err)
	}
	s.member = member
	s.publisher = &publisher{member: member, clock: s.clock, progress: s.progress, payload: make([]byte, spec.Size)}
	return reply{Address: member.Address()}, nil
}
