package sql

import (
	"context"
	database "database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"reflect"
	"time"

	"spinglass"
)

// Open opens a node as a database. Each connection of the pool is a session of its own. Closing the database does not close the node.
func Open(n *spinglass.Node) *database.DB {
	g := New(n, Options{})
	return database.OpenDB(&connector{gateway: g, owned: true})
}

// DB returns the gateway as a database, whose statements count among those of its other clients.
func (g *Gateway) DB() *database.DB { return database.OpenDB(&connector{gateway: g}) }

// connector makes the connections of a pool. It implements driver.Connector and io.Closer.
type connector struct {
	gateway *Gateway
	owned   bool // the gateway is closed with the pool
}

// Connect implements driver.Connector.
func (c *connector) Connect(context.Context) (driver.Conn, error) {
	s, err := newSession(c.gateway, databaseName)
	if err != nil {
		return nil, err
	}
	return &connection{s}, nil
}

// Driver implements driver.Connector.
func (c *connector) Driver() driver.Driver { return unnamed{} }

// Close implements io.Closer.
func (c *connector) Close() error {
	if c.owned {
		return c.gateway.Close()
	}
	return nil
}

// unnamed is the driver of connectors: a node has no name by which database/sql could open it.
type unnamed struct{}

// Open implements driver.Driver.
func (unnamed) Open(string) (driver.Conn, error) {
	return nil, errors.New("a node is opened by Open")
}

// connection is a session as database/sql wants it.
type connection struct{ session *session }

// Prepare implements driver.Conn.
func (c *connection) Prepare(query string) (driver.Stmt, error) {
	tokens, err := tokensOf(query)
	if err != nil {
		return nil, err
	}
	statements := split(tokens)
	if len(statements) != 1 {
		return nil, errorf(codeSyntax, "there are %d statements, and one is asked for", len(statements))
	}
	return &statement{c, statements[0]}, nil
}

// Close implements driver.Conn.
func (c *connection) Close() error {
	c.session.close()
	return nil
}

// Begin implements driver.Conn.
func (c *connection) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

// BeginTx implements driver.ConnBeginTx.
func (c *connection) BeginTx(_ context.Context, options driver.TxOptions) (driver.Tx, error) {
	level := database.IsolationLevel(options.Isolation)
	c.session.transaction.begin(level >= database.LevelRepeatableRead)
	return transactionOf{c.session}, nil
}

// ResetSession implements driver.SessionResetter.
func (c *connection) ResetSession(context.Context) error {
	c.session.transaction = transaction{}
	return nil
}

// CheckNamedValue implements driver.NamedValueChecker: arguments have no names.
func (c *connection) CheckNamedValue(v *driver.NamedValue) (err error) {
	if v.Name != "" {
		return errorf(codeUnsupported, "parameters have numbers: write $1")
	}
	v.Value, err = driver.DefaultParameterConverter.ConvertValue(v.Value)
	return err
}

// transactionOf is the transaction of a session as database/sql wants it.
type transactionOf struct{ session *session }

// Commit implements driver.Tx.
func (t transactionOf) Commit() error { return t.session.commit(context.Background()) }

// Rollback implements driver.Tx.
func (t transactionOf) Rollback() error {
	t.session.transaction = transaction{}
	return nil
}

// statement is a prepared statement as database/sql wants it.
type statement struct {
	connection *connection
	tokens     []token
}

// Close implements driver.Stmt.
func (s *statement) Close() error { return nil }

// NumInput implements driver.Stmt.
func (s *statement) NumInput() int { return -1 }

// Exec implements driver.Stmt.
func (s *statement) Exec([]driver.Value) (driver.Result, error) {
	return nil, errors.New("ExecContext is there")
}

// Query implements driver.Stmt.
func (s *statement) Query([]driver.Value) (driver.Rows, error) {
	return nil, errors.New("QueryContext is there")
}

// ExecContext implements driver.StmtExecContext.
func (s *statement) ExecContext(ctx context.Context, arguments []driver.NamedValue) (driver.Result, error) {
	r, err := s.run(ctx, arguments)
	if err != nil {
		return nil, err
	}
	defer r.release()
	return driver.RowsAffected(r.affected()), nil
}

// QueryContext implements driver.StmtQueryContext.
func (s *statement) QueryContext(ctx context.Context, arguments []driver.NamedValue) (driver.Rows, error) {
	r, err := s.run(ctx, arguments)
	if err != nil {
		return nil, err
	}
	return &rows{result: r}, nil
}

func (s *statement) run(ctx context.Context, arguments []driver.NamedValue) (*result, error) {
	values, hints := make([]driver.Value, len(arguments)), make([]*kind, len(arguments))
	for i, a := range arguments {
		values[i], hints[i] = a.Value, kindOfValue(a.Value)
	}
	return s.connection.session.run(ctx, s.tokens, hints, values)
}

// rows are a result as database/sql wants it.
type rows struct {
	result *result
	at     int
}

// Columns implements driver.Rows.
func (r *rows) Columns() []string {
	names := make([]string, len(r.result.columns))
	for i, c := range r.result.columns {
		names[i] = c.name
	}
	return names
}

// Close implements driver.Rows.
func (r *rows) Close() error {
	r.result.release()
	return nil
}

// Next implements driver.Rows.
func (r *rows) Next(into []driver.Value) error {
	if r.at >= len(r.result.rows) {
		return io.EOF
	}
	for i, value := range r.result.rows[r.at] {
		into[i] = goValue(value, r.result.columns[i].kind)
	}
	r.at++
	return nil
}

// ColumnTypeDatabaseTypeName implements driver.RowsColumnTypeDatabaseTypeName.
func (r *rows) ColumnTypeDatabaseTypeName(i int) string { return r.result.columns[i].kind.internal }

// ColumnTypeScanType implements driver.RowsColumnTypeScanType.
func (r *rows) ColumnTypeScanType(i int) reflect.Type {
	switch r.result.columns[i].kind {
	case kindBool:
		return reflect.TypeFor[bool]()
	case kindInt, kindInt2, kindInt4, kindOID:
		return reflect.TypeFor[int64]()
	case kindFloat:
		return reflect.TypeFor[float64]()
	case kindBytes:
		return reflect.TypeFor[[]byte]()
	case kindTime:
		return reflect.TypeFor[time.Time]()
	}
	return reflect.TypeFor[string]()
}
