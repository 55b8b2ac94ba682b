package sql

import (
	"context"
	"slices"

	"spinglass"
)

// transaction is what a session has between BEGIN and COMMIT: changes wait for COMMIT, and with REPEATABLE READ or more all statements see one snapshot.
type transaction struct {
	open       bool
	broken     bool // a statement failed: only ROLLBACK is left
	repeatable bool
	snapshot   *snapshot
	writes     []write
	savepoints []savepoint
}

// savepoint is how many changes there were when it was made.
type savepoint struct {
	name   string
	writes int
}

// write is a change of one of the own rows: of that of the member when the name is empty.
type write struct {
	row        string
	attributes spinglass.Attrs
}

// status returns what the protocol calls the state of the transaction.
func (t *transaction) status() byte {
	switch {
	case !t.open:
		return 'I'
	case t.broken:
		return 'E'
	}
	return 'T'
}

// begin begins a transaction. In one already it goes on.
func (t *transaction) begin(repeatable bool) {
	if !t.open {
		*t = transaction{open: true}
	}
	t.repeatable = t.repeatable || repeatable
}

// mark makes a savepoint.
func (t *transaction) mark(name string) {
	t.savepoints = append(t.savepoints, savepoint{name, len(t.writes)})
}

// find returns the latest savepoint of a name, -1 for none.
func (t *transaction) find(name string) int {
	for i, p := range slices.Backward(t.savepoints) {
		if p.name == name {
			return i
		}
	}
	return -1
}

// back goes back to a savepoint, which stays.
func (t *transaction) back(at int) {
	t.writes, t.savepoints, t.broken = t.writes[:t.savepoints[at].writes], t.savepoints[:at+1], false
}

// write makes a change, or keeps it for COMMIT.
func (s *session) write(ctx context.Context, w write) error {
	t := &s.transaction
	if !t.open {
		return s.apply(ctx, []write{w})
	}
	if len(t.writes) >= writesMax {
		return errorf(codeLimit, "a transaction changes %d rows at most", writesMax)
	}
	t.writes = append(t.writes, w)
	return nil
}

// apply makes changes, those of one row at once. When one fails, those of rows before it have been made.
func (s *session) apply(ctx context.Context, writes []write) error {
	var rows []write
	for _, w := range writes {
		at := slices.IndexFunc(rows, func(r write) bool { return r.row == w.row })
		if at < 0 {
			at = len(rows)
			rows = append(rows, write{w.row, spinglass.Attrs{}})
		}
		for name, value := range w.attributes {
			rows[at].attributes[name] = value
		}
	}
	for _, w := range rows {
		var err error
		if w.row == "" {
			err = s.gateway.node.Set(ctx, w.attributes)
		} else {
			err = s.gateway.node.SetRow(ctx, w.row, w.attributes)
		}
		if err != nil {
			return nodeError(err)
		}
		s.gateway.stats.writes.Add(1)
		s.gateway.snapshots.drop()
	}
	return nil
}

// commit ends a transaction, and makes its changes.
func (s *session) commit(ctx context.Context) error {
	writes := s.transaction.writes
	s.transaction = transaction{}
	return s.apply(ctx, writes)
}
