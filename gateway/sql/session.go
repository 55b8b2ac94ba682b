package sql

import (
	"cmp"
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"modernc.org/sqlite"
)

// session is what one client has: a database of SQLite over the snapshot that all share, settings, and a transaction. It is of one goroutine at a time; only cancel may be called from others.
type session struct {
	gateway *Gateway
	number  uint64
	user    string

	engine   *engine // nil until a statement needs it
	snapshot *snapshot
	made     map[string]string // signatures of the tables that SQLite has, by their keys
	opening  map[uint32]*shape // those that it is given, by their numbers
	readable map[string]bool   // names of tables that statements may read
	plans    map[string]*plan
	trusted  bool // what is run is our own

	deadline time.Time
	held     int64 // bytes that SQLite held when the statement began
	paused   bool  // the statement has no turn, since it waits for others
	failure  error // why SQLite was interrupted or a table failed
	running  context.Context
	asked    asked

	mu   sync.Mutex
	stop context.CancelFunc // of the statement that runs; nil between statements

	settings    map[string]string
	transaction transaction
}

func newSession(g *Gateway, user string) (*session, error) {
	if g.stats.sessions.Add(1) > sessionsMax {
		g.stats.sessions.Add(-1)
		g.stats.sessionsRefused.Add(1)
		return nil, errorf(codeConnections, "there are %d sessions already", sessionsMax)
	}
	s := &session{gateway: g, user: user, made: map[string]string{}, readable: map[string]bool{"json_each": true, "json_tree": true}, plans: map[string]*plan{}, settings: map[string]string{}}
	sessions.put(s)
	return s, nil
}

func (s *session) close() {
	if s.engine != nil {
		s.trusted = true
		s.engine.close()
		s.engine = nil
	}
	sessions.remove(s)
	s.gateway.stats.sessions.Add(-1)
}

// cancel ends the statement that runs, if one does. It may be called from any goroutine.
func (s *session) cancel() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.stop != nil {
		s.stop()
	}
}

// runs keeps how the statement that runs is ended; nil when it has ended.
func (s *session) runs(stop context.CancelFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stop = stop
}

// fail keeps why a statement fails: SQLite hands on less.
func (s *session) fail(err error) {
	if s.failure == nil {
		s.failure = err
	}
}

// failed is fail for the table that fails.
func (s *session) failed(err error) error {
	s.fail(err)
	return err
}

// context returns that of the statement that runs.
func (s *session) context() context.Context {
	if s.running == nil {
		return context.Background()
	}
	return s.running
}

// relation returns a relation of the snapshot that the present statement sees.
func (s *session) relation(key string) *relation { return s.snapshot.relations[key] }

// sizeUnknown is how many rows a table may have that is not there yet.
const sizeUnknown = 1000

// size returns how many rows a relation has.
func (s *session) size(key string) int {
	r := s.relation(key)
	if r == nil || !r.ready.Load() {
		return sizeUnknown
	}
	return max(len(r.rows), 1)
}

// load returns the rows of a relation. The clock of the statement stands still while the node is asked for them.
func (s *session) load(r *relation) ([][]driver.Value, error) {
	if r.ready.Load() {
		return r.all()
	}
	resume := s.pause()
	rows, err := r.all()
	if err != nil {
		return nil, err
	}
	return rows, resume()
}

// open opens the database.
func (s *session) open() error {
	engine, err := openEngine(s)
	if err != nil {
		return errorf(codeInternal, "opening SQLite: %v", err)
	}
	s.engine, s.trusted = engine, true
	defer func() { s.trusted = false }()
	for _, statement := range []string{
		"ATTACH ':memory:' AS pg_catalog", "ATTACH ':memory:' AS information_schema", "PRAGMA temp_store=memory", "PRAGMA trusted_schema=off", "PRAGMA cell_size_check=off",
	} {
		if err := engine.exec(statement); err != nil {
			return errorf(codeInternal, "opening SQLite: %v", err)
		}
	}
	engine.guard(s)
	engine.bound()
	return nil
}

// see has the session see a snapshot: its tables are made anew where their columns changed.
func (s *session) see(snapshot *snapshot) error {
	if s.snapshot == snapshot && s.engine != nil {
		return nil
	}
	if s.engine == nil {
		if err := s.open(); err != nil {
			return err
		}
	}
	s.snapshot, s.opening = snapshot, map[uint32]*shape{}
	var statements []string
	for key := range s.made {
		r := snapshot.relations[key]
		if r == nil || r.signature != s.made[key] {
			schema, name, _ := strings.Cut(key, ".")
			statements = append(statements, "DROP TABLE "+engineSchema(schema)+"."+quoteName(name))
			delete(s.made, key)
			delete(s.readable, name)
		}
	}
	for _, r := range snapshot.order {
		key := keyOf(r.schema, r.name)
		if _, ok := s.made[key]; ok {
			continue
		}
		s.opening[r.oid] = r.shape
		statements = append(statements, fmt.Sprintf("CREATE VIRTUAL TABLE %s.%s USING %s(%d, %d)", engineSchema(r.schema), quoteName(r.name), moduleName, s.number, r.oid))
	}
	return s.change(statements)
}

// change changes which tables SQLite has.
func (s *session) change(statements []string) error {
	if len(statements) == 0 {
		return nil
	}
	clear(s.plans)
	s.trusted = true
	defer func() { s.trusted = false }()
	if err := s.engine.exec("PRAGMA query_only=off"); err != nil {
		return engineError(err)
	}
	for _, statement := range statements {
		if err := s.engine.exec(statement); err != nil {
			return engineError(err)
		}
	}
	for _, shape := range s.opening {
		s.made[keyOf(shape.schema, shape.name)] = shape.signature
		s.readable[strings.ToLower(shape.name)] = true
	}
	if err := s.engine.exec("PRAGMA query_only=on"); err != nil {
		return engineError(err)
	}
	return nil
}

// engineSchema returns what SQLite calls a schema.
func engineSchema(schema string) string {
	if schema == schemaMain {
		return "main"
	}
	return schema
}

// resultColumn is a column of a result. Its type is nil while it is not known: of an expression, until there is a value.
type resultColumn struct {
	name  string
	kind  *kind
	guess *kind  // the type that an expression seems to have, nil where nothing says it
	table uint32 // number of the table that it is of, 0 for none
	place int16  // number of the column there, from 1
}

// result is what a statement gave.
type result struct {
	columns []resultColumn
	rows    [][]driver.Value
	tag     string // what was done, as the protocol names it
	size    int    // bytes that are booked for it
	gateway *Gateway
}

// release gives the room of a result back, and its rows up: a client may be silent for long after it.
func (r *result) release() {
	r.rows = nil
	if r.size > 0 {
		r.gateway.stats.results.Add(-int64(r.size))
		r.size = 0
	}
}

// begin has a statement wait for its turn, and gives it a snapshot and its time. The function that it returns ends it. What is canceled while it waits gets no turn.
func (s *session) begin(ctx context.Context) (end func(), err error) {
	ctx, cancel := context.WithCancel(ctx)
	s.runs(cancel)
	if err := s.turn(ctx); err != nil {
		s.runs(nil)
		cancel()
		return nil, err
	}
	s.running, s.failure, s.asked = ctx, nil, asked{}
	release := func() {
		s.runs(nil)
		cancel()
		s.running = nil
		if !s.paused {
			<-s.gateway.turns
		}
		s.paused = false
	}
	defer func() {
		if end == nil {
			release() // also after a fault, which would keep the turn otherwise
		}
	}()
	snapshot := s.transaction.snapshot
	if snapshot == nil {
		if snapshot, err = s.gateway.snapshots.get(ctx); err != nil {
			return nil, err
		}
		if s.transaction.repeatable {
			s.transaction.snapshot = snapshot
		}
	}
	if err := s.see(snapshot); err != nil {
		return nil, err
	}
	s.deadline, s.held = time.Now().Add(s.gateway.statementTime), s.engine.memory()
	return release, nil
}

// turn waits until the statement may compute.
func (s *session) turn(ctx context.Context) error {
	select {
	case s.gateway.turns <- struct{}{}:
		return nil
	default:
	}
	timer := time.NewTimer(QueueTime)
	defer timer.Stop()
	select {
	case s.gateway.turns <- struct{}{}:
		return nil
	case <-ctx.Done():
		return nodeError(ctx.Err())
	case <-timer.C:
		s.gateway.stats.queued.Add(1)
		return errorf(codeQueue, "the statement waited for %v for others to end", QueueTime)
	}
}

// pause stops the clock of a statement that waits for others, and lets other statements compute meanwhile. The function that it returns has it wait for its turn again, and goes on; without it the statement has to end.
func (s *session) pause() (resume func() error) {
	left := time.Until(s.deadline)
	<-s.gateway.turns
	s.paused = true
	return func() error {
		if err := s.turn(s.context()); err != nil {
			return err
		}
		s.paused, s.deadline = false, time.Now().Add(left)
		return nil
	}
}

// describe returns the columns of a query of SQLite.
func (s *session) describe(tokens []token) ([]resultColumn, error) {
	query := joined(tokens)
	info, err := s.engine.conn.(interface {
		ColumnInfo(string) ([]sqlite.ColumnInfo, error)
	}).ColumnInfo(query)
	if err != nil {
		return nil, s.engineFailure(err)
	}
	columns := make([]resultColumn, len(info))
	for i := range info {
		c := &columns[i]
		c.name = named(info[i].Name, info[i].OriginName, tokens)
		if info[i].OriginName == "" {
			c.guess = s.kindOfExpression(tokens, info[i].Name)
		}
		schema := info[i].DatabaseName
		if schema == "main" {
			schema = schemaMain
		}
		if r := s.relation(keyOf(schema, info[i].TableName)); r != nil {
			if at := r.column(info[i].OriginName); at >= 0 {
				c.kind = r.columns[at].kind
				if !r.function {
					c.table, c.place = r.oid, int16(at+1)
				}
			}
		}
	}
	return columns, nil
}

// engineFailure returns the error of a statement.
func (s *session) engineFailure(err error) error {
	if s.failure != nil {
		return s.failure
	}
	return engineError(err)
}

// compute runs a query of SQLite.
func (s *session) compute(query string, arguments []driver.Value) (rows [][]driver.Value, size int, err error) {
	named := make([]driver.NamedValue, len(arguments))
	for i := range arguments {
		named[i] = driver.NamedValue{Ordinal: i + 1, Value: arguments[i]}
	}
	answer, err := s.engine.conn.(driver.QueryerContext).QueryContext(context.Background(), query, named)
	if err != nil {
		return nil, 0, s.engineFailure(err)
	}
	defer answer.Close()
	width := len(answer.Columns())
	for {
		row := make([]driver.Value, width)
		err := answer.Next(row)
		if errors.Is(err, io.EOF) {
			return rows, size, nil
		}
		if err != nil {
			return nil, 0, s.engineFailure(err)
		}
		size += rowSize(row)
		if len(rows) == RowsMax || size > ResultMax {
			s.gateway.stats.resultsCut.Add(1)
			return nil, 0, &Error{
				Code: codeLimit, Message: fmt.Sprintf("the result exceeds %d rows or %d bytes", RowsMax, ResultMax), Hint: "Ask for less: fewer columns, a WHERE, or a LIMIT.",
			}
		}
		rows = append(rows, row)
	}
}

// rowSize returns what a row counts for.
func rowSize(row []driver.Value) int {
	size := 16 * len(row)
	for _, value := range row {
		switch v := value.(type) {
		case string:
			size += len(v)
		case []byte:
			size += len(v)
		}
	}
	return size
}

// book books the room of a result among those of all clients.
func (s *session) book(r *result, size int) error {
	if s.gateway.stats.results.Add(int64(size)) > ResultsMax {
		s.gateway.stats.results.Add(-int64(size))
		s.gateway.stats.resultsRefused.Add(1)
		return errorf(codeMemory, "results of %d bytes are on their way to clients already", ResultsMax)
	}
	r.size, r.gateway = size, s.gateway
	return nil
}

// settle gives columns without a type that of their values.
func settle(columns []resultColumn, rows [][]driver.Value) []resultColumn {
	if !slices.ContainsFunc(columns, func(c resultColumn) bool { return c.kind == nil }) {
		return columns
	}
	columns = slices.Clone(columns)
	for i := range columns {
		if columns[i].kind != nil {
			continue
		}
		var k *kind
		for _, row := range rows {
			switch row[i].(type) {
			case int64:
				k = widen(k, kindInt)
			case float64:
				k = widen(k, kindFloat)
			case []byte:
				k = widen(k, kindBytes)
			case string:
				k = kindText
			}
		}
		if k == nil || k == kindInt && columns[i].guess == kindFloat {
			k = columns[i].guess
		}
		columns[i].kind = cmp.Or(k, kindText)
	}
	return columns
}
