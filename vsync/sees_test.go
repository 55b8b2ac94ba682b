package vsync_test

import (
	"errors"
	"fmt"
)

var errNotYet = errors.New("not yet")

// sees reports whether a host is in a view of so many, and has the state.
func (a *app) sees(members int) error {
	if a.view == nil || len(a.view.Members) != members || !a.ready {
		return fmt.Errorf("host %d is in view %v, ready %v", a.host, a.view, a.ready)
	}
	return nil
}
