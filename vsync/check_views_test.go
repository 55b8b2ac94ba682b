package vsync_test

import (
	"errors"
	"fmt"
	"slices"

	"spinglass/protocol"
	"spinglass/vsync"
)

// found collects what a checker finds.
type found struct{ errs []error }

func (f *found) say(format string, args ...any) {
	if len(f.errs) < 3 {
		f.errs = append(f.errs, fmt.Errorf(format, args...))
	}
}

func (f *found) Finish() error { return errors.Join(f.errs...) }

// viewAgreement: members that install a view of one id agree on who is in it, and are in it themselves; and the ids that a member installs grow.
type viewAgreement struct {
	found
	views  map[vsync.ViewID][]string
	latest map[*app]vsync.ViewID
}

func newViewAgreement() *viewAgreement {
	return &viewAgreement{views: map[vsync.ViewID][]string{}, latest: map[*app]vsync.ViewID{}}
}

func membersOf(v *vsync.View) (members []string) {
	for _, m := range v.Members {
		members = append(members, fmt.Sprintf("%d/%d", uint64(m.ID), m.Incarnation))
	}
	return members
}

func (c *viewAgreement) watch(_ protocol.Time, a *app, e protocol.Event) {
	v, ok := e.(*vsync.Installed)
	if !ok {
		return
	}
	members := membersOf(v.View)
	if known := c.views[v.View.ID]; known != nil && !slices.Equal(known, members) {
		c.say("view %v is %v at host %d, and %v elsewhere", v.View.ID, members, a.host, known)
	}
	c.views[v.View.ID] = members
	if v.Rank < 0 || v.Rank >= len(v.View.Members) || v.View.Members[v.Rank].ID != a.host {
		c.say("host %d installs view %v in which it is not at rank %d", a.host, v.View.ID, v.Rank)
	}
	if !c.latest[a].Less(v.View.ID) {
		c.say("host %d installs view %v after %v", a.host, v.View.ID, c.latest[a])
	}
	c.latest[a] = v.View.ID
}
