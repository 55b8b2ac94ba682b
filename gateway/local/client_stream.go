package local

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"spinglass"
)

// ErrEnded says that the agent ended a stream. The error that wraps it says why.
var ErrEnded = errors.New("the agent ended the stream")

// Publish publishes the messages of body, each written by [AppendFrame], until it ends. What was published before an error is in
// the [Error] when the agent told it.
func (c *Client) Publish(ctx context.Context, topic string, body io.Reader) (Published, error) {
	var done Published
	response, err := c.do(ctx, http.MethodPost, topicURL(topic), body)
	if err != nil {
		var refused *Error
		if errors.As(err, &refused) {
			done = refused.Published
		}
		return done, err
	}
	defer response.Body.Close()
	if err := json.NewDecoder(io.LimitReader(response.Body, errorBodyMax)).Decode(&done); err != nil {
		return done, streamError(err)
	}
	return done, nil
}

// Stream is what a subscription brings.
type Stream struct {
	topic  string
	body   io.Closer
	reader *bufio.Reader
	buffer []byte
	names  map[string]string // of authors and topics
}

// Subscribe returns once the subscription is active at the agent; the other members learn of it by gossip, a moment later. queueBytes
// bounds the subscription's queue in the agent; 0 takes the agent's default. The stream ends with ctx. The topic may be a pattern.
func (c *Client) Subscribe(ctx context.Context, topic string, queueBytes int) (*Stream, error) {
	return c.SubscribeWith(ctx, topic, SubscribeOptions{QueueBytes: queueBytes})
}

// SubscribeWith is Subscribe with options. An agent of a version that knows no ratings ignores them, and the history.
func (c *Client) SubscribeWith(ctx context.Context, topic string, o SubscribeOptions) (*Stream, error) {
	target := topicURL(topic)
	target.RawQuery = o.query().Encode()
	response, err := c.do(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, err
	}
	return newStream(topic, response.Body), nil
}

func newStream(topic string, body io.ReadCloser) *Stream {
	return &Stream{topic: topic, body: body, reader: bufio.NewReaderSize(body, readBuffer), names: map[string]string{}}
}

// Next returns the next message. Its payload is valid until the next call. A *[spinglass.Gap] says what was lost, and the stream
// goes on; any other error ends it: [ErrEnded] when the agent ended it, [ErrAgentLost] when the agent is gone.
func (s *Stream) Next() (spinglass.Message, error) {
	body, err := readFrame(s.reader, s.buffer, frameMax)
	s.buffer = body
	if err != nil {
		return spinglass.Message{}, streamError(err)
	}
	if len(body) == 0 {
		return spinglass.Message{}, errFrameBody
	}
	switch body[0] {
	case frameMessage:
		return s.message(s.topic, body[1:])
	case frameMatch:
		topic, rest, err := parseMatch(body[1:])
		if err != nil {
			return spinglass.Message{}, err
		}
		return s.message(s.name(topic), rest)
	case frameGap:
		gap, err := parseGap(s.topic, body[1:])
		if err != nil {
			return spinglass.Message{}, err
		}
		return spinglass.Message{}, gap
	case frameEnd:
		var end endBody
		if err := json.Unmarshal(body[1:], &end); err != nil {
			return spinglass.Message{}, errFrameBody
		}
		return spinglass.Message{}, ended(end.Error)
	}
	return spinglass.Message{}, errFrameBody
}

// Idle reports whether nothing more of the stream has arrived, so that Next would probably wait.
func (s *Stream) Idle() bool { return s.reader.Buffered() == 0 }

// Close ends the stream.
func (s *Stream) Close() error { return s.body.Close() }

func (s *Stream) message(topic string, body []byte) (spinglass.Message, error) {
	author, id, sequence, payload, err := parseMessage(body)
	if err != nil {
		return spinglass.Message{}, err
	}
	return spinglass.Message{Topic: topic, From: s.name(author), FromID: id, Sequence: sequence, Payload: payload}, nil
}

// name returns a name as a string, without allocating when it was seen before.
func (s *Stream) name(name []byte) string {
	if known, ok := s.names[string(name)]; ok {
		return known
	}
	if len(s.names) >= authorsMax {
		clear(s.names)
	}
	text := string(name)
	s.names[text] = text
	return text
}

func ended(why string) error {
	if why == "" {
		return ErrEnded
	}
	return fmt.Errorf("%w: %s", ErrEnded, why)
}

// EventStream is what an agent tells of its peers and of itself.
type EventStream struct {
	body    io.Closer
	decoder *json.Decoder
}

// Events returns once the agent has begun to tell events. The stream ends with ctx.
func (c *Client) Events(ctx context.Context) (*EventStream, error) {
	response, err := c.do(ctx, http.MethodGet, &url.URL{Path: "/v1/events"}, nil)
	if err != nil {
		return nil, err
	}
	return &EventStream{body: response.Body, decoder: json.NewDecoder(response.Body)}, nil
}

// Next returns the next event. Errors end the stream: [ErrEnded] when the agent ended it, [ErrAgentLost] when the agent is gone.
func (s *EventStream) Next() (Event, error) {
	var e Event
	if err := s.decoder.Decode(&e); err != nil {
		return Event{}, streamError(err)
	}
	if e.Type == EventEnd {
		return Event{}, ended(e.Text)
	}
	return e, nil
}

// Close ends the stream.
func (s *EventStream) Close() error { return s.body.Close() }
