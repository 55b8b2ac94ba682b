package sql

import (
	"database/sql/driver"
	"fmt"
	"slices"
	"strconv"

	"modernc.org/sqlite/vtab"
)

// moduleName is the module of the virtual tables of SQLite; its arguments are the numbers of a session and of a relation.
const moduleName = "spinglass"

// module makes virtual tables of the relations of a session's snapshot.
type module struct{ sessions *registry }

// Create implements vtab.Module.
func (m *module) Create(ctx vtab.Context, args []string) (vtab.Table, error) {
	return m.Connect(ctx, args)
}

// Connect implements vtab.Module.
func (m *module) Connect(ctx vtab.Context, args []string) (vtab.Table, error) {
	if len(args) != 5 {
		return nil, fmt.Errorf("a table of %s has two arguments, and not %d", moduleName, len(args)-3)
	}
	number, err := strconv.ParseUint(args[3], 10, 64)
	if err != nil {
		return nil, err
	}
	s := m.sessions.get(number)
	oid, err := strconv.ParseUint(args[4], 10, 32)
	if err != nil {
		return nil, err
	}
	if s == nil || s.opening[uint32(oid)] == nil {
		return nil, fmt.Errorf("there is no relation %d for session %d", oid, number)
	}
	shape := s.opening[uint32(oid)]
	if err := ctx.Declare(shape.declaration()); err != nil {
		return nil, err
	}
	if shape.function {
		return &functionTable{session: s, shape: shape}, nil
	}
	return &virtualTable{session: s, key: keyOf(shape.schema, shape.name), shape: shape}, nil
}

// virtualTable is a relation as a table of SQLite.
type virtualTable struct {
	session *session
	key     string
	shape   *shape
}

// BestIndex implements vtab.Table. A plan is the number of a column that is compared for equality, and 1; 0 for all rows. SQLite compares again, so that too many rows do no harm.
func (t *virtualTable) BestIndex(info *vtab.IndexInfo) error {
	rows := int64(t.session.size(t.key))
	best := -1
	for i, c := range info.Constraints {
		if !c.Usable || c.Op != vtab.OpEQ || c.Column < 0 || c.Column >= len(t.shape.columns) {
			continue
		}
		if best < 0 || t.keyed(c.Column) && !t.keyed(info.Constraints[best].Column) {
			best = i
		}
	}
	if best < 0 {
		info.EstimatedCost, info.EstimatedRows = float64(rows)+1, rows
		return nil
	}
	column := info.Constraints[best].Column
	info.Constraints[best].ArgIndex = 0
	info.IdxNum = int64(column) + 1
	info.EstimatedRows = max(rows/10, 1)
	if t.keyed(column) {
		info.EstimatedRows = 1
	}
	info.EstimatedCost = float64(info.EstimatedRows) + 1
	return nil
}

// keyed reports whether few rows have the same value in a column.
func (t *virtualTable) keyed(column int) bool {
	return len(t.shape.key) == 1 && t.shape.key[0] == column
}

// Open implements vtab.Table.
func (t *virtualTable) Open() (vtab.Cursor, error) { return &cursor{table: t}, nil }

// Disconnect implements vtab.Table.
func (t *virtualTable) Disconnect() error { return nil }

// Destroy implements vtab.Table.
func (t *virtualTable) Destroy() error { return nil }

// cursor goes over rows.
type cursor struct {
	table   *virtualTable
	rows    [][]driver.Value
	numbers []int // of the rows that are wanted; all of them when every is true
	every   bool
	at      int
}

// Filter implements vtab.Cursor.
func (c *cursor) Filter(plan int, _ string, vals []vtab.Value) error {
	r := c.table.session.relation(c.table.key)
	if r == nil {
		return fmt.Errorf("there is no relation %s", c.table.key)
	}
	rows, err := c.table.session.load(r)
	if err != nil {
		return c.table.session.failed(err)
	}
	c.rows, c.at, c.every, c.numbers = rows, 0, true, nil
	if plan > 0 && len(vals) == 1 {
		if vals[0] == nil {
			c.every = false // nothing equals NULL
			return nil
		}
		numbers, ok := r.where(plan-1, vals[0])
		c.numbers, c.every = numbers, !ok
	}
	return nil
}

// Next implements vtab.Cursor.
func (c *cursor) Next() error { c.at++; return nil }

// Eof implements vtab.Cursor.
func (c *cursor) Eof() bool {
	if c.every {
		return c.at >= len(c.rows)
	}
	return c.at >= len(c.numbers)
}

// Column implements vtab.Cursor.
func (c *cursor) Column(column int) (vtab.Value, error) {
	row := c.rows[c.row()]
	if column < 0 || column >= len(row) {
		return nil, nil
	}
	return row[column], nil
}

// Rowid implements vtab.Cursor.
func (c *cursor) Rowid() (int64, error) { return int64(c.row()), nil }

// Close implements vtab.Cursor.
func (c *cursor) Close() error { return nil }

func (c *cursor) row() int {
	if c.every {
		return c.at
	}
	return c.numbers[c.at]
}

// functionTable is a table whose rows depend on arguments, which are its hidden columns.
type functionTable struct {
	session *session
	shape   *shape
}

// BestIndex implements vtab.Table. The plan says by its bits which arguments there are.
func (t *functionTable) BestIndex(info *vtab.IndexInfo) error {
	first := slices.IndexFunc(t.shape.columns, func(c column) bool { return c.hidden })
	given := 0
	arguments := make([]int, len(t.shape.columns)-first)
	for i := range arguments {
		arguments[i] = -1
	}
	for i, c := range info.Constraints {
		if c.Op != vtab.OpEQ || c.Column < first || c.Column >= len(t.shape.columns) {
			continue
		}
		if !c.Usable {
			// The value comes of a table that would have to be looked at before: another plan does so, and costs less.
			info.EstimatedCost, info.EstimatedRows = 1e12, 1e9
			return nil
		}
		if arguments[c.Column-first] < 0 {
			arguments[c.Column-first] = i
		}
	}
	argument := 0
	for bit, i := range arguments {
		if i >= 0 {
			given |= 1 << bit
			info.Constraints[i].ArgIndex, info.Constraints[i].Omit = argument, true
			argument++
		}
	}
	info.IdxNum, info.EstimatedCost, info.EstimatedRows = int64(given), 1e6, 1000
	return nil
}

// Open implements vtab.Table.
func (t *functionTable) Open() (vtab.Cursor, error) { return &functionCursor{table: t}, nil }

// Disconnect implements vtab.Table.
func (t *functionTable) Disconnect() error { return nil }

// Destroy implements vtab.Table.
func (t *functionTable) Destroy() error { return nil }

// functionCursor goes over the rows that a function made.
type functionCursor struct {
	table *functionTable
	rows  [][]driver.Value
	at    int
}

// Filter implements vtab.Cursor.
func (c *functionCursor) Filter(plan int, _ string, vals []vtab.Value) error {
	var arguments []driver.Value
	for bit := 0; plan>>bit != 0; bit++ {
		var value driver.Value
		if plan>>bit&1 == 1 && len(vals) > 0 {
			value, vals = vals[0], vals[1:]
		}
		arguments = append(arguments, value)
	}
	rows, err := c.table.session.call(c.table.shape, arguments)
	if err != nil {
		return c.table.session.failed(err)
	}
	c.rows, c.at = rows, 0
	return nil
}

// Next implements vtab.Cursor.
func (c *functionCursor) Next() error { c.at++; return nil }

// Eof implements vtab.Cursor.
func (c *functionCursor) Eof() bool { return c.at >= len(c.rows) }

// Column implements vtab.Cursor. Arguments read as NULL.
func (c *functionCursor) Column(column int) (vtab.Value, error) {
	if row := c.rows[c.at]; column >= 0 && column < len(row) {
		return row[column], nil
	}
	return nil, nil
}

// Rowid implements vtab.Cursor.
func (c *functionCursor) Rowid() (int64, error) { return int64(c.at), nil }

// Close implements vtab.Cursor.
func (c *functionCursor) Close() error { return nil }
