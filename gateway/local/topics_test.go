package local

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spinglass"
)

func TestTopicsComeAsTheNodeKnowsThem(t *testing.T) {
	s := start(t)
	s.node.topics = []spinglass.Topic{
		{Name: "grid/a", Subscribed: true, Received: 1000.4, Publishers: []spinglass.TopicPublisher{{ID: fakeID, Name: fakeName, Messages: 0.5, Bytes: 64}, {ID: 2, Name: "/lab/b"}}},
		{Name: "grid/b"},
	}
	want := []Topic{
		{Name: "grid/a", Subscribed: true, Received: 1000, Publishers: []TopicPublisher{{ID: "0123456789abcdef", Name: fakeName, Messages: 0.5, Bytes: 64}, {ID: "0000000000000002", Name: "/lab/b"}}},
		{Name: "grid/b", Publishers: []TopicPublisher{}},
	}
	for pattern, asked := range map[string]string{"": "#", "grid/+": "grid/+", "a&b=#": "a&b=#"} {
		topics, err := s.client.Topics(testContext(t), pattern)
		if diff := cmp.Diff(want, topics); err != nil || diff != "" || s.node.pattern != asked {
			t.Errorf("%q, asked %q: %v %s", pattern, s.node.pattern, err, diff)
		}
	}
	refused := func(status int, pattern string) {
		t.Helper()
		if _, err := s.client.Topics(testContext(t), pattern); err == nil {
			t.Error("no error")
		} else if e, ok := errors.AsType[*Error](err); !ok || e.Status != status {
			t.Error(err)
		}
	}
	refused(http.StatusBadRequest, strings.Repeat("x", 256))
	s.node.setErr = fmt.Errorf("%w: no pattern", spinglass.ErrTopic)
	refused(http.StatusBadRequest, "#/a")
}

// Messages and gaps of a pattern tell their topic; those of a name do not have to.
func TestAPatternTellsTopics(t *testing.T) {
	s := start(t)
	ctx := testContext(t)
	stream, err := s.client.SubscribeWith(ctx, "grid/#", SubscribeOptions{QueueBytes: 1 << 20, Latest: true})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	if o := s.node.options; o.QueueBytes != 1<<20 || !o.Latest {
		t.Errorf("%+v", o)
	}
	s.node.mutex.Lock()
	queue := s.node.subscriptions[0].queue
	s.node.mutex.Unlock()
	for _, topic := range []string{"grid/a", "grid/b", "grid/a"} {
		queue <- delivery{message: spinglass.Message{Topic: topic, From: fakeName, FromID: fakeID, Sequence: 7, Payload: []byte("x")}}
		queue <- delivery{err: &spinglass.Gap{Topic: topic, From: fakeName, FromID: fakeID, First: 8, Last: 8, Count: 1, Reason: "expired"}}
		if m, err := stream.Next(); err != nil || m.Topic != topic || m.From != fakeName || m.Sequence != 7 || string(m.Payload) != "x" {
			t.Errorf("%+v, %v", m, err)
		}
		if _, err := stream.Next(); err == nil {
			t.Error("no gap")
		} else if gap, ok := errors.AsType[*spinglass.Gap](err); !ok || gap.Topic != topic {
			t.Error(err)
		}
	}
	response, err := s.client.do(ctx, http.MethodGet, topicURL("a"), nil)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	wrong := topicURL("a")
	wrong.RawQuery = "latest=yes"
	if _, err := s.client.do(ctx, http.MethodGet, wrong, nil); err == nil || !strings.Contains(err.Error(), `latest is "yes", not 1`) {
		t.Error(err)
	}
}

// Patterns with ratings come to the node as they were asked for, with the other options, and what is wrong is refused.
func TestPatternsReachTheNode(t *testing.T) {
	s := start(t)
	ctx := testContext(t)
	patterns := spinglass.Patterns{"grid/#": 0.1, "grid/+/alarm": 1, "a \"b\"=/+": 0}
	stream, err := s.client.SubscribePatterns(ctx, patterns, SubscribeOptions{QueueBytes: 1 << 20, Latest: true})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	s.node.mutex.Lock()
	queue, got, o := s.node.subscriptions[0].queue, s.node.patterns, s.node.options
	s.node.mutex.Unlock()
	if !maps.Equal(got, patterns) || o.QueueBytes != 1<<20 || !o.Latest {
		t.Errorf("%v, %+v", got, o)
	}
	for _, topic := range []string{"grid/a", "grid/b/alarm"} {
		queue <- delivery{message: spinglass.Message{Topic: topic, From: fakeName, FromID: fakeID, Sequence: 7, Payload: []byte("x")}}
		queue <- delivery{err: &spinglass.Gap{Topic: topic, From: fakeName, FromID: fakeID, First: 8, Last: 8, Count: 1, Reason: "expired"}}
		if m, err := stream.Next(); err != nil || m.Topic != topic || m.Sequence != 7 {
			t.Errorf("%+v, %v", m, err)
		}
		if gap, ok := errors.AsType[*spinglass.Gap](errOf(stream.Next())); !ok || gap.Topic != topic {
			t.Error(gap)
		}
	}
	refused := func(status int, query, body string) {
		t.Helper()
		_, err := s.client.do(ctx, http.MethodPost, &url.URL{Path: patternsPath, RawQuery: query}, strings.NewReader(body))
		if e, ok := errors.AsType[*Error](err); !ok || e.Status != status {
			t.Errorf("%s: %v", body, err)
		}
	}
	refused(http.StatusBadRequest, "", `{"patterns":["a"]}`)
	refused(http.StatusBadRequest, "latest=yes", `{"patterns":{"a":1}}`)
	refused(http.StatusRequestEntityTooLarge, "", `{"patterns":{"`+strings.Repeat("x", patternsBodyMax)+`":1}}`)
	s.node.setErr = fmt.Errorf("%w: no pattern", spinglass.ErrTopic)
	refused(http.StatusBadRequest, "", `{"patterns":{"#/a":1}}`)
}

func errOf[T any](_ T, err error) error { return err }

func FuzzParseMatch(f *testing.F) {
	m := spinglass.Message{Topic: "a/b", From: fakeName, FromID: fakeID, Sequence: 300, Payload: []byte("abc")}
	frame := appendMessage(nil, "a/#", &m)
	_, n := binary.Uvarint(frame)
	if frame[n] != frameMatch {
		f.Fatal(frame)
	}
	f.Add(frame[n+1:])
	f.Fuzz(func(t *testing.T, body []byte) {
		topic, rest, err := parseMatch(body)
		if err != nil {
			return
		}
		author, id, sequence, payload, err := parseMessage(rest)
		if err != nil {
			return
		}
		again := appendMessage(nil, string(topic)+"/#", &spinglass.Message{Topic: string(topic), From: string(author), FromID: id, Sequence: sequence, Payload: payload})
		length, n := binary.Uvarint(again)
		topic2, rest2, err := parseMatch(again[n+1:])
		if err != nil || int(length) != len(again)-n || !bytes.Equal(topic, topic2) || len(rest2) > len(rest) {
			t.Fatalf("%x comes back as %q %x, %v", body, topic2, rest2, err)
		}
	})
}
