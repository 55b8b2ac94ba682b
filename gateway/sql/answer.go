package sql

import (
	"context"
	"database/sql/driver"
	"encoding/hex"
	"errors"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	wire "github.com/jeroenrinzema/psql-wire"
	"github.com/jeroenrinzema/psql-wire/codes"
	wireerrors "github.com/jeroenrinzema/psql-wire/errors"
)

// wireError returns an error with its SQLSTATE and its hint, as the library sends them.
func wireError(err error) error {
	known := &Error{Code: codeInternal, Message: err.Error()}
	errors.As(err, &known)
	sent := wireerrors.WithCode(errors.New(known.Message), codes.Code(known.Code))
	if known.Hint != "" {
		sent = wireerrors.WithHint(sent, known.Hint)
	}
	return sent
}

// parse takes a text from a client. In the simple protocol its statements are done at once, and the library only sends what they gave; in the extended one a statement is prepared.
func (s *Server) parse(ctx context.Context, query wire.Query) (wire.PreparedStatements, error) {
	c := clientOf(ctx)
	c.forgetResults()
	tokens, err := tokensOf(query.Query)
	if err != nil {
		return nil, wireError(c.session.done(err))
	}
	statements := split(tokens)
	switch {
	case len(statements) > StatementsMax:
		return nil, wireError(c.session.done(errorf(codeLimit, "%d statements at once exceed the limit of %d", len(statements), StatementsMax)))
	case len(statements) == 0:
		return wire.Prepared(wire.NewStatement(c.nothing)), nil
	case query.SimpleQuery:
		for _, statement := range statements {
			deallocate(ctx, statement)
		}
		prepared, err := c.doAll(s.lifetime, statements)
		if err != nil {
			return nil, wireError(err)
		}
		return prepared, nil
	case len(statements) > 1:
		return nil, wireError(c.session.done(errorf(codeSyntax, "cannot insert multiple commands into a prepared statement")))
	}
	prepared, err := c.prepare(s.lifetime, statements[0], query.ParameterOIDs)
	if err != nil {
		return nil, wireError(err)
	}
	return wire.Prepared(prepared), nil
}

// forgetResults gives the room of results back that were not sent.
func (c *client) forgetResults() {
	for _, r := range c.results {
		r.release()
	}
	c.results = c.results[:0]
}

// emptyAnswer is the message that answers a text without a statement.
var emptyAnswer = []byte{'I', 0, 0, 0, 4}

// nothing answers a text without a statement.
func (c *client) nothing(_ context.Context, writer wire.DataWriter, _ []wire.Parameter) error {
	if _, err := c.Write(emptyAnswer); err != nil {
		return err
	}
	return writer.Empty()
}

// doAll does statements, one after the other. Several that are in no transaction are one, so that changes of one that fails are not made.
func (c *client) doAll(ctx context.Context, statements [][]token) (prepared wire.PreparedStatements, err error) {
	s := c.session
	defer func() {
		if err != nil {
			c.forgetResults() // of those before the one that failed, which are not sent
		}
	}()
	implicit := len(statements) > 1 && !s.transaction.open && !begins(statements)
	if implicit {
		s.transaction.begin(false)
	}
	for _, statement := range statements {
		r, err := s.run(ctx, statement, nil, nil)
		if err != nil {
			if implicit {
				s.transaction = transaction{}
			}
			return nil, err
		}
		c.results = append(c.results, r)
		prepared = append(prepared, wire.NewStatement(func(_ context.Context, writer wire.DataWriter, _ []wire.Parameter) error {
			return send(writer, r, r.columns)
		}, wire.WithColumns(wireColumns(r.columns))))
	}
	if implicit {
		if err := s.commit(ctx); err != nil {
			return nil, s.done(err)
		}
	}
	return prepared, nil
}

// deallocate forgets prepared statements when a statement says so: the ODBC driver does it that way.
func deallocate(ctx context.Context, statement []token) {
	library, ok := wire.GetSession(ctx)
	if !ok || !statement[0].isAny("deallocate", "discard") || len(statement) < 2 {
		return
	}
	cache, ok := library.Statements.(*boundedStatements)
	if !ok {
		return
	}
	name := statement[len(statement)-1]
	names := []string{name.value}
	if name.isAny("all") {
		names = slices.Collect(maps.Keys(cache.names))
	}
	for _, name := range names {
		if known, err := cache.Get(ctx, name); err == nil && known != nil {
			_ = library.Portals.DeleteByStatement(ctx, known) // it only fails where nothing is to be done
		}
		_ = cache.Delete(ctx, name)
	}
}

// begins reports whether there is a statement among some that begins or ends a transaction.
func begins(statements [][]token) bool {
	for _, s := range statements {
		if s[0].isAny("begin", "start", "commit", "end", "rollback", "abort") {
			return true
		}
	}
	return false
}

// prepare prepares a statement. The client is told the types of parameters and columns.
func (c *client) prepare(ctx context.Context, statement []token, oids []uint32) (prepared *wire.PreparedStatement, err error) {
	s := c.session
	defer s.recovered(&err)
	hints := make([]*kind, len(oids))
	for i, oid := range oids {
		hints[i] = kindOfOID(oid)
	}
	p, err := s.plan(ctx, statement, hints)
	if err != nil {
		return nil, err
	}
	parameters := make([]uint32, len(p.parameters))
	for i, k := range p.parameters {
		parameters[i] = k.oid
		if i < len(oids) && oids[i] != 0 && oids[i] != unknownOID {
			parameters[i] = oids[i]
		}
	}
	columns := s.probe(ctx, p)
	run := func(_ context.Context, writer wire.DataWriter, given []wire.Parameter) error {
		values, err := arguments(given, parameters, p.parameters)
		if err != nil {
			return wireError(s.done(err))
		}
		r, err := s.do(ctx, p, values)
		if err != nil {
			return wireError(err)
		}
		defer r.release()
		return send(writer, r, columns)
	}
	return wire.NewStatement(run, wire.WithParameters(parameters), wire.WithColumns(wireColumns(columns))), nil
}

// unknownOID is the type that a client names for a text without one.
const unknownOID = 705

// kindOfOID returns the type for one that a client names, nil when it leaves it open.
func kindOfOID(oid uint32) *kind {
	switch oid {
	case 0, unknownOID:
		return nil
	case pgtype.BoolOID:
		return kindBool
	case pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.OIDOID:
		return kindInt
	case pgtype.Float4OID, pgtype.Float8OID, pgtype.NumericOID:
		return kindFloat
	case pgtype.ByteaOID:
		return kindBytes
	case pgtype.TimestampOID, pgtype.TimestamptzOID:
		return kindTime
	}
	return kindText
}

// arguments returns the values that a client gives for parameters.
func arguments(given []wire.Parameter, oids []uint32, kinds []*kind) ([]driver.Value, error) {
	if len(given) != len(kinds) {
		return nil, errorf(codeProtocol, "the statement has %d parameters, and %d values are given", len(kinds), len(given))
	}
	values := make([]driver.Value, len(given))
	for i, p := range given {
		var err error
		switch {
		case p.Value() == nil:
		case p.Format() == wire.TextFormat:
			values[i], err = textArgument(string(p.Value()), kinds[i])
		default:
			values[i], err = binaryArgument(p, oids[i])
		}
		if err != nil {
			return nil, err
		}
	}
	return values, nil
}

func textArgument(text string, k *kind) (driver.Value, error) {
	if k != kindBytes {
		return argument(text, k)
	}
	digits, ok := strings.CutPrefix(text, `\x`)
	if !ok {
		return []byte(text), nil
	}
	value, err := hex.DecodeString(digits)
	if err != nil {
		return nil, errorf(codeText, "bytes are written in hexadecimal digits behind \\x")
	}
	return value, nil
}

// binaryArgument returns a value that is given in the form of its type.
func binaryArgument(p wire.Parameter, oid uint32) (driver.Value, error) {
	value, err := p.Scan(oid)
	if err != nil {
		return nil, errorf("22P03", "a parameter of type %d cannot be read: %v", oid, err)
	}
	switch v := value.(type) {
	case bool:
		return truth(v), nil
	case int16:
		return int64(v), nil
	case int32:
		return int64(v), nil
	case uint32:
		return int64(v), nil
	case float32:
		return float64(v), nil
	case time.Time:
		return v.UTC().Format(timeLayout), nil
	case pgtype.Numeric:
		f, err := v.Float64Value()
		if err != nil {
			return nil, errorf(codeText, "a number cannot be read: %v", err)
		}
		return f.Float64, nil
	case int64, float64, string, []byte, nil:
		return v, nil
	}
	return string(p.Value()), nil
}

// wireColumns returns columns as the library sends them.
func wireColumns(columns []resultColumn) wire.Columns {
	all := make(wire.Columns, len(columns))
	for i, c := range columns {
		all[i] = wire.Column{Table: int32(c.table), AttrNo: c.place, Name: c.name, Oid: c.kind.oid, Width: c.kind.width}
	}
	return all
}

// sendRows is how many rows are made ready at a time.
const sendRows = 256

// send sends a result, with values of the types that the client was told.
func send(writer wire.DataWriter, r *result, told []resultColumn) error {
	defer r.release()
	if len(told) != len(r.columns) {
		return wireError(errType)
	}
	batch := make([][]any, 0, min(sendRows, len(r.rows)))
	for len(r.rows) > 0 {
		n := min(sendRows, len(r.rows))
		batch = batch[:0]
		for _, row := range r.rows[:n] {
			values := make([]any, len(row))
			for i, value := range row {
				var err error
				if values[i], err = converted(value, told[i].kind); err != nil {
					return wireError(err)
				}
				if v, ok := values[i].(int64); ok && told[i].kind == kindOID {
					values[i] = uint32(v)
				}
			}
			batch = append(batch, values)
		}
		r.rows = r.rows[n:]
		if err := wire.WriteRows(writer, batch); err != nil {
			return err
		}
	}
	return writer.Complete(r.tag)
}

// boundedStatements are the prepared statements of a client.
type boundedStatements struct {
	wire.StatementCache
	stats *stats
	names map[string]bool
}

// Set implements wire.StatementCache.
func (b *boundedStatements) Set(ctx context.Context, name string, statement *wire.PreparedStatement) error {
	if !b.names[name] && len(b.names) >= PreparedMax {
		b.stats.preparedRefused.Add(1)
		return wireError(errorf(codeLimit, "a client has %d prepared statements at most", PreparedMax))
	}
	b.names[name] = true
	return b.StatementCache.Set(ctx, name, statement)
}

// Delete implements wire.StatementCache.
func (b *boundedStatements) Delete(ctx context.Context, name string) error {
	delete(b.names, name)
	return b.StatementCache.Delete(ctx, name)
}

// boundedPortals are statements with their parameters of a client.
type boundedPortals struct {
	wire.PortalCache
	stats *stats
	names map[string]bool
}

// Bind implements wire.PortalCache.
func (b *boundedPortals) Bind(ctx context.Context, name string, statement *wire.Statement, parameters []wire.Parameter, columns []wire.FormatCode) error {
	if !b.names[name] && len(b.names) >= PreparedMax {
		b.stats.preparedRefused.Add(1)
		return wireError(errorf(codeLimit, "a client has %d portals at most", PreparedMax))
	}
	b.names[name] = true
	return b.PortalCache.Bind(ctx, name, statement, parameters, columns)
}

// Delete implements wire.PortalCache.
func (b *boundedPortals) Delete(ctx context.Context, name string) error {
	delete(b.names, name)
	return b.PortalCache.Delete(ctx, name)
}

// Close implements wire.PortalCache. It is called whenever a transaction ends.
func (b *boundedPortals) Close() {
	clear(b.names)
	b.PortalCache.Close()
}
