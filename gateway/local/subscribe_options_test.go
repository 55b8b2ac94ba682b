package local

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Options come to the node as they were asked for.
func TestSubscribeOptionsReachTheNode(t *testing.T) {
	for _, o := range []SubscribeOptions{{}, {QueueBytes: 1 << 20}, {Rating: 0.2}, {Rating: 1}, {Last: 100}, {AllBuffered: true}, {QueueBytes: 1 << 20, Rating: 1e-5, Last: 1}} {
		got, err := optionsOf(o.query())
		if err != nil || got != o {
			t.Errorf("%+v is read as %+v: %v", o, got, err)
		}
		count := 0
		for _, set := range []bool{o.QueueBytes > 0, o.Rating != 0, o.Last > 0, o.AllBuffered} {
			if set {
				count++
			}
		}
		if len(o.options()) != count {
			t.Errorf("%+v becomes %d options", o, len(o.options()))
		}
	}
}

func TestSubscribeOptionsOutOfRange(t *testing.T) {
	s := start(t)
	for text, want := range map[string]string{
		"rating=0": "rating", "rating=1.5": "rating", "rating=NaN": "rating", "rating=x": "rating", "last=0": "last", "last=1048577": "last", "last=x": "last",
		"buffered=some": "buffered", "buffered=all&last=3": "buffered", "queue=3": "queue",
	} {
		q, err := url.ParseQuery(text)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := optionsOf(q); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
	var refused *Error
	if _, err := s.client.SubscribeWith(testContext(t), "orders", SubscribeOptions{Rating: 2}); !errors.As(err, &refused) || refused.Status != http.StatusBadRequest {
		t.Error(err)
	}
}
