package store_test

import (
	"bytes"
	"strings"
	"testing"

	"spinglass/examples/ledger/store"
	"spinglass/vsync/replica"
)

func TestRequests(t *testing.T) {
	var l store.Ledger
	for _, c := range []struct {
		request store.Request
		want    store.Response
	}{
		{store.Request{Verb: store.Get, Key: "a"}, store.Response{Done: true}},
		{store.Request{Verb: store.Put, Key: "a", Value: "1"}, store.Response{Done: true}},
		{store.Request{Verb: store.Swap, Key: "a", Value: "2", Expected: "0"}, store.Response{Value: "1"}},
		{store.Request{Verb: store.Swap, Key: "a", Value: "2", Expected: "1"}, store.Response{Value: "1", Done: true}},
		{store.Request{Verb: store.Get, Key: "a"}, store.Response{Value: "2", Done: true}},
		{store.Request{Verb: "burn", Key: "a"}, store.Response{Err: `no verb "burn"`}},
	} {
		if got := l.Apply(replica.Command{Payload: c.request.Append()}); got != c.want {
			t.Errorf("%+v: %+v, want %+v", c.request, got, c.want)
		}
	}
	if r := l.Apply(replica.Command{Payload: []byte("x")}).(store.Response); r.Err == "" {
		t.Error("what is no request is carried out")
	}
}

// A snapshot is of its moment, and makes the same ledger.
func TestSnapshot(t *testing.T) {
	var from, to store.Ledger
	from.Do(store.Request{Verb: store.Put, Key: "a", Value: "1"})
	state, err := from.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	from.Do(store.Request{Verb: store.Put, Key: "a", Value: "2"})
	to.Do(store.Request{Verb: store.Put, Key: "b", Value: "void"})
	var b bytes.Buffer
	if _, err := state.WriteTo(&b); err != nil {
		t.Fatal(err)
	}
	if err := to.Restore(&b); err != nil || to.Len() != 1 || to.Do(store.Request{Verb: store.Get, Key: "a"}).Value != "1" {
		t.Errorf("%v, %d keys", err, to.Len())
	}
	if err := to.Restore(strings.NewReader("{")); err == nil || to.Len() != 1 {
		t.Error(err)
	}
}
