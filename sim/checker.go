package sim

import "errors"

// Checker watches a world and judges it. Checkers are added by World.Check before the world runs.
type Checker interface {
	// Observe is given every step, lent.
	Observe(*Step)
	// Finish says what was wrong, nil when nothing was.
	Finish() error
}

// Finish returns what the checkers of the world found, nil when all is well.
func (w *World) Finish() error {
	var found []error
	for _, c := range w.checkers {
		found = append(found, c.Finish())
	}
	return errors.Join(found...)
}
