package sqlclients

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// psql lists and describes tables, and shows what is in them.
func TestPsql(t *testing.T) {
	need(t, "psql")
	f := startFleet(t, 3)
	for _, c := range []struct {
		command string
		wants   []string
	}{
		{`\dt`, []string{"public | hosts        | table | spinglass", "public | /lab ", "public | zones_1 ", "(12 rows)"}},
		{`\d`, []string{"public | self ", "(12 rows)"}},
		{`\d hosts`, []string{`Table "public.hosts"`, "name          | text             |           |          |", "load          | double precision |", `"hosts_pkey" PRIMARY KEY, btree (id)`}},
		{`\d+ hosts`, []string{"path of the host or of the zone", "processes that run or wait to, on average over the last minute", "attribute role of the host"}},
		{`\dt+ peers`, []string{"the members that this one knows, itself among them"}},
		{`\d "/lab"`, []string{`Table "public./lab"`}},
		{`\l`, []string{"spinglass | spinglass | UTF8", "(1 row)"}},
		{`\di`, []string{"hosts_pkey"}}, {`\dn`, []string{"public | spinglass"}}, {`\du`, []string{"spinglass"}}, {`\df`, []string{"zone_tree"}},
		{`\conninfo`, []string{`database "spinglass" as user "spinglass"`}},
		{"SELECT name, load FROM hosts ORDER BY name", []string{" /lab/h00 |    0", " /lab/h02 |  0.5", "(3 rows)"}},
		{"SELECT role, count(*) AS hosts, avg(load) FROM public.hosts GROUP BY 1 ORDER BY 1", []string{" web   |     1 |"}},
		{"SELECT z.name, z.nmembers FROM zones z WHERE level = 0", []string{" /lab |        3"}},
		{"UPDATE self SET color = 'blue'", []string{"UPDATE 1"}}, {"SELECT color FROM self", []string{" blue"}},
		{"BEGIN; UPDATE self SET color = 'red'; ROLLBACK; SELECT color FROM self", []string{" blue"}},
		{"VALUES (1, 'a'), (2, 'b')", []string{" 2 | b"}}, {"SHOW server_version", []string{" 15.0"}},
		{"SELECT name, table_complete FROM zone_tree('/', 2) ORDER BY 1", []string{" /lab     | t", " /lab/h01 | t", "(4 rows)"}},
	} {
		out := output(t, f.client(t, "psql", "-X", "-c", c.command), "")
		for _, want := range c.wants {
			if !strings.Contains(out, want) {
				t.Errorf("%s: no %q in\n%s", c.command, want, out)
			}
		}
	}
	out, _ := f.client(t, "psql", "-X", "-v", "VERBOSITY=verbose", "-c", "DELETE FROM hosts").CombinedOutput()
	if !strings.Contains(string(out), "42501") {
		t.Errorf("what is refused: %s", out)
	}
}

// isql lists tables and columns, groups and joins.
func TestIsql(t *testing.T) {
	need(t, "isql")
	f := startFleet(t, 3)
	out := output(t, f.client(t, "isql", "spinglass", "-b", "-d,"), strings.Join([]string{
		"help", "help hosts", "SELECT role, count(*), max(load) FROM hosts GROUP BY role ORDER BY role", "SELECT h.name, p.state FROM hosts h JOIN peers p ON p.id = h.id ORDER BY h.name", "",
	}, "\n"))
	for _, want := range []string{
		"spinglass,public,hosts,TABLE,", "spinglass,public,zones_1,TABLE,", "spinglass,public,hosts,name,", "spinglass,public,hosts,load,", "float8", "cache,1,0.5", "web,1,0", "/lab/h00,up", "/lab/h02,up",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

// A program with pyodbc reads the catalog, gives parameters, changes its own row, and is told what it may not.
func TestPyodbc(t *testing.T) {
	need(t, python, "import pyodbc")
	f := startFleet(t, 9)
	got := map[string]string{}
	var refused []string
	for line := range strings.Lines(output(t, f.client(t, python, "testdata/odbc.py", "spinglass"), "")) {
		var step [2]json.RawMessage
		if err := json.Unmarshal([]byte(line), &step); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
		what := strings.Trim(string(step[0]), `"`)
		if what == "refused" {
			refused = append(refused, string(step[1]))
			continue
		}
		got[what] = string(step[1])
	}
	for what, want := range map[string]string{
		"tables":      `["/", "/lab", "certificates", "functions", "hosts", "own_rows", "peers", "self", "streams", "zones", "zones_0", "zones_1"]`,
		"columns":     `[["name", "text"], ["suspect", "bool"], ["cpus", "int8"], ["load", "float8"]]`,
		"primary key": `["id"]`, "foreign keys": `[]`, "statistics": `["hosts_pkey"]`, "types": "true",
		"parameters": `[["/lab/h01", 0.25], ["/lab/h04", 1.0]]`, "null": `[[0]]`, "join": `[["/lab/h00", "up"], ["/lab/h01", "up"]]`,
		"described": `[["role", "str"], ["hosts", "int"], ["mean", "float"]]`, "many": "21700", "rolled back": "0", "changed": "1", "committed": "3.5",
	} {
		if got[what] != want {
			t.Errorf("%s: %s, want %s", what, got[what], want)
		}
	}
	want := []string{
		`["UPDATE hosts SET load = 1", "42501"]`, `["DROP TABLE hosts", "25006"]`, `["SELECT nothere FROM hosts", "42703"]`, `["SELEC", "42601"]`, `["PRAGMA table_info(hosts)", "0A000"]`,
		`["SELECT count(*) FROM hosts a, hosts b, hosts c, hosts d, hosts e, hosts f, hosts g, hosts h", "57014"]`,
	}
	if !slices.Equal(refused, want) {
		t.Errorf("refused: %q, want %q", refused, want)
	}
}

// LibreOffice Calc imports a query into a sheet, and refreshes it after an update.
func TestCalc(t *testing.T) {
	need(t, "soffice", "import uno")
	f := startFleet(t, 12)
	arguments := []string{"testdata/calc.py", "spinglass", f.dir}
	picture := os.Getenv("SPINGLASS_PICTURE")
	if picture != "" {
		arguments = append(arguments, picture)
	}
	cmd := f.client(t, python, arguments...)
	input, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd.Stderr = os.Stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	sheets := bufio.NewScanner(out)
	sheets.Buffer(nil, 1<<20)
	read := func() (cells [][]any) {
		t.Helper()
		if !sheets.Scan() {
			t.Fatalf("no sheet: %v", sheets.Err())
		}
		if err := json.Unmarshal(sheets.Bytes(), &cells); err != nil {
			t.Fatal(err)
		}
		return cells
	}
	before := read()
	if len(before) != 13 || fmt.Sprint(before[0]) != "[name role load cpus]" || fmt.Sprint(before[3]) != "[/lab/h02 cache 0.5 16]" {
		t.Errorf("%v", before)
	}
	if _, err := f.gateway.Query(t.Context(), "UPDATE self SET load = 2.5, role = 'router'"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(input, "again\n"); err != nil {
		t.Fatal(err)
	}
	if after := read(); fmt.Sprint(after[1]) != "[/lab/h00 router 2.5 4]" {
		t.Errorf("after the update: %v", after)
	}
	if _, err := io.WriteString(input, "\n"); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Error(err)
	}
	if picture != "" {
		if info, err := os.Stat(picture); err != nil || info.Size() == 0 {
			t.Errorf("%s: %v", filepath.Base(picture), err)
		}
	}
}

// driverJDBC is where Debian's libpostgresql-jdbc-java puts the driver.
const driverJDBC = "/usr/share/java/postgresql.jar"

// A program with JDBC does the same. A JDK is large: CI installs the driver where there is one. pgx stands for it elsewhere (gateway/sql).
func TestJDBC(t *testing.T) {
	need(t, "java", "javac")
	if _, err := os.Stat(driverJDBC); err != nil {
		t.Skip("skipped: there is no JDBC driver; install libpostgresql-jdbc-java")
	}
	f := startFleet(t, 9)
	url := fmt.Sprintf("jdbc:postgresql://127.0.0.1:%d/spinglass?user=u&sslmode=disable&password=%s", f.port, strings.ReplaceAll(password, " ", "%20"))
	out := output(t, f.client(t, "java", "-cp", driverJDBC, "testdata/Client.java", url), "")
	want := "tables hosts TABLE\ncolumns load float8\nprimary key id hosts_pkey\nforeign keys\nprepared /lab/h01 0.25 8\nprepared /lab/h01 0.25 8\nfetched 9\nupdated 1\nown 9.5\nrefused 42501\n"
	if out != want {
		t.Errorf("got\n%swant\n%s", out, want)
	}
}
