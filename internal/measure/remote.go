package measure

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
)

// remote is a member as its driver sees it: a pipe to it and one back. One request is under way at a time.
type remote struct {
	name     string
	requests *json.Encoder
	replies  chan received
	process  *process // nil when the member shares the driver's process
	close    func()
}

type received struct {
	reply reply
	err   error
}

func newRemote(name string, to io.Writer, from io.Reader) *remote {
	r := &remote{name: name, requests: json.NewEncoder(to), replies: make(chan received, 1)}
	go func() {
		defer close(r.replies)
		decoder := json.NewDecoder(from)
		for {
			var got received
			if got.err = decoder.Decode(&got.reply); got.err != nil {
				r.replies <- got
				return
			}
			r.replies <- got
		}
	}()
	return r
}

// ask sends a request and waits for the reply to it.
func (r *remote) ask(ctx context.Context, asked request) (reply, error) {
	if err := r.requests.Encode(&asked); err != nil {
		return reply{}, r.failed(err)
	}
	select {
	case got, open := <-r.replies:
		switch {
		case !open:
			return reply{}, r.failed(io.EOF)
		case got.err != nil:
			return reply{}, r.failed(got.err)
		case got.reply.Error != "":
			return reply{}, fmt.Errorf("%s: %s", r.name, got.reply.Error)
		}
		return got.reply, nil
	case <-ctx.Done():
		return reply{}, context.Cause(ctx)
	}
}

// failed explains why a member does not answer.
func (r *remote) failed(err error) error {
	if r.process != nil {
		if complaint := r.process.complaint(); complaint != "" {
			return fmt.Errorf("%s has ended: %s", r.name, complaint)
		}
	}
	if errors.Is(err, io.EOF) {
		return fmt.Errorf("%s has ended", r.name)
	}
	return fmt.Errorf("%s has ended: %w", r.name, err)
}
