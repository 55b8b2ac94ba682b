package sql

import (
	"strings"
	"testing"
)

// rewritten returns what becomes of a statement.
func rewritten(t *testing.T, query string) string {
	t.Helper()
	tokens, err := tokensOf(query)
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	out, err := rewrite(tokens, "ann", func(column token) bool { return column.value == "suspect" })
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return joined(out)
}

func TestRewriting(t *testing.T) {
	for query, want := range map[string]string{
		`SELECT a::int4 FROM t`:                                   `SELECT CAST ( a AS INTEGER ) FROM t`,
		`SELECT t.a::pg_catalog.text`:                             `SELECT CAST ( t . a AS TEXT )`,
		`SELECT (a + 1)::double precision`:                        `SELECT CAST ( ( a + 1 ) AS REAL )`,
		`SELECT max(a)::character varying(10) AS b`:               `SELECT CAST ( max ( a ) AS TEXT ) AS b`,
		`SELECT x::int::text`:                                     `SELECT CAST ( CAST ( x AS INTEGER ) AS TEXT )`,
		`SELECT CASE WHEN a THEN 1 END::bigint`:                   `SELECT CAST ( CASE WHEN a THEN 1 END AS INTEGER )`,
		`SELECT a WHERE (b)::int = 1`:                             `SELECT a WHERE CAST ( ( b ) AS INTEGER ) = 1`,
		`SELECT '{a}'::text[]`:                                    `SELECT ( '{a}' )`,
		`SELECT 't'::bool`:                                        `SELECT pg_bool ( 't' )`,
		`SELECT 'hosts'::regclass, c.oid::regclass`:               `SELECT pg_class_oid ( 'hosts' ) , pg_class_name ( c . oid )`,
		`SELECT CAST(a AS varchar(20)), CAST(b AS json)`:          `SELECT CAST ( a AS TEXT ) , ( b )`,
		`SELECT E'it\'s\n\\x' || 'don''t'`:                        "SELECT 'it''s\n\\x' || 'don''t'",
		`SELECT $$a'b$$, $x$c$x$`:                                 `SELECT 'a''b' , 'c'`,
		`SELECT a ~ '^x' AND b !~ 'y' AND c ~* 'z' AND d !~* 'w'`: `SELECT a REGEXP '^x' AND b NOT REGEXP 'y' AND c REGEXP '(?i)' || 'z' AND d NOT REGEXP '(?i)' || 'w'`,
		`SELECT ~1, a ~~ 'x%', a ilike 'x'`:                       `SELECT ~ 1 , a LIKE 'x%' , a MATCH 'x'`,
		`SELECT n OPERATOR(pg_catalog.~) '^(h)$' COLLATE pg_catalog.default AND 1 OPERATOR(pg_catalog.=) 1`: `SELECT n REGEXP '^(h)$' AND 1 = 1`,
		`SELECT a COLLATE "C"`: `SELECT a`,
		`SELECT * FROM "spinglass"."public"."hosts" JOIN public.peers`:    `SELECT * FROM main . "hosts" JOIN main . peers`,
		`SELECT pg_catalog.version(), pg_catalog.pg_class.oid`:            `SELECT version ( ) , pg_catalog . pg_class . oid`,
		`SELECT $1, $2::int4 LIMIT $3`:                                    `SELECT ?1 , CAST ( ?2 AS INTEGER ) LIMIT ?3`,
		`SELECT ? + ?`:                                                    `SELECT ?1 + ?2`,
		`SELECT current_user, current_schema, current_schema()`:           `SELECT 'ann' , 'public' , current_schema ( )`,
		`SELECT a = ANY (ARRAY['x', 'y'])`:                                `SELECT a IN ( SELECT value FROM json_each ( pg_list ( json_array ( 'x' , 'y' ) ) ) )`,
		`SELECT a <> ALL ('{x}'), b = ANY (SELECT 1)`:                     `SELECT a NOT IN ( SELECT value FROM json_each ( pg_list ( '{x}' ) ) ) , b IN ( SELECT 1 )`,
		`SELECT i.indkey[n - 1]`:                                          `SELECT pg_element ( i . indkey , n - 1 )`,
		`SELECT a FROM t FETCH FIRST 3 ROWS ONLY FOR UPDATE`:              `SELECT a FROM t LIMIT 3`,
		`SELECT a FROM t LIMIT ALL OFFSET 2`:                              `SELECT a FROM t OFFSET 2`,
		`SELECT g FROM generate_series(1, 3) AS g WHERE g > 1`:            `SELECT g FROM ( SELECT value AS g FROM json_each ( pg_series ( 1 , 3 ) ) ) AS g WHERE g > 1`,
		`SELECT a WHERE suspect = 't' AND b = 't'`:                        `SELECT a WHERE suspect = 1 AND b = 't'`,
		`SELECT bool_and(a), greatest(1, 2), timestamp '2026-01-02'`:      `SELECT min ( a ) , max ( 1 , 2 ) , '2026-01-02'`,
		`SELECT * FROM (VALUES (1, 'a')) AS t (n, c) WHERE n = 1`:         `SELECT * FROM ( WITH t ( n , c ) AS ( VALUES ( 1 , 'a' ) ) SELECT * FROM t ) AS t WHERE n = 1`,
		`SELECT s.a FROM (SELECT 1) s(a) JOIN (SELECT 2) u ON (1)`:        `SELECT s . a FROM ( WITH s ( a ) AS ( SELECT 1 ) SELECT * FROM s ) AS s JOIN ( SELECT 2 ) u ON ( 1 )`,
		`SELECT extract(epoch FROM now()) + extract(YEAR from (a::text))`: `SELECT pg_extract ( 'epoch' , now ( ) ) + pg_extract ( 'year' , ( CAST ( a AS TEXT ) ) )`,
		"SELECT 1 -- :: 'x\n /* a /* nested */ ; */ + 2":                  `SELECT 1 + 2`,
		`SELECT 'a::int; $1 -- x', "b::int"`:                              `SELECT 'a::int; $1 -- x' , "b::int"`,
		`SELECT 1.5e-3, .5, a.b, x'00ff'`:                                 `SELECT 1.5e-3 , .5 , a . b , x'00ff'`,
	} {
		if got := rewritten(t, query); got != want {
			t.Errorf("%s\n got %s\nwant %s", query, got, want)
		}
	}
}

func TestTextsThatAreNone(t *testing.T) {
	for query, code := range map[string]string{
		`SELECT 'a`: codeSyntax, `SELECT "a`: codeSyntax, `SELECT ""`: codeSyntax, `SELECT $a$b`: codeSyntax, "SELECT `a`": codeSyntax, "SELECT \xff": codeEncoding, "SELECT 1\x00": codeEncoding, `SELECT b'01'`: codeUnsupported,
		`SELECT E'\x41'`: codeUnsupported, `SELECT $12345678`: codeLimit, "SELECT '" + strings.Repeat("x", StatementMax) + "'": codeLimit,
	} {
		_, err := tokensOf(query)
		if e, ok := err.(*Error); !ok || e.Code != code {
			t.Errorf("%.30q: %v", query, err)
		}
	}
	for _, query := range []string{`SELECT a::`, `SELECT CAST(a AS int`, `SELECT a OPERATOR(`, `SELECT ARRAY(SELECT 1`, `SELECT * FROM unnest(a`} {
		tokens, err := tokensOf(query)
		if err == nil {
			_, err = rewrite(tokens, "", func(token) bool { return false })
		}
		if err == nil {
			t.Errorf("%s was taken", query)
		}
	}
}

// Whatever a client sends, cutting and rewriting end, and do not panic; what they make can be cut again.
func FuzzRewrite(f *testing.F) {
	for _, query := range []string{`SELECT a::int, b[1] FROM "x"."public".t WHERE c ~ E'\n' AND d = ANY (ARRAY[1,2]) -- x`, `CASE END)::a[`, `(((::`, `generate_series(1,2)[`, `SELECT CAST(CAST(a AS b) AS c.d(1)[])`, `$1$$a$$`, `fetch first`} {
		f.Add(query)
	}
	f.Fuzz(func(t *testing.T, query string) {
		tokens, err := tokensOf(query)
		if err != nil {
			return
		}
		for _, statement := range split(tokens) {
			out, err := rewrite(statement, "u", func(c token) bool { return len(c.value)%2 == 0 })
			if err != nil {
				continue
			}
			if foreign := foreignKeys(statement); foreign != nil && foreign.run == nil {
				t.Error("a plan that does nothing")
			}
			s := &session{}
			_, _ = s.special(out)
			_ = columnName(joined(out))
			_, _ = parseWriting(statement)
			_ = primaryKeys(statement)
		}
	})
}

// What stands for a function of the catalog can be cut into tokens.
func TestMacros(t *testing.T) {
	for name, template := range macros {
		if _, err := tokensOf(template); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Calls within calls of such functions have an end: a query has its arguments more than once.
func TestNestedMacros(t *testing.T) {
	g := gatewayOf(t, newFake(2))
	nested := func(depth int) string {
		return "SELECT " + strings.Repeat("pg_get_indexdef(", depth) + "1" + strings.Repeat(", 1)", depth)
	}
	if _, err := g.Query(t.Context(), nested(3)); err != nil {
		t.Errorf("%v", err)
	}
	if _, err := g.Query(t.Context(), nested(500)); codeOf(err) != codeComplex {
		t.Errorf("%v", err)
	}
}

func TestColumnNames(t *testing.T) {
	g := gatewayOf(t, newFake(2))
	r, err := g.Query(t.Context(), `SELECT count(*), avg(h.load), h.name, h.load + 1, CASE WHEN 1 THEN 2 END, CAST(h.load AS text), max(h.load) AS "the most", 'x', h.load::int, 1 AS c, count(*) OVER (), 2 AS Folded, h.name AS "Kept", sum(h.load) FILTER (WHERE h.load > 1) FROM hosts h GROUP BY h.name`)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, c := range r.Columns {
		names = append(names, c.Name)
	}
	if got, want := strings.Join(names, "|"), "count|avg|name|?column?|case|text|the most|?column?|integer|c|count|folded|Kept|sum"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
