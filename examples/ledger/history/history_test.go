package history_test

import (
	"testing"
	"time"

	"spinglass/examples/ledger/history"
	"spinglass/examples/ledger/store"
)

const limit = 10 * time.Second

func put(value string) store.Request { return store.Request{Verb: store.Put, Key: "k", Value: value} }

var get = store.Request{Verb: store.Get, Key: "k"}

func done(value string) store.Response { return store.Response{Value: value, Done: true} }

// Histories that one ledger can have, and those that it cannot.
func TestCheck(t *testing.T) {
	for name, c := range map[string]struct {
		legal bool
		build func(h *history.History)
	}{
		"a read sees the write before it": {true, func(h *history.History) {
			h.Answered(1, 0, 10, put("a"), done(""))
			h.Answered(2, 20, 30, get, done("a"))
		}},
		"a read misses the write before it": {false, func(h *history.History) {
			h.Answered(1, 0, 10, put("a"), done(""))
			h.Answered(2, 20, 30, get, done(""))
		}},
		"a read at the same time may": {true, func(h *history.History) {
			h.Answered(1, 0, 25, put("a"), done(""))
			h.Answered(2, 20, 30, get, done(""))
		}},
		"what is uncertain may have happened, late": {true, func(h *history.History) {
			h.Uncertain(1, 0, put("a"))
			h.Answered(2, 20, 30, get, done(""))
			h.Answered(2, 40, 50, get, done("a"))
		}},
		"what has happened does not go away": {false, func(h *history.History) {
			h.Uncertain(1, 0, put("a"))
			h.Answered(2, 20, 30, get, done("a"))
			h.Answered(2, 40, 50, get, done(""))
		}},
		"what is uncertain and not seen does not matter": {false, func(h *history.History) {
			h.Uncertain(1, 0, put("a"))
			h.Answered(2, 20, 30, get, done("b"))
		}},
		"a swap happens once": {false, func(h *history.History) {
			swap := store.Request{Verb: store.Swap, Key: "k", Value: "b"}
			h.Answered(1, 0, 10, swap, done(""))
			h.Answered(2, 20, 30, swap, done(""))
		}},
		"keys are apart": {true, func(h *history.History) {
			h.Answered(1, 0, 10, put("a"), done(""))
			h.Answered(2, 20, 30, store.Request{Verb: store.Get, Key: "other"}, done(""))
		}},
	} {
		var h history.History
		c.build(&h)
		if err := h.Check(limit); (err == nil) != c.legal {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// A check that takes too long is a failure.
func TestCheckIsLimited(t *testing.T) {
	var h history.History
	for i := range 400 {
		value := string(rune('a' + i))
		h.Uncertain(i, 0, put(value))
		h.Uncertain(i, 0, store.Request{Verb: store.Swap, Key: "k", Value: "x", Expected: value}) // so that the write counts
	}
	h.Answered(1, 10, 20, get, done("never written"))
	if err := h.Check(10 * time.Millisecond); err == nil {
		t.Error("no error")
	}
}
