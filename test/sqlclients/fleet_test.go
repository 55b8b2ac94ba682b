package sqlclients

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"spinglass"
	"spinglass/gateway/sql"
)

const password = "open sesame"

// fleet is a zone of nodes in this process, of which the first answers SQL.
type fleet struct {
	nodes   []*spinglass.Node
	gateway *sql.Gateway
	port    int
	dir     string // with what ODBC needs to know
}

// startFleet starts a zone, and waits until its first node sees all others with their attributes.
func startFleet(t *testing.T, hosts int) *fleet {
	t.Helper()
	f := &fleet{dir: t.TempDir()}
	var join []string
	for i := range hosts {
		node, err := spinglass.Start(t.Context(), spinglass.Config{Name: fmt.Sprintf("/lab/h%02d", i), Listen: "127.0.0.1:0", Join: join, First: i == 0, NoMulticast: true})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = node.Close() })
		join = []string{f.first(node).Addr()}
		if err := node.Set(t.Context(), spinglass.Attrs{"load": float64(i%7) / 4, "role": []string{"web", "db", "cache"}[i%3], "cpus": 4 << (i % 3)}); err != nil {
			t.Fatal(err)
		}
		f.nodes = append(f.nodes, node)
	}
	f.gateway = sql.New(f.nodes[0], sql.Options{})
	t.Cleanup(func() { _ = f.gateway.Close() })
	f.await(t, fmt.Sprintf("SELECT count(*) = %d FROM hosts WHERE role IS NOT NULL AND cpus > 0", hosts))
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server, err := f.gateway.Serve(listener, sql.ServerOptions{Password: password})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Close() })
	f.port = listener.Addr().(*net.TCPAddr).Port
	f.writeODBC(t)
	return f
}

// first returns the first node, which may be the only one yet.
func (f *fleet) first(only *spinglass.Node) *spinglass.Node {
	if len(f.nodes) > 0 {
		return f.nodes[0]
	}
	return only
}

// await waits until a query gives 1.
func (f *fleet) await(t *testing.T, query string) {
	t.Helper()
	for began := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		r, err := f.gateway.Query(t.Context(), query)
		if err == nil && len(r.Rows) == 1 && fmt.Sprint(r.Rows[0][0]) == "1" {
			return
		}
		if time.Since(began) > 60*time.Second {
			t.Fatalf("%s: %v, %v", query, r, err)
		}
	}
}

// driverODBC is where Debian puts the driver.
const driverODBC = "/usr/lib/*/odbc/psqlodbcw.so"

// writeODBC writes the files that name the driver and the data source spinglass.
func (f *fleet) writeODBC(t *testing.T) {
	t.Helper()
	found, _ := filepath.Glob(driverODBC)
	if len(found) == 0 {
		return
	}
	for name, content := range map[string]string{
		"odbcinst.ini": "[PostgreSQL Unicode]\nDriver=" + found[0] + "\n",
		"odbc.ini": "[spinglass]\nDriver=PostgreSQL Unicode\nServername=127.0.0.1\nPort=" + strconv.Itoa(f.port) +
			"\nDatabase=spinglass\nUsername=spinglass\nPassword=" + password + "\nSSLmode=disable\nUpdatableCursors=0\nReadOnly=0\n",
	} {
		if err := os.WriteFile(filepath.Join(f.dir, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// client returns a command of a client, with the environment by which it finds the fleet.
func (f *fleet) client(t *testing.T, program string, arguments ...string) *exec.Cmd {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, program, arguments...)
	cmd.WaitDelay = 10 * time.Second
	cmd.Env = append(os.Environ(), "ODBCSYSINI="+f.dir, "ODBCINI="+filepath.Join(f.dir, "odbc.ini"), "PGPASSWORD="+password, "PGHOST=127.0.0.1", "PGPORT="+strconv.Itoa(f.port), "PGUSER=spinglass",
		"PGDATABASE=spinglass", "PGSSLMODE=disable", "HOME="+f.dir, "LC_ALL=C.UTF-8", "PSQLRC=/dev/null", "PAGER=cat")
	return cmd
}

// output runs a command with a standard input, and returns what it prints.
func output(t *testing.T, cmd *exec.Cmd, input string) string {
	t.Helper()
	var errors bytes.Buffer
	cmd.Stdin, cmd.Stderr = strings.NewReader(input), &errors
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v\n%s%s", cmd.Args, err, out, errors.String())
	}
	return string(out)
}

// python is that of Debian, which finds Debian's modules.
const python = "/usr/bin/python3"

// need skips a test whose client is not here: a program, or a module of Python.
func need(t *testing.T, programs ...string) {
	t.Helper()
	for _, program := range programs {
		if module, ok := strings.CutPrefix(program, "import "); ok {
			if exec.Command(python, "-c", "import "+module).Run() != nil {
				t.Skipf("skipped: Python has no module %s; install the packages that doc.go names", module)
			}
			continue
		}
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("skipped: there is no %s; install the packages that doc.go names", program)
		}
	}
	if found, _ := filepath.Glob(driverODBC); len(found) == 0 && programs[0] != "psql" {
		t.Skip("skipped: there is no ODBC driver; install odbc-postgresql")
	}
}
