package sql

import (
	"strings"
	"testing"
)

// Every table has a number and a name of its own, rows as wide as its columns, and, when it is for clients, a key that is one and a description of everything.
func TestShapes(t *testing.T) {
	g := gatewayOf(t, newFake(3))
	s, err := g.snapshots.get(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(s.oids) != len(s.order) || len(s.relations) != len(s.order) {
		t.Errorf("%d tables, %d numbers, %d names", len(s.order), len(s.oids), len(s.relations))
	}
	for _, r := range s.order {
		rows, err := r.all()
		if err != nil {
			t.Fatalf("%s: %v", r.name, err)
		}
		keys := map[string]bool{}
		for _, row := range rows {
			if len(row) != len(r.columns) {
				t.Fatalf("%s: a row of %d values for %d columns", r.name, len(row), len(r.columns))
			}
			var key []string
			for _, c := range r.key {
				if row[c] == nil {
					t.Errorf("%s: a key is NULL", r.name)
				}
				key = append(key, textOf(row[c]))
			}
			if joined := strings.Join(key, "\x00"); len(key) > 0 && keys[joined] {
				t.Errorf("%s: two rows with the key %q", r.name, joined)
			} else {
				keys[joined] = true
			}
		}
		if r.schema != schemaMain {
			continue
		}
		if r.description == "" || len(r.key) == 0 && !r.function {
			t.Errorf("%s: description %q, key %v", r.name, r.description, r.key)
		}
		for _, c := range r.columns {
			if c.description == "" {
				t.Errorf("%s.%s is not described", r.name, c.name)
			}
		}
	}
}

// Equality by the index of a relation finds what going over all rows finds, whatever the types of the two sides.
func TestIndexesFindTheSame(t *testing.T) {
	g := gatewayOf(t, newFake(32))
	for _, c := range [][2]string{
		{"load = 0.5", "load + 0 = 0.5"}, {"load = '0.5'", "load + 0 = 0.5"}, {"cpus = 3", "cpus + 0 = 3"}, {"cpus = '3'", "cpus + 0 = 3"}, {"cpus = 3.0", "cpus + 0 = 3"}, {"mixed = '7'", "mixed || '' = '7'"}, {"mixed = 7", "mixed || '' = '7'"},
		{"role = 'db'", "role || '' = 'db'"}, {"role = NULL", "0"}, {"suspect = false", "suspect + 0 = 0"}, {"name = '/LAB/H001'", "0"}, {"cpus = 'x'", "0"}, {"load = 1e400", "0"},
		{"name IN (SELECT name FROM peers)", "name || '' IN (SELECT name FROM peers)"}, {"id = '0000000000000003'", "id || '' = '0000000000000003'"},
	} {
		with, err := g.Query(t.Context(), "SELECT count(*) FROM hosts WHERE "+c[0])
		if err != nil {
			t.Fatalf("%s: %v", c[0], err)
		}
		without, err := g.Query(t.Context(), "SELECT count(*) FROM hosts WHERE "+c[1])
		if err != nil {
			t.Fatalf("%s: %v", c[1], err)
		}
		if with.Rows[0][0] != without.Rows[0][0] {
			t.Errorf("%s: %v, without the index %v", c[0], with.Rows[0][0], without.Rows[0][0])
		}
	}
}

// The question of the JDBC driver for primary keys has an answer: its way to expand an array to rows SQLite does not have.
func TestPrimaryKeysOfJDBC(t *testing.T) {
	g := gatewayOf(t, newFake(2))
	r, err := g.Query(t.Context(), `SELECT result.TABLE_NAME, result.COLUMN_NAME, result.KEY_SEQ, result.PK_NAME FROM (SELECT NULL AS TABLE_CAT, n.nspname AS TABLE_SCHEM, ct.relname AS TABLE_NAME, a.attname AS COLUMN_NAME,
		(information_schema._pg_expandarray(i.indkey)).n AS KEY_SEQ, ci.relname AS PK_NAME, information_schema._pg_expandarray(i.indkey) AS KEYS, a.attnum AS A_ATTNUM FROM pg_catalog.pg_class ct
		JOIN pg_catalog.pg_attribute a ON (ct.oid = a.attrelid) JOIN pg_catalog.pg_namespace n ON (ct.relnamespace = n.oid) JOIN pg_catalog.pg_index i ON (a.attrelid = i.indrelid)
		JOIN pg_catalog.pg_class ci ON (ci.oid = i.indexrelid) WHERE true AND n.nspname = 'public' AND ct.relname = 'streams' AND i.indisprimary) result WHERE result.A_ATTNUM = (result.KEYS).x
		ORDER BY result.table_name, result.PK_NAME, result.KEY_SEQ`)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, row := range r.Rows {
		got = append(got, textOf(row[3])+" "+textOf(row[4])+" "+textOf(row[5]))
	}
	if strings.Join(got, "|") != "topic 1 streams_pkey|publisher_id 2 streams_pkey" || r.Columns[3].Name != "column_name" {
		t.Errorf("%v, %v", r.Columns, got)
	}
}
