package sql

import (
	"database/sql/driver"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"
	"unsafe"

	"modernc.org/libc"
	"modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

// registry finds sessions by their numbers, which is all that SQLite hands on.
type registry struct {
	mu       sync.RWMutex
	sessions map[uint64]*session
	next     uint64
}

var sessions = &registry{sessions: map[uint64]*session{}}

func (r *registry) get(number uint64) *session {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.sessions[number]
}

func (r *registry) put(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.next++
	s.number = r.next
	r.sessions[s.number] = s
}

func (r *registry) remove(s *session) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.sessions, s.number)
}

// engineDriver is a driver of our own: what is registered there other users of SQLite in the process do not have.
var engineDriver = sync.OnceValues(func() (*sqlite.Driver, error) {
	countMemory()
	d := &sqlite.Driver{}
	if err := d.RegisterModule(moduleName, &module{sessions}); err != nil {
		return nil, err
	}
	return d, registerFunctions(d)
})

// countMemory has SQLite count the memory that it holds, which can only be asked for before anybody in the process has opened a database. Where that was so, statements are not bounded by memory, but by time alone.
func countMemory() {
	tls := libc.NewTLS()
	defer tls.Close()
	arguments := libc.NewVaList(int32(1))
	defer libc.Xfree(tls, arguments)
	sqlite3.Xsqlite3_config(tls, sqlite3.SQLITE_CONFIG_MEMSTATUS, arguments)
}

// memory returns how many bytes SQLite holds for all sessions.
func (e *engine) memory() int64 { return sqlite3.Xsqlite3_memory_used(e.tls) }

// engine is a database of SQLite in memory, with limits. It is of one goroutine at a time.
type engine struct {
	conn driver.Conn
	db   uintptr
	tls  *libc.TLS
}

// engineName has no files, and takes names in double quotes for nothing else.
const engineName = "file::memory:?_dqs=0"

// openEngine opens a database for a session.
func openEngine(s *session) (*engine, error) {
	d, err := engineDriver()
	if err != nil {
		return nil, err
	}
	conn, err := d.Open(engineName)
	if err != nil {
		return nil, err
	}
	e := &engine{conn: conn, tls: libc.NewTLS()}
	// The driver offers neither an authorizer nor a progress handler. Its connection has the handle that these need.
	if field := reflect.ValueOf(conn).Elem().FieldByName("db"); field.Kind() == reflect.Uintptr {
		e.db = uintptr(field.Uint())
	}
	if e.db == 0 {
		e.close()
		return nil, fmt.Errorf("this version of the driver does not show its handle")
	}
	return e, nil
}

func (e *engine) close() {
	_ = e.conn.Close() // nothing of it is kept
	e.tls.Close()
}

// exec runs a statement of our own.
func (e *engine) exec(statement string) error {
	stmt, err := e.conn.Prepare(statement)
	if err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	defer stmt.Close()
	//lint:ignore SA1019 the driver has it, and no context is to be waited for
	if _, err := stmt.Exec(nil); err != nil {
		return fmt.Errorf("%s: %w", statement, err)
	}
	return nil
}

// bound sets the limits, when everything is there that needs none.
func (e *engine) bound() {
	for _, limit := range []struct{ id, value int32 }{
		{sqlite3.SQLITE_LIMIT_LENGTH, ValueMax}, {sqlite3.SQLITE_LIMIT_SQL_LENGTH, 4 * StatementMax}, {sqlite3.SQLITE_LIMIT_VDBE_OP, StepsMax},
		{sqlite3.SQLITE_LIMIT_COMPOUND_SELECT, CompoundMax}, {sqlite3.SQLITE_LIMIT_EXPR_DEPTH, DepthMax}, {sqlite3.SQLITE_LIMIT_VARIABLE_NUMBER, ParametersMax},
		{sqlite3.SQLITE_LIMIT_ATTACHED, 2}, {sqlite3.SQLITE_LIMIT_TRIGGER_DEPTH, 1}, {sqlite3.SQLITE_LIMIT_LIKE_PATTERN_LENGTH, patternMax}, {sqlite3.SQLITE_LIMIT_WORKER_THREADS, 0},
	} {
		sqlite3.Xsqlite3_limit(e.tls, e.db, limit.id, limit.value)
	}
}

// guard has SQLite ask whether a statement may be, and from time to time whether it may go on.
func (e *engine) guard(s *session) {
	sqlite3.Xsqlite3_set_authorizer(e.tls, e.db, callback(authorize), uintptr(s.number))
	sqlite3.Xsqlite3_progress_handler(e.tls, e.db, progressStep, callback(progress), uintptr(s.number))
}

// callback returns a function as SQLite calls it: the way in which the driver hands its own over. It is for functions that are declared, not for closures.
func callback[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&struct{ f F }{f})) }

// forbiddenFunctions would leave the database, or look into SQLite itself.
var forbiddenFunctions = []string{"load_extension", "fts3_tokenizer", "readfile", "writefile", "edit", "sqlite_"}

// forbiddenTables look into SQLite itself.
var forbiddenTables = []string{"sqlite_", "pragma_", "dbstat", "bytecode", "tables_used", "completion", "fts", "rtree", "geopoly"}

func forbiddenTable(name string) bool {
	return slices.ContainsFunc(forbiddenTables, func(prefix string) bool { return strings.HasPrefix(name, prefix) })
}

// authorize says what a statement may do: read the tables of the session, and compute.
func authorize(_ *libc.TLS, argument uintptr, action int32, first, second, _, _ uintptr) int32 {
	s := sessions.get(uint64(argument))
	switch {
	case s == nil:
		return sqlite3.SQLITE_DENY
	case s.trusted:
		return sqlite3.SQLITE_OK
	}
	switch action {
	case sqlite3.SQLITE_SELECT, sqlite3.SQLITE_RECURSIVE:
		return sqlite3.SQLITE_OK
	case sqlite3.SQLITE_READ:
		if table := strings.ToLower(libc.GoString(first)); s.readable[table] || libc.GoString(second) == "" && !forbiddenTable(table) {
			return sqlite3.SQLITE_OK // without a column it may be a name that the statement itself has given
		}
	case sqlite3.SQLITE_FUNCTION:
		function := strings.ToLower(libc.GoString(second))
		for _, forbidden := range forbiddenFunctions {
			if function == forbidden || strings.HasSuffix(forbidden, "_") && strings.HasPrefix(function, forbidden) {
				s.gateway.stats.unauthorized.Add(1)
				return sqlite3.SQLITE_DENY
			}
		}
		return sqlite3.SQLITE_OK
	}
	s.gateway.stats.unauthorized.Add(1)
	return sqlite3.SQLITE_DENY
}

// progress interrupts a statement that has computed for too long, holds too much, or is not wanted any longer.
func progress(tls *libc.TLS, argument uintptr) int32 {
	s := sessions.get(uint64(argument))
	if s == nil || s.trusted {
		return 0
	}
	switch {
	case s.running != nil && s.running.Err() != nil:
		s.fail(errorf(codeCanceled, "the statement was canceled"))
	case sqlite3.Xsqlite3_memory_used(tls)-s.held > memoryMax:
		s.gateway.stats.memory.Add(1)
		s.fail(errorf(codeMemory, "the statement needs more than %d MiB for what it sorts, groups and joins", memoryMax>>20))
	case time.Now().After(s.deadline):
		s.gateway.stats.late.Add(1)
		s.fail(errorf(codeCanceled, "the statement computed for longer than %v", s.gateway.statementTime))
	default:
		return 0
	}
	return 1
}
