package sql

import (
	"database/sql/driver"
	"math"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
)

// kind is the type of a column.
type kind struct {
	oid      uint32 // of PostgreSQL
	name     string // as format_type and the standard call it
	internal string // as pg_type calls it
	declared string // to SQLite, whose affinity it decides
	width    int16  // bytes of a value, -1 where they differ
}

// The types of columns. Values are int64, float64, string and []byte to SQLite: those of kindBool are 0 and 1, those of kindTime texts as timeLayout says.
var (
	kindBool   = &kind{16, "boolean", "bool", "BOOL_INT", 1}
	kindBytes  = &kind{17, "bytea", "bytea", "BLOB", -1}
	kindChar   = &kind{18, `"char"`, "char", "TEXT", 1}
	kindName   = &kind{19, "name", "name", "TEXT", 64}
	kindInt    = &kind{20, "bigint", "int8", "INTEGER", 8}
	kindInt2   = &kind{21, "smallint", "int2", "INTEGER", 2}
	kindVector = &kind{22, "int2vector", "int2vector", "TEXT", -1}
	kindInt4   = &kind{23, "integer", "int4", "INTEGER", 4}
	kindText   = &kind{25, "text", "text", "TEXT", -1}
	kindOID    = &kind{26, "oid", "oid", "INTEGER", 4}
	kindJSON   = &kind{114, "json", "json", "TEXT", -1}
	kindFloat  = &kind{701, "double precision", "float8", "REAL", 8}
	kindTime   = &kind{1184, "timestamp with time zone", "timestamptz", "TEXT", 8}
	kindString = &kind{1043, "character varying", "varchar", "TEXT", -1}

	kinds = []*kind{kindBool, kindBytes, kindChar, kindName, kindInt, kindInt2, kindVector, kindInt4, kindText, kindOID, kindJSON, kindFloat, kindTime, kindString}
)

// timeLayout is how times stand in tables, in UTC, so that their order is that of the texts, and SQLite's functions of dates take them.
const timeLayout = "2006-01-02 15:04:05.000000+00:00"

// column is a column of a relation.
type column struct {
	name        string
	kind        *kind
	description string
	hidden      bool // the argument of a table function
}

// shape is what a relation looks like, without its rows. It is immutable.
type shape struct {
	oid         uint32
	schema      string // schemaMain, "pg_catalog" or "information_schema"
	name        string
	description string
	columns     []column
	key         []int // of the columns of the primary key
	function    bool  // rows depend on arguments
	signature   string
}

// seal makes the signature, by which shapes are compared.
func (s *shape) seal() *shape {
	var b strings.Builder
	for _, c := range s.columns {
		b.WriteString(c.name)
		b.WriteByte(0)
		b.WriteString(c.kind.internal)
		b.WriteByte(0)
	}
	s.signature = b.String()
	return s
}

// column returns the number of a column by its name, whose letters may be large or small, -1 for none.
func (s *shape) column(name string) int {
	for i := range s.columns {
		if strings.EqualFold(s.columns[i].name, name) {
			return i
		}
	}
	return -1
}

// declaration returns the CREATE TABLE by which SQLite learns of it.
func (s *shape) declaration() string {
	var b strings.Builder
	b.WriteString("CREATE TABLE x(")
	for i, c := range s.columns {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(quoteName(c.name) + " " + c.kind.declared)
		if c.hidden {
			b.WriteString(" HIDDEN")
		}
	}
	b.WriteString(")")
	return b.String()
}

// relation is a table as it was at one instant. It is shared by all sessions and never changes, but that its rows are made when they are first asked for.
type relation struct {
	*shape
	load func() ([][]driver.Value, error)

	once    sync.Once
	ready   atomic.Bool // the rows are there
	rows    [][]driver.Value
	failed  error
	indexes []index // one for each column
}

// index finds rows by the value of a column.
type index struct {
	once sync.Once
	rows map[driver.Value][]int
}

func newRelation(s *shape, load func() ([][]driver.Value, error)) *relation {
	return &relation{shape: s, load: load, indexes: make([]index, len(s.columns))}
}

// all returns the rows.
func (r *relation) all() ([][]driver.Value, error) {
	r.once.Do(func() {
		r.rows, r.failed = r.load()
		r.ready.Store(true)
	})
	return r.rows, r.failed
}

// where returns the numbers of the rows that can have a value in a column, and false when all can. They may be too many, never too few.
func (r *relation) where(column int, value driver.Value) (numbers []int, ok bool) {
	key, ok := indexKey(value)
	if !ok {
		return nil, false
	}
	in := &r.indexes[column]
	in.once.Do(func() {
		in.rows = map[driver.Value][]int{}
		for i, row := range r.rows {
			if k, ok := indexKey(row[column]); ok {
				in.rows[k] = append(in.rows[k], i)
			}
		}
	})
	return in.rows[key], true
}

// indexKey returns what is equal for values that SQLite may take for equal, whatever the affinities: numbers and texts that say the same number.
func indexKey(value driver.Value) (driver.Value, bool) {
	switch v := value.(type) {
	case int64:
		return float64(v), true
	case float64:
		return v, !math.IsNaN(v)
	case string:
		if n, err := strconv.ParseFloat(strings.TrimSpace(v), 64); err == nil {
			return n, !math.IsNaN(n)
		}
		return v, true
	case []byte, nil:
		return nil, false
	}
	return nil, false
}

// constantly returns a load of rows that are known.
func constantly(rows [][]driver.Value) func() ([][]driver.Value, error) {
	return func() ([][]driver.Value, error) { return rows, nil }
}
