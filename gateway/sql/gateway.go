package sql

import (
	"context"
	"database/sql/driver"
	"fmt"
	"log/slog"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"time"

	"spinglass"
)

// Options of a [Gateway].
type Options struct {
	// Logger is told of connections and faults; nil discards them.
	Logger *slog.Logger
	// Concurrency is how many statements compute at a time; others wait. By default half of the processors, at least 1, so that clients leave the node its share.
	Concurrency int
}

// Gateway answers SQL about the tables of a node.
type Gateway struct {
	node      node
	logger    *slog.Logger
	snapshots *snapshots
	turns     chan struct{}
	stats     stats

	statementTime time.Duration // StatementTime, but in tests

	mu     sync.Mutex
	closed bool
	idle   []*session // of Query
}

// New returns a gateway to a node. It does not take the node over.
func New(n *spinglass.Node, options Options) *Gateway { return newGateway(n, options) }

func newGateway(n node, options Options) *Gateway {
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	if options.Concurrency <= 0 {
		options.Concurrency = max(runtime.GOMAXPROCS(0)/2, 1)
	}
	g := &Gateway{node: n, logger: options.Logger, turns: make(chan struct{}, options.Concurrency), statementTime: StatementTime}
	g.snapshots = newSnapshots(n, &g.stats)
	return g
}

// Column is a column of a result.
type Column struct {
	Name string
	Type string // as PostgreSQL calls it, such as text, bigint or double precision
}

// Result is what a statement gave. Values are nil, bool, int64, float64, string, []byte and time.Time.
type Result struct {
	Columns []Column
	Rows    [][]any
	Tag     string // what was done, such as UPDATE 1
}

// sessionsIdleMax bounds the sessions that wait for calls of Query.
const sessionsIdleMax = 2

// Query runs one statement for a caller in this process, with the limits of clients.
func (g *Gateway) Query(ctx context.Context, query string, arguments ...any) (*Result, error) {
	s, err := g.take()
	if err != nil {
		return nil, err
	}
	defer g.give(s)
	values := make([]driver.Value, len(arguments))
	for i := range arguments {
		if values[i], err = driver.DefaultParameterConverter.ConvertValue(arguments[i]); err != nil {
			return nil, errorf(codeParameter, "argument %d: %v", i+1, err)
		}
	}
	r, err := s.single(ctx, query, values)
	if err != nil {
		return nil, err
	}
	defer r.release()
	return r.public(), nil
}

// public returns a result with values of Go.
func (r *result) public() *Result {
	public := &Result{Tag: r.tag, Columns: make([]Column, len(r.columns)), Rows: make([][]any, len(r.rows))}
	for i, c := range r.columns {
		public.Columns[i] = Column{c.name, c.kind.name}
	}
	for i, row := range r.rows {
		public.Rows[i] = make([]any, len(row))
		for j, value := range row {
			public.Rows[i][j] = goValue(value, r.columns[j].kind)
		}
	}
	return public
}

// take returns a session for a call.
func (g *Gateway) take() (*session, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil, errorf(codeShutdown, "the gateway is closed")
	}
	if n := len(g.idle); n > 0 {
		s := g.idle[n-1]
		g.idle = g.idle[:n-1]
		return s, nil
	}
	return newSession(g, databaseName)
}

// give keeps a session for the next call, if there are few.
func (g *Gateway) give(s *session) {
	s.transaction = transaction{}
	clear(s.settings)
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed || len(g.idle) >= sessionsIdleMax {
		s.close()
		return
	}
	g.idle = append(g.idle, s)
}

// Close ends what the gateway keeps. Servers and databases over it are closed by themselves.
func (g *Gateway) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.closed = true
	for _, s := range g.idle {
		s.close()
	}
	g.idle = nil
	return nil
}

// single runs a text that is one statement.
func (s *session) single(ctx context.Context, query string, arguments []driver.Value) (*result, error) {
	tokens, err := tokensOf(query)
	if err != nil {
		return nil, s.done(err)
	}
	statements := split(tokens)
	switch len(statements) {
	case 0:
		return &result{}, nil
	case 1:
	default:
		return nil, s.done(errorf(codeSyntax, "there are %d statements, and one is asked for", len(statements)))
	}
	hints := make([]*kind, len(arguments))
	for i, a := range arguments {
		hints[i] = kindOfValue(a)
	}
	return s.run(ctx, statements[0], hints, arguments)
}

// run prepares a statement and does it.
func (s *session) run(ctx context.Context, statement []token, hints []*kind, arguments []driver.Value) (*result, error) {
	p, err := s.plan(ctx, statement, hints)
	if err != nil {
		return nil, err
	}
	bound := make([]driver.Value, len(arguments))
	for i := range arguments {
		bound[i] = bindable(arguments[i])
	}
	return s.do(ctx, p, bound)
}

// plan prepares a statement, unless the transaction has failed.
func (s *session) plan(ctx context.Context, statement []token, hints []*kind) (p *plan, err error) {
	defer s.recovered(&err)
	if s.transaction.broken && !statement[0].isAny("commit", "rollback", "end", "abort") {
		return nil, errorf(codeInFailed, "current transaction is aborted, commands ignored until end of transaction block")
	}
	p, err = s.prepare(ctx, statement, hints)
	if err != nil {
		return nil, s.done(err)
	}
	return p, nil
}

// do does what was prepared.
func (s *session) do(ctx context.Context, p *plan, arguments []driver.Value) (r *result, err error) {
	defer s.recovered(&err)
	s.gateway.stats.statements.Add(1)
	if s.transaction.broken && !p.always {
		return nil, errorf(codeInFailed, "current transaction is aborted, commands ignored until end of transaction block")
	}
	if len(arguments) != len(p.parameters) {
		return nil, s.done(errorf(codeProtocol, "the statement has %d parameters, and %d values are given", len(p.parameters), len(arguments)))
	}
	if r, err = p.run(ctx, arguments); err != nil {
		return nil, s.done(err)
	}
	return r, nil
}

// done counts a failure, which breaks a transaction.
func (s *session) done(err error) error {
	s.gateway.stats.failures.Add(1)
	s.transaction.broken = s.transaction.open
	return err
}

// recovered makes an error of a fault of this program: others' connections and the node go on.
func (s *session) recovered(err *error) {
	if fault := recover(); fault != nil {
		s.gateway.stats.panics.Add(1)
		s.gateway.logger.Error("a statement was ended by a fault", "fault", fmt.Sprint(fault), "stack", string(debug.Stack()))
		*err = s.done(errorf(codeInternal, "a fault of the program; its log says more"))
		// SQLite may have been in the middle of something: its database is left as it is, and another one opened.
		s.engine, s.snapshot = nil, nil
		clear(s.made)
		clear(s.plans)
	}
}

// kindOfValue returns the type of a parameter of a caller in this process.
func kindOfValue(value driver.Value) *kind {
	switch value.(type) {
	case nil:
		return nil
	case bool:
		return kindBool
	case string:
		return nil
	}
	return kindOf(value)
}

// affected returns how many rows a statement changed, as its tag says.
func (r *result) affected() (rows int64) {
	if at := strings.LastIndexByte(r.tag, ' '); at > 0 && !strings.HasPrefix(r.tag, "SELECT") {
		rows, _ = strconv.ParseInt(r.tag[at+1:], 10, 64)
	}
	return rows
}
