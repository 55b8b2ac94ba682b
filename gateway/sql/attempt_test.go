package sql

import (
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"spinglass"
)

// codeOf returns the SQLSTATE of an error, "" of none.
func codeOf(err error) string {
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// What a client is not to do is refused, by the statement itself or by SQLite's authorizer, each with its SQLSTATE.
func TestAttemptsAreRefused(t *testing.T) {
	g := gatewayOf(t, newFake(4))
	for query, code := range map[string]string{
		"CREATE TABLE x (a int)": codeReadOnly, "DROP TABLE hosts": codeReadOnly, "ALTER TABLE hosts ADD x int": codeReadOnly, "TRUNCATE hosts": codeReadOnly, "VACUUM": codeReadOnly, "CREATE TEMP TABLE x (a)": codeReadOnly,
		"REPLACE INTO self (a) VALUES (1)": codeReadOnly, "SELECT * INTO x FROM hosts": codeReadOnly,
		"ATTACH '/etc/passwd' AS x": codeUnsupported, "DETACH pg_catalog": codeUnsupported, "PRAGMA query_only = 0": codeUnsupported, "EXPLAIN SELECT 1": codeUnsupported, "COPY hosts TO STDOUT": codeUnsupported,
		"SELECT load_extension('x')": codePrivilege, "SELECT sqlite_log(1, 'x')": codePrivilege, "SELECT readfile('/etc/passwd')": codeFunction,
		"SELECT * FROM pragma_database_list": codePrivilege, "SELECT count(*) FROM pragma_database_list": codePrivilege, "SELECT * FROM sqlite_schema": codePrivilege, "SELECT * FROM dbstat": codePrivilege,
		"SELECT * FROM sqlite_dbpage": codePrivilege, "SELECT 1; PRAGMA query_only = 0": codeSyntax,
		"UPDATE hosts SET load = 1": codePrivilege, "DELETE FROM peers": codePrivilege, "INSERT INTO zones (name) VALUES ('x')": codePrivilege, "UPDATE pg_catalog.pg_class SET relname = 'x'": codePrivilege,
		"WITH x AS (SELECT 1) UPDATE self SET load = 1": codeUnsupported, "INSERT INTO self (load) VALUES (1)": codeUnique, "DELETE FROM self": codePrivilege, "UPDATE self SET name = 'x'": codePrivilege,
		"UPDATE self SET nmembers = 1": "", "SELECT nothere FROM hosts": codeColumn, "SELECT 1 FROM nowhere": codeTable, "SELECT nofunction(1)": codeFunction, "SELECT name FROM hosts h, peers p": codeAmbiguous, "SELECT": codeSyntax,
		"SHOW nothing": codeSetting, "SELECT * FROM zone_tree()": codeParameter, "SELECT * FROM zone_tree('/us', 99)": codeParameter, "SELECT * FROM zone_tree('/nowhere')": codeTable, "SELECT 'x' ~ '('": "2201B",
	} {
		if _, err := g.Query(t.Context(), query); codeOf(err) != code {
			t.Errorf("%s: %s (%v), want %s", query, codeOf(err), err, code)
		}
	}
	if n := g.Stats().Unauthorized; n < 7 {
		t.Errorf("the authorizer refused %d", n)
	}
}

// The authorizer holds by itself: without it the statements that it is for pass, and SQLite would do what it can.
func TestAuthorizerBites(t *testing.T) {
	g := gatewayOf(t, newFake(4))
	s, err := newSession(g, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if _, err := s.single(t.Context(), "SELECT 1", nil); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"ATTACH ':memory:' AS more", "PRAGMA query_only", "CREATE TABLE main.x (a)", "DELETE FROM main.hosts", "SELECT * FROM sqlite_schema", "CREATE TEMP TABLE y (a)", "BEGIN", "SAVEPOINT a", "DROP TABLE main.hosts"} {
		if err := s.engine.exec(statement); err == nil || !strings.Contains(err.Error(), "authorized") && !strings.Contains(err.Error(), "prohibited") {
			t.Errorf("%s: %v", statement, err)
		}
	}
	s.trusted = true
	defer func() { s.trusted = false }()
	for _, statement := range []string{"PRAGMA query_only", "SELECT * FROM sqlite_schema"} {
		if err := s.engine.exec(statement); err != nil {
			t.Errorf("without the authorizer %s: %v", statement, err)
		}
	}
	if err := s.engine.exec("CREATE TABLE main.x (a)"); err == nil || !strings.Contains(err.Error(), "readonly") {
		t.Errorf("query_only: %v", err)
	}
	if err := s.engine.exec("ATTACH ':memory:' AS more"); err == nil || !strings.Contains(err.Error(), "too many attached") {
		t.Errorf("attached databases: %v", err)
	}
}

// What is too much is ended, in a time that is bounded, and the session goes on.
func TestBounds(t *testing.T) {
	g := gatewayOf(t, newFake(64))
	long := strings.Repeat("SELECT 1 UNION ALL ", CompoundMax) + "SELECT 1"
	deep := strings.Repeat("(", 2*DepthMax) + "1" + strings.Repeat(")", 2*DepthMax)
	for query, code := range map[string]string{
		"WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r": codeCanceled,
		"SELECT count(*) FROM hosts a, hosts b, hosts c, hosts d, hosts e":                       codeCanceled,
		"SELECT zeroblob(500000000)":                             codeLimit,
		"SELECT printf('%.*c', 500000000, 'x')":                  codeLimit,
		"SELECT replace(printf('%.*c', 900000, 'x'), 'x', 'xx')": codeLimit,
		"SELECT zeroblob(900000) FROM hosts LIMIT 20":            codeLimit,
		long: codeComplex,
		"SELECT 1 WHERE 1 = " + strings.Repeat("1 + ", 2*DepthMax) + "1":                                                 codeComplex,
		"SELECT '" + strings.Repeat("x", StatementMax) + "'":                                                             codeLimit,
		"SELECT g FROM generate_series(1, 100000) g":                                                                     codeComplex,
		"SELECT 'x' ~ '" + strings.Repeat("x", patternMax+1) + "'":                                                       codeLimit,
		"SELECT 'x' ~ '" + strings.Repeat("x{1000}", 100) + "'":                                                          codeLimit,
		"SELECT 'x' LIKE '" + strings.Repeat("%", patternMax) + "'":                                                      "",
		"SELECT printf('%.*c', 60000, 'a') ~ '(a?){900}(a?){900}(a?){900}(a?){900}b'":                                    codeLimit,
		"SELECT printf('%.*c', 200000, 'a') LIKE '%' || printf('%.*c', 4000, 'a') || 'b'":                                codeLimit,
		"SELECT printf('%.*c', 900000, 'a') LIKE '%' || printf('%.*c', 4000, 'a') || 'b' ESCAPE '!'":                     codeLimit,
		"SELECT printf('%.*c', 900000, 'a') GLOB '*' || printf('%.*c', 4000, 'a') || 'b'":                                codeUnsupported,
		"SELECT " + tenTimes("instr(printf('%%.*c', 1000000, 'a'), printf('%%.*c', 50000%d, 'a') || 'b')"):               "",
		"SELECT " + tenTimes("length(replace(printf('%%.*c', 1000000, 'a'), printf('%%.*c', 50000%d, 'a') || 'b', ''))"): "",
		"SELECT pg_position('{' || replace(printf('%.*c', 20000, 'a'), 'a', 'a,') || '}', zeroblob(900000))":             "",
	} {
		g.statementTime = time.Minute
		if code == codeCanceled {
			g.statementTime = StatementTime
		}
		began := time.Now()
		_, err := g.Query(t.Context(), query)
		if codeOf(err) != code {
			t.Errorf("%.60s: %s (%v), want %s", query, codeOf(err), err, code)
		}
		if took := time.Since(began); took > 100*StatementTime {
			t.Errorf("%.60s took %v", query, took)
		}
	}
	_, _ = g.Query(t.Context(), "SELECT "+deep) // whatever it is, it ends
	if r, err := g.Query(t.Context(), "SELECT count(*) FROM hosts"); err != nil || r.Rows[0][0] != int64(64) {
		t.Errorf("afterwards: %v", err)
	}
	if s := g.Stats(); s.Late < 2 || s.ResultsCut != 1 || s.Results != 0 {
		t.Errorf("%+v", s)
	}
}

// Trimming takes time that is linear in the texts, since the clock is not looked at meanwhile.
func TestTrim(t *testing.T) {
	g := gatewayOf(t, newFake(2))
	r, err := g.Query(t.Context(), "SELECT trim('xäbax', 'äx'), ltrim('xäbax', 'äx'), rtrim('xäbax', 'äx'), trim(' b '), trim(120, '0'), trim(NULL, 'x')")
	if err != nil || fmt.Sprint(r.Rows[0]) != "[ba bax xäba b 12 <nil>]" {
		t.Errorf("%v, %v", r, err)
	}
	began := time.Now()
	r, err = g.Query(t.Context(), "SELECT length(trim(printf('%.*c', 500000, 'b'), printf('%.*c', 500000, 'a') || 'b'))")
	if took := time.Since(began); err != nil || r.Rows[0][0] != int64(0) || took > 100*StatementTime {
		t.Errorf("%v, %v after %v", r, err, took)
	}
	if _, err := g.Query(t.Context(), "SELECT unhex('41', 'x')"); err == nil {
		t.Error("unhex of two texts was done")
	}
}

// tenTimes returns the sum of ten like expressions, each with another digit: where one takes seconds, all take longer than TestBounds allows.
func tenTimes(format string) string {
	var terms []string
	for digit := range 10 {
		terms = append(terms, fmt.Sprintf(format, digit))
	}
	return strings.Join(terms, " + ")
}

// Functions of texts give what those of PostgreSQL give, whatever they are made of.
func TestTexts(t *testing.T) {
	g := gatewayOf(t, newFake(2))
	for expression, want := range map[string]string{
		"instr('xäbä', 'b')": "3", "strpos('xäbä', 'ä')": "2", "instr('x', 'y')": "0", "instr('x', '')": "1", "instr(NULL, 'x')": "<nil>", "instr(120, 2)": "2", "instr(X'00ff01', X'01')": "3",
		"replace('aXbX', 'X', 'yy')": "ayybyy", "replace('abc', '', 'x')": "abc", "replace('abc', 'b', NULL)": "<nil>", "replace(101, 0, 'x')": "1x1",
		"'a_b' LIKE 'a!_b' ESCAPE '!'": "1", "'axb' LIKE 'a!_b' ESCAPE '!'": "0", "'AB' LIKE 'a%' ESCAPE '!'": "0", "'AB' ILIKE 'a%' ESCAPE '!'": "1", `'a\b' LIKE 'a\b' ESCAPE ''`: "1", `'a%' LIKE 'a\%' ESCAPE '\'`: "1",
		"array_to_string('{a,b}', '+')": "a+b", "pg_position('1 3', 3)": "2", "name LIKE NULL ESCAPE '!'": "<nil>",
	} {
		r, err := g.Query(t.Context(), "SELECT "+expression+" FROM self")
		if err != nil {
			t.Errorf("%s: %v", expression, err)
		} else if got := fmt.Sprint(r.Rows[0][0]); got != want {
			t.Errorf("%s: %s, want %s", expression, got, want)
		}
	}
	// A text that is longer than values may be is not made, however long it would be.
	if _, err := arrayToString([]driver.Value{"{a,a,a}", strings.Repeat("x", ValueMax/2)}); codeOf(err) != codeLimit {
		t.Errorf("a list with long texts in between: %v", err)
	}
	if _, err := replaced([]driver.Value{"aaa", "a", strings.Repeat("x", ValueMax/2)}); codeOf(err) != codeLimit {
		t.Errorf("long texts in the place of short ones: %v", err)
	}
	if _, err := g.Query(t.Context(), "SELECT 'a' LIKE 'a' ESCAPE 'xy'"); codeOf(err) != "22019" {
		t.Errorf("an escape of two characters: %v", err)
	}
}

// Sorting long values does not take memory without end.
func TestMemoryIsBounded(t *testing.T) {
	g := gatewayOf(t, newFake(64))
	before := peakMemory()
	_, err := g.Query(t.Context(), "SELECT length(z) FROM (SELECT zeroblob(900000) || a.name || b.name AS z FROM hosts a, hosts b ORDER BY z)")
	if codeOf(err) != codeMemory || g.Stats().Memory != 1 {
		t.Errorf("%v", err)
	}
	if more := peakMemory() - before; more > 4*memoryMax {
		t.Errorf("the process took %d MiB for it", more>>20)
	}
}

// Changes are those of the own rows, with the types that their attributes had.
func TestWrites(t *testing.T) {
	f := newFake(4)
	g := gatewayOf(t, f)
	for _, step := range []struct{ query, tag string }{
		{"UPDATE self SET load = 3, role = 'db', up = FALSE, fresh = 7, ratio = 0.5, gone = NULL, flag = TRUE", "UPDATE 1"},
		{"UPDATE self SET count = count + 1, at = '2026-02-03 04:05:06+00' WHERE role = 'db'", "UPDATE 1"},
		{"UPDATE self SET count = 100 WHERE role = 'web'", "UPDATE 0"},
		{`UPDATE public.self AS s SET "a.b" = 'dotted', mixed = NULL WHERE s.load = 3`, "UPDATE 1"},
		{"INSERT INTO own_rows (name, queue) VALUES ('db', 7), ('cache', 8)", "INSERT 0 2"},
		{"UPDATE own_rows SET queue = queue * 2 WHERE name LIKE '%/db'", "UPDATE 1"},
		{"DELETE FROM own_rows WHERE queue = 8", "DELETE 1"},
	} {
		r, err := g.Query(t.Context(), step.query)
		if err != nil || r.Tag != step.tag {
			t.Fatalf("%s: %+v, %v", step.query, r, err)
		}
	}
	want := spinglass.Attrs{"load": 3.0, "role": "db", "up": false, "fresh": int64(7), "ratio": 0.5, "flag": true, "count": int64(8), "at": time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC), "a.b": "dotted"}
	for name, value := range want {
		if fmt.Sprint(f.self[name]) != fmt.Sprint(value) || fmt.Sprintf("%T", f.self[name]) != fmt.Sprintf("%T", value) {
			t.Errorf("%s: %v (%T), want %v", name, f.self[name], f.self[name], value)
		}
	}
	if _, there := f.self["mixed"]; there || len(f.rows) != 1 || f.rows["db"]["queue"] != int64(14) {
		t.Errorf("%v, %v", f.self, f.rows)
	}
	if _, err := g.Query(t.Context(), "INSERT INTO own_rows (name, queue) VALUES ('db', 7)"); codeOf(err) != codeUnique {
		t.Errorf("a row that is there: %v", err)
	}
	if _, err := g.Query(t.Context(), "INSERT INTO own_rows (name, load) VALUES ('/lab/h000/', 9)"); codeOf(err) != codeParameter || f.self["load"] != 3.0 {
		t.Errorf("a row without a name: %v, %v", err, f.self["load"])
	}
	f.noRows = spinglass.ErrUnanswered
	if r, err := g.Query(t.Context(), "DELETE FROM own_rows"); codeOf(err) != codeNoConnection {
		t.Errorf("rows that the node does not tell: %+v, %v", r, err)
	}
	f.noRows = nil
	f.refuses = fmt.Errorf("%w: no grant", spinglass.ErrForbidden)
	if _, err := g.Query(t.Context(), "UPDATE self SET load = 4"); codeOf(err) != codePrivilege || !errors.Is(err, spinglass.ErrForbidden) {
		t.Errorf("what the node refuses: %v", err)
	}
}

// A hundred sessions cost one snapshot for SnapshotAge; who changes something sees it at once.
func TestSnapshotsAreShared(t *testing.T) {
	f := newFake(4)
	g := gatewayOf(t, f)
	for range 100 {
		if _, err := g.Query(t.Context(), "SELECT count(*) FROM hosts"); err != nil {
			t.Fatal(err)
		}
	}
	if n := f.taken.Load(); n > 2 { // two, when the test is slow
		t.Errorf("%d snapshots", n)
	}
	if _, err := g.Query(t.Context(), "UPDATE self SET count = 99"); err != nil {
		t.Fatal(err)
	}
	if r, err := g.Query(t.Context(), "SELECT count FROM self"); err != nil || r.Rows[0][0] != int64(99) {
		t.Errorf("%+v, %v", r, err)
	}
}

// A snapshot that was begun before a change serves nobody after it.
func TestChangeDuringASnapshot(t *testing.T) {
	f := newFake(2)
	g := gatewayOf(t, f)
	f.during = g.snapshots.drop
	for range 2 {
		if _, err := g.snapshots.get(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	if f.taken.Load() != 2 {
		t.Errorf("%d snapshots", f.taken.Load())
	}
}

// zone_tree goes down to zones that the member does not hold. What does not come in time leaves the row of its zone incomplete.
func TestZoneTree(t *testing.T) {
	f := newFake(2)
	g := gatewayOf(t, f)
	r, err := g.Query(t.Context(), "SELECT name, level, complete, table_complete, told_by, attributes ->> 'gpus' FROM zone_tree('/us/ny')")
	if err != nil || fmt.Sprint(r.Rows) != "[[/us/ny/a 1 true false 0000000000000009 4]]" {
		t.Errorf("%v, %v", r, err)
	}
	f.silence(t)
	r, err = g.Query(t.Context(), "SELECT name, level, complete FROM zone_tree('/us', 2)")
	if err != nil || fmt.Sprint(r.Rows) != "[[/us/ny 1 false] [/us/sf 1 false] [/us/ny/a 2 true]]" {
		t.Errorf("%v, %v", r, err)
	}
	g.snapshots.drop() // the next one has columns for what came
	r, err = g.Query(t.Context(), "SELECT z.name, t.name, t.gpus FROM zones z JOIN zone_tree(z.name || '/ny') t WHERE z.name = '/us'")
	if err != nil || fmt.Sprint(r.Rows) != "[[/us /us/ny/a 4]]" {
		t.Errorf("joined: %v, %v", r, err)
	}
}

// A statement asks for a number of tables, however often it looks at them.
func TestZoneTreeTables(t *testing.T) {
	g := gatewayOf(t, newFake(2))
	s, err := newSession(g, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	for range 2 * ZoneTreeTablesMax {
		if _, err := s.table("/us/ny"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := s.table("/us"); err != nil {
		t.Errorf("a second table: %v", err)
	}
	for i := range ZoneTreeTablesMax {
		_, err = s.table(fmt.Sprint("/nowhere/", i))
	}
	if codeOf(err) != codeLimit || g.Stats().TreesLimited != 2 {
		t.Errorf("%v, %d", err, g.Stats().TreesLimited)
	}
}
