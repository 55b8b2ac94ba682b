package sql

import (
	"context"
	"database/sql/driver"
	"errors"
	"slices"
	"sync"
	"time"

	"spinglass"
)

// treeRow is a row of zone_tree.
type treeRow struct {
	row           *spinglass.Row
	level         int
	tableComplete bool
	drilled       bool // its zone was to be gone down into, and its table did not come in time, or not all of it
	from          string
}

// tree is one call of zone_tree.
type tree struct {
	session *session
	rows    []*treeRow
}

// call makes the rows of a table function.
func (s *session) call(shape *shape, arguments []driver.Value) ([][]driver.Value, error) {
	path, levels := "", int64(1)
	if len(arguments) > 0 {
		path, _ = arguments[0].(string)
	}
	if len(arguments) > 1 && arguments[1] != nil {
		var ok bool
		if levels, ok = arguments[1].(int64); !ok || levels < 1 || levels > ZoneTreeLevelsMax {
			return nil, errorf(codeParameter, "zone_tree: levels are 1 to %d", ZoneTreeLevelsMax)
		}
	}
	if path == "" {
		return nil, errorf(codeParameter, "zone_tree needs the path of a zone, such as zone_tree('/us/ny')")
	}
	t := tree{session: s}
	resume := s.pause()
	if err := t.grow(path, int(levels)); err != nil {
		return nil, err
	}
	if err := resume(); err != nil {
		return nil, err
	}
	slices.SortStableFunc(t.rows, compareRows)
	rows := make([][]driver.Value, len(t.rows))
	for i, r := range t.rows {
		rows[i] = rowOf(shape, r.row, r.row.Host && r.row.ID == s.gateway.node.ID(), int64(r.level), truth(r.tableComplete), r.from)
		if r.drilled {
			rows[i][shape.column("complete")] = truth(false)
		}
	}
	return rows, nil
}

// grow asks for tables, level by level. The first has to come; others that do not come in time leave the rows of their zones incomplete.
func (t *tree) grow(path string, levels int) error {
	first, err := t.session.table(path)
	if err != nil {
		return err
	}
	next := t.add(first, 1)
	for level := 2; level <= levels && len(next) > 0; level++ {
		zones := next
		next = nil
		for i, table := range t.tables(zones) {
			if table == nil || !complete(table) {
				zones[i].drilled = true
			}
			if table != nil {
				next = append(next, t.add(table, level)...)
			}
		}
		if len(t.rows) > RowsMax {
			return errorf(codeLimit, "zone_tree: more than %d rows", RowsMax)
		}
	}
	return nil
}

// complete reports whether all rows are there that should.
func complete(table *spinglass.Table) bool {
	return len(table.Rows) >= table.RowsExpected && table.Unverified == 0
}

// add adds the rows of a table, and returns those of zones.
func (t *tree) add(table *spinglass.Table, level int) (zones []*treeRow) {
	for i := range table.Rows {
		r := &treeRow{row: &table.Rows[i], level: level, tableComplete: complete(table), from: table.From.String()}
		t.rows = append(t.rows, r)
		if !r.row.Host {
			zones = append(zones, r)
		}
	}
	return zones
}

// tables asks for the tables of zones, some at a time; nil stands for one that did not come.
func (t *tree) tables(zones []*treeRow) []*spinglass.Table {
	tables := make([]*spinglass.Table, len(zones))
	turns := make(chan struct{}, zoneTreeAsking)
	var all sync.WaitGroup
	for i, z := range zones {
		all.Go(func() {
			turns <- struct{}{}
			defer func() { <-turns }()
			if table, err := t.session.table(z.row.Name); err == nil {
				tables[i] = table
			}
		})
	}
	all.Wait()
	return tables
}

// asked are the tables that a statement asked for. It may be used by several goroutines.
type asked struct {
	mu     sync.Mutex
	tables map[string]*spinglass.Table
	count  int
	until  time.Time // when the statement waits no longer
}

// table returns the table of a zone, asking for it once a statement.
func (s *session) table(path string) (*spinglass.Table, error) {
	a := &s.asked
	a.mu.Lock()
	if a.tables == nil {
		a.tables, a.until = map[string]*spinglass.Table{}, time.Now().Add(ZoneTreeTime)
	}
	known, until := a.tables[path], a.until
	if known == nil {
		a.count++
	}
	over := a.count > ZoneTreeTablesMax
	a.mu.Unlock()
	if known != nil {
		return known, nil
	}
	if over {
		s.gateway.stats.treesLimited.Add(1)
		return nil, errorf(codeLimit, "zone_tree: a statement asks for %d tables at most", ZoneTreeTablesMax)
	}
	ctx, cancel := context.WithDeadline(s.context(), until)
	defer cancel()
	table, err := s.gateway.node.Table(ctx, path)
	if errors.Is(err, context.DeadlineExceeded) {
		s.gateway.stats.treesLate.Add(1)
		return nil, errorf(codeNoConnection, "zone_tree: the table of %s did not come within %v", path, ZoneTreeTime)
	}
	if err != nil {
		return nil, nodeError(err)
	}
	s.gateway.snapshots.tree.learn(table.Rows)
	a.mu.Lock()
	a.tables[path] = table
	a.mu.Unlock()
	return table, nil
}
