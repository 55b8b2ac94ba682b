package local

import (
	"bytes"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"testing"
	"time"

	"spinglass"
)

// A group is joined while the stream of its events lasts; what is cast meanwhile comes as messages.
func TestGroup(t *testing.T) {
	s := start(t)
	ctx := testContext(t)
	o := GroupOptions{Order: spinglass.CausalOrder, Weight: 3, FoundAfter: time.Minute, QueueBytes: spinglass.QueueMin}
	if _, err := s.client.Cast(ctx, "a/b", bytes.NewReader(AppendFrame(nil, []byte("early")))); err == nil || err.Error() != `no command has this agent join the group "a/b"` {
		t.Errorf("casting before joining: %v", err)
	}
	stream, err := s.client.JoinGroup(ctx, "a/b", o)
	if err != nil || s.node.groupOptions != o {
		t.Fatalf("%+v %v", s.node.groupOptions, err)
	}
	done, err := s.client.Cast(ctx, "a/b", bytes.NewReader(AppendFrame(AppendFrame(nil, []byte("x")), []byte{0xff})))
	if err != nil || done != (Published{Messages: 2, Bytes: 2}) || s.node.flushed != 1 {
		t.Errorf("%+v %v, flushed %d", done, err, s.node.flushed)
	}
	for _, want := range []string{"x", "\xff"} {
		if e, err := stream.Next(); err != nil || e.Type != "message" || string(e.Payload) != want || e.View != "1.2" || e.From != fakeName || e.Sequence != 1 {
			t.Errorf("%+v %v", e, err)
		}
	}
	done, err = s.client.Cast(ctx, "a/b", bytes.NewReader(AppendFrame(AppendFrame(nil, []byte("y")), nil)))
	if refused, ok := errors.AsType[*Error](err); !ok || refused.Status != http.StatusServiceUnavailable || done.Messages != 1 {
		t.Errorf("%+v %v", done, err)
	}
	_ = stream.Close()
	select {
	case <-s.node.left:
	case <-ctx.Done():
		t.Error("the group is not left when the stream ends")
	}
}

// A group may be called like what stands behind the name in a path, or like a step of one.
func TestGroupOfAnyName(t *testing.T) {
	s := start(t)
	ctx := testContext(t)
	for _, name := range []string{"recovery", "messages", "events", "a/recovery", "a/messages", "/", ".", "..", "%2F", "ä?#&="} {
		stream, err := s.client.JoinGroup(ctx, name, DefaultGroupOptions())
		if err != nil {
			t.Errorf("%q is not joined: %v", name, err)
			continue
		}
		if _, ok := s.server.joined.Load(name); !ok {
			t.Errorf("another group than %q is joined", name)
		}
		if done, err := s.client.Cast(ctx, name, framesOf("x")); err != nil || done.Messages != 1 {
			t.Errorf("%q: cast %+v, %v", name, done, err)
		}
		s.node.groups = []spinglass.GroupStatus{{Name: name, Phase: spinglass.GroupPhaseOutside}}
		if g, err := s.client.RecoverGroup(ctx, name); err != nil || g.Name != name {
			t.Errorf("%q: recovered %+v, %v", name, g, err)
		}
		_ = stream.Close()
	}
	for _, path := range []string{"a", "a/messages/events", "a/events/", "a/b/events", "a/eventsx"} {
		if refused, ok := errors.AsType[*Error](ignore(s.client.do(ctx, http.MethodGet, &url.URL{Path: groupPrefix + path}, nil))); !ok || refused.Status != http.StatusNotFound {
			t.Errorf("%s: %v", path, refused)
		}
	}
}

func TestGroupRequestsAreChecked(t *testing.T) {
	s := start(t)
	ctx := testContext(t)
	if _, err := s.client.JoinGroup(ctx, "", DefaultGroupOptions()); err == nil {
		t.Error("a group without a name is joined")
	}
	for _, query := range []string{"order=best", "weight=x", "found_after=soon", "queue=much"} {
		target := groupURL("g", "/events")
		target.RawQuery = query
		if refused, ok := errors.AsType[*Error](ignore(s.client.do(ctx, http.MethodGet, target, nil))); !ok || refused.Status != http.StatusBadRequest {
			t.Errorf("%s: %v", query, refused)
		}
	}
	if refused, ok := errors.AsType[*Error](ignore(s.client.do(ctx, http.MethodPut, groupURL("g", "/events"), nil))); !ok || refused.Status != http.StatusMethodNotAllowed {
		t.Errorf("PUT: %v", refused)
	}
}

func ignore(_ *http.Response, err error) error { return err }

func TestGroups(t *testing.T) {
	s := start(t)
	s.node.groups = []spinglass.GroupStatus{{
		Name: "ledger", Order: spinglass.TotalOrder, Replicated: true, Weight: 2, Phase: spinglass.GroupPhaseMember, Applied: 7,
		View: spinglass.GroupView{ID: spinglass.ViewID{Epoch: 3, Number: 4}, Rank: 1, Members: []spinglass.GroupMember{{ID: 1, Name: "/lab/a1", Weight: 1, Since: 1}, {ID: fakeID, Name: fakeName, Weight: 2, Since: 4}}},
	}, {Name: "other", View: spinglass.GroupView{Rank: -1}, Phase: spinglass.GroupPhaseJoining}}
	groups, err := s.client.Groups(testContext(t))
	if err != nil || len(groups) != 2 {
		t.Fatal(groups, err)
	}
	want := []GroupMember{{ID: "0000000000000001", Name: "/lab/a1", Weight: 1, Since: 1}, {ID: fakeID.String(), Name: fakeName, Weight: 2, Since: 4}}
	if g := groups[0]; g.View != "3.4" || !g.Primary || g.Rank != 1 || g.Order != "total" || g.Applied != 7 || !slices.Equal(g.Members, want) {
		t.Errorf("%+v", g)
	}
	if g := groups[1]; g.View != "" || g.Primary || g.Rank != -1 || g.Phase != "joining" {
		t.Errorf("%+v", g)
	}
}

// A group is recovered by a person's word only, and the answer says how it stands then.
func TestGroupIsRecovered(t *testing.T) {
	s := start(t)
	ctx := testContext(t)
	view := spinglass.GroupView{ID: spinglass.ViewID{Epoch: 3, Number: 4}, Members: []spinglass.GroupMember{{ID: fakeID, Name: fakeName}}}
	s.node.groups = []spinglass.GroupStatus{{Name: "a/b", Phase: spinglass.GroupPhaseOutside, View: view}, {Name: "other", Phase: spinglass.GroupPhaseMember, View: view}}
	if refused, ok := errors.AsType[*Error](ignore(s.client.do(ctx, http.MethodPost, groupURL("a/b", recoverySuffix), nil))); !ok || refused.Status != http.StatusBadRequest {
		t.Errorf("without a word: %v", refused)
	}
	for name, status := range map[string]int{"other": http.StatusConflict, "none": http.StatusBadRequest} {
		if refused, ok := errors.AsType[*Error](func() error { _, err := s.client.RecoverGroup(ctx, name); return err }()); !ok || refused.Status != status {
			t.Errorf("%s: %v", name, refused)
		}
	}
	if g, err := s.client.RecoverGroup(ctx, "a/b"); err != nil || g.Name != "a/b" || !g.Primary || g.Recoveries != 1 {
		t.Errorf("%+v %v", g, err)
	}
}
