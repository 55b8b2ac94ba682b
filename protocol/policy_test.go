package protocol_test

import (
	"errors"
	"fmt"
	"go/ast"
	"go/build"
	"go/importer"
	"go/parser"
	"go/token"
	"go/types"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const modulePath = "spinglass"

// layers says which packages of this module each package may import. A package that is not named here may import what it likes,
// except for what forbidden says.
var layers = map[string][]string{
	"protocol":        {},
	"topic":           {"protocol"},
	"wire":            {"protocol"},
	"identity":        {"protocol", "wire"},
	"gravity":         {"protocol"},
	"seal":            {"protocol", "wire"},
	"table":           {"protocol", "wire"},
	"astrolabe/afc":   {"protocol", "wire", "table"},
	"membership":      {"protocol", "topic", "wire", "table", "identity"},
	"bimodal":         {"protocol", "wire", "identity", "gravity"},
	"astrolabe":       {"protocol", "wire", "table", "identity", "gravity", "membership", "astrolabe/afc"},
	"directory":       {"protocol", "wire", "topic"},
	"vsync":           {"protocol", "wire", "bimodal"},
	"vsync/replica":   {"protocol", "vsync"},
	"stack":           {"protocol", "topic", "wire", "table", "membership", "bimodal", "vsync", "astrolabe", "directory", "identity", "gravity"},
	"adhoc":           {"protocol"},
	"adhoc/aodv":      {"protocol", "wire", "adhoc"},
	"adhoc/maodv":     {"protocol", "wire", "adhoc", "adhoc/aodv"},
	"adhoc/anonymous": {"protocol", "wire", "adhoc", "identity"},
	"sim":             {"protocol", "wire"},
	"relay":           {"protocol", "wire"},
	"live":            {"protocol", "wire", "identity", "seal", "relay", "internal/keytls"},
	"enrolment":       {"protocol", "wire", "identity", "internal/keytls"},
	"lab/drum":        {},
	"lab/figure":      {},
	"lab/astrolabe":   {"protocol", "table", "membership", "astrolabe", "stack", "sim", "wire"},
	"lab/colluders":   {"protocol", "wire", "bimodal", "sim", "identity"},
	"lab/markov":      {},
	"lab/topics":      {"protocol", "gravity", "bimodal", "sim", "lab/compare"},
	"lab/load":        {"protocol", "bimodal", "sim", "identity"},
	"lab/stream":      {"protocol"},
	"lab/srm":         {"protocol", "wire", "lab/stream"},
	"lab/rmtp":        {"protocol", "wire", "lab/stream"},
	"lab/fec":         {"protocol", "wire", "lab/stream"},
	"lab/compare":     {"protocol", "wire", "bimodal", "sim", "lab/stream", "lab/srm", "lab/rmtp", "lab/fec", "lab/traditional"},
	"lab/links":       {"protocol", "wire", "sim", "lab/compare"},
	"lab/buffers":     {"protocol", "lab/compare", "lab/throughput"},
	"lab/storms":      {"protocol", "sim", "lab/compare", "lab/throughput"},
	"lab/overhead":    {"protocol", "lab/compare"},
	"lab/deadlines":   {"protocol", "sim", "lab/compare"},
	"lab/plan":        {"protocol", "wire", "membership", "bimodal", "sim", "lab/markov"},
	"":                {"protocol", "topic", "directory", "wire", "gravity", "table", "membership", "bimodal", "vsync", "vsync/replica", "astrolabe", "astrolabe/afc", "stack", "live", "identity"},
	"gateway/sql":     {"", "protocol", "identity"},
	"live/adhoc":      {"protocol", "wire", "adhoc"},
	"cmd/spinglass": {"", "adhoc", "adhoc/aodv", "adhoc/maodv", "adhoc/anonymous", "live/adhoc", "protocol", "topic", "wire", "gateway/local", "gateway/sql", "identity", "enrolment", "astrolabe/afc", "bimodal", "lab/astrolabe", "lab/figure",
		"vsync", "lab/compare", "lab/manet", "lab/load", "lab/topics", "lab/plan", "lab/convoys", "lab/micropartitions", "lab/throughput", "lab/storms", "lab/overhead", "lab/deadlines", "lab/links", "lab/buffers", "lab/detection", "lab/ratings", "lab/views"},

	"lab/traditional":     {"protocol", "wire"},
	"adhoc/flood":         {"protocol", "wire", "adhoc"},
	"lab/manet":           {"protocol", "wire", "adhoc", "adhoc/flood", "adhoc/aodv", "adhoc/maodv", "adhoc/anonymous", "identity", "sim", "lab/compare"},
	"lab/hierarchical":    {"protocol", "wire", "lab/traditional"},
	"lab/throughput":      {"protocol", "wire", "bimodal", "vsync", "sim", "lab/traditional"},
	"lab/convoys":         {"protocol", "wire", "bimodal", "sim", "lab/traditional", "lab/hierarchical"},
	"lab/gravitational":   {"protocol", "wire", "lab/stream"},
	"lab/ratings":         {"protocol", "gravity", "bimodal", "sim", "lab/stream", "lab/compare", "lab/gravitational"},
	"lab/micropartitions": {"protocol", "membership", "sim", "lab/traditional"},
	"lab/views":           {"protocol", "wire", "membership", "bimodal", "vsync", "astrolabe", "stack", "sim", "lab/traditional", "lab/compare"},
	"lab/detection":       {"protocol", "membership", "sim", "lab/traditional", "lab/compare"},

	"examples/powergrid/frequency": {},
}

// core packages are pure: the standard library only, without what pureForbidden lists, and without the constructs that impure finds.
var core = []string{"protocol", "topic", "wire", "identity", "gravity", "seal", "table", "astrolabe/afc", "membership", "bimodal", "vsync", "vsync/replica", "astrolabe", "directory", "stack", "adhoc", "adhoc/aodv", "adhoc/maodv", "adhoc/anonymous", "lab/traditional", "lab/hierarchical",
	"lab/gravitational", "examples/powergrid/frequency", "adhoc/flood"}

// pureForbidden are the parts of the standard library that do I/O, know the clock or the scheduler, or hide state.
var pureForbidden = []string{
	"context", "crypto/rand", "io/fs", "io/ioutil", "log", "log/slog", "math/rand", "net", "os", "plugin", "runtime", "sync", "syscall", "testing", "unsafe",
}

// pureTime are the parts of package time that read the clock or wait.
var pureTime = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTimer", "NewTicker"}

// TestLayers holds the import policy: a package imports only what stands below it in docs/ARCHITECTURE.md.
func TestLayers(t *testing.T) {
	for _, dir := range packageDirectories(t) {
		allowed, restricted := layers[dir]
		for _, path := range imports(t, dir) {
			inside, ok := strings.CutPrefix(path+"/", modulePath+"/")
			inside = strings.TrimSuffix(inside, "/")
			switch {
			case !ok && slices.Contains(core, dir) && !standard(path):
				t.Errorf("%s imports %s: the core uses the standard library only", dir, path)
			case ok && restricted && !slices.Contains(allowed, inside) && !strings.HasPrefix(inside, dir+"/internal/"):
				t.Errorf("%s imports %s, which does not stand below it", dir, path)
			case ok && inside == "sim" && slices.Contains([]string{"live", "gateway/local"}, dir),
				ok && inside == "live" && strings.HasPrefix(dir, "lab"):
				t.Errorf("%s imports %s: the two worlds stay apart", dir, path)
			}
		}
	}
}

// heavy are modules that who imports only the root package does not have to compile: SQL, plots and commands.
var heavy = []string{"modernc.org/", "github.com/jeroenrinzema/", "github.com/jackc/", "gonum.org/", "github.com/spf13/"}

// TestRootIsLight holds that the library brings no SQL, plots and commands along, and that the search would find them.
func TestRootIsLight(t *testing.T) {
	if found := heavyImports(t, ""); len(found) > 0 {
		t.Errorf("the root package imports %v", found)
	}
	if found := heavyImports(t, "cmd/spinglass"); len(found) < 3 {
		t.Errorf("of what the commands import only %v was found", found)
	}
}

// heavyImports returns what a package imports of heavy, by itself or through packages of this module.
func heavyImports(t *testing.T, dir string) (found []string) {
	seen, waiting := map[string]bool{dir: true}, []string{dir}
	for len(waiting) > 0 {
		dir, waiting = waiting[0], waiting[1:]
		for _, path := range imports(t, dir) {
			if slices.ContainsFunc(heavy, func(prefix string) bool { return strings.HasPrefix(path, prefix) }) {
				found = append(found, path)
			}
			inside, ok := strings.CutPrefix(path, modulePath+"/")
			if path == modulePath {
				inside, ok = "", true
			}
			if ok && !seen[inside] {
				seen[inside] = true
				waiting = append(waiting, inside)
			}
		}
	}
	return found
}

// TestCoreIsPure holds the purity rules of the contract for the shipped code of the core.
func TestCoreIsPure(t *testing.T) {
	check := newChecker()
	for _, dir := range core {
		if _, err := os.Stat(filepath.Join("..", dir)); errors.Is(err, fs.ErrNotExist) {
			t.Errorf("core package %s does not exist", dir)
			continue
		}
		for _, path := range imports(t, dir) {
			if slices.ContainsFunc(pureForbidden, func(f string) bool { return path == f || strings.HasPrefix(path, f+"/") }) &&
				path != "math/rand/v2" && path != "net/netip" {
				t.Errorf("%s imports %s", dir, path)
			}
		}
		for _, finding := range check.impure(t, dir) {
			t.Error(finding)
		}
	}
}

// TestPurityCheckBites shows that the checker finds each construct that it is there for.
func TestPurityCheckBites(t *testing.T) {
	for construct, body := range map[string]string{
		"goroutine":      `go f()`,
		"channel type":   `var c chan int; _ = c`,
		"select":         `select {}`,
		"send":           `var c chan int; c <- 1`,
		"clock":          `_ = time.Now()`,
		"range over map": `for range map[int]int{} {}`,
		"shared rand":    `_ = rand.Int()`,
	} {
		source := "package p\nimport (\"time\"; \"math/rand/v2\")\nvar _ = time.Second\nvar _ *rand.Rand\nfunc f() {" + body + "}\n"
		check := newChecker()
		file, err := parser.ParseFile(check.fset, "p.go", source, 0)
		if err != nil {
			t.Fatal(err)
		}
		findings := check.inspect(t, "p", []*ast.File{file})
		if !slices.ContainsFunc(findings, func(f string) bool { return strings.Contains(f, construct) }) {
			t.Errorf("%s was not found in %q; findings: %v", construct, body, findings)
		}
	}
}

// packageDirectories returns every folder of the module that holds Go files, relative to its root.
func packageDirectories(t *testing.T) []string {
	var dirs []string
	err := filepath.WalkDir("..", func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			name := entry.Name()
			if path != ".." && (strings.HasPrefix(name, ".") || name == "testdata" || name == "docs") {
				return fs.SkipDir
			}
			if _, err := os.Stat(filepath.Join(path, "go.mod")); err == nil && path != ".." {
				return fs.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			dir, err := filepath.Rel("..", filepath.Dir(path))
			if err != nil {
				return err
			}
			if dir = strings.TrimPrefix(filepath.ToSlash(dir), "."); !slices.Contains(dirs, dir) {
				dirs = append(dirs, dir)
			}
		}
		return nil
	})
	if err != nil || len(dirs) < len(core) {
		t.Fatalf("walking the module: %v, %d packages", err, len(dirs))
	}
	return dirs
}

// imports returns what the shipped files of a package import, whatever the platform they are for.
func imports(t *testing.T, dir string) []string {
	var paths []string
	for _, file := range parse(t, token.NewFileSet(), dir, parser.ImportsOnly, true) {
		for _, spec := range file.Imports {
			paths = append(paths, strings.Trim(spec.Path.Value, `"`))
		}
	}
	slices.Sort(paths)
	return slices.Compact(paths)
}

func parse(t *testing.T, fset *token.FileSet, dir string, mode parser.Mode, all bool) []*ast.File {
	names, err := filepath.Glob(filepath.Join("..", dir, "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	var files []*ast.File
	for _, name := range names {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		if ok, err := build.Default.MatchFile(filepath.Dir(name), filepath.Base(name)); err != nil || !ok && !all {
			continue
		}
		file, err := parser.ParseFile(fset, name, nil, mode|parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
	}
	return files
}

func standard(path string) bool {
	first, _, _ := strings.Cut(path, "/")
	return !strings.Contains(first, ".")
}

// checker type-checks packages of this module from source, each once.
type checker struct {
	fset     *token.FileSet
	library  types.Importer
	packages map[string]*types.Package
}

func newChecker() *checker {
	fset := token.NewFileSet()
	return &checker{fset: fset, library: importer.ForCompiler(fset, "source", nil), packages: map[string]*types.Package{}}
}

// importing makes a checker an importer on behalf of one test.
type importing struct {
	*checker
	t *testing.T
}

// Import implements types.Importer.
func (c importing) Import(path string) (*types.Package, error) {
	dir, ok := strings.CutPrefix(path, modulePath+"/")
	if !ok {
		return c.library.Import(path)
	}
	if p := c.packages[path]; p != nil {
		return p, nil
	}
	config := types.Config{Importer: c}
	p, err := config.Check(path, c.fset, parse(c.t, c.fset, dir, 0, false), nil)
	c.packages[path] = p
	return p, err
}

// impure returns what the shipped files of a package do that the contract forbids.
func (c *checker) impure(t *testing.T, dir string) []string {
	return c.inspect(t, modulePath+"/"+dir, parse(t, c.fset, dir, 0, false))
}

func (c *checker) inspect(t *testing.T, path string, files []*ast.File) []string {
	info := types.Info{Types: map[ast.Expr]types.TypeAndValue{}, Uses: map[*ast.Ident]types.Object{}}
	config := types.Config{Importer: importing{c, t}}
	if _, err := config.Check(path, c.fset, files, &info); err != nil {
		t.Fatalf("type-checking %s: %v", path, err)
	}
	var findings []string
	for _, file := range files {
		ast.Inspect(file, func(n ast.Node) bool {
			if what := forbidden(n, &info); what != "" {
				findings = append(findings, fmt.Sprintf("%s: %s", c.fset.Position(n.Pos()), what))
			}
			return true
		})
	}
	return findings
}

// forbidden names the construct that n is, if the core may not use it.
func forbidden(n ast.Node, info *types.Info) string {
	switch n := n.(type) {
	case *ast.GoStmt:
		return "goroutine"
	case *ast.ChanType:
		return "channel type"
	case *ast.SelectStmt:
		return "select"
	case *ast.SendStmt:
		return "send"
	case *ast.RangeStmt:
		if _, ok := info.Types[n.X].Type.Underlying().(*types.Map); ok {
			return "range over map"
		}
	case *ast.Ident:
		f, ok := info.Uses[n].(*types.Func)
		if !ok || f.Pkg() == nil || f.Signature().Recv() != nil {
			return ""
		}
		switch f.Pkg().Path() {
		case "time":
			if slices.Contains(pureTime, f.Name()) {
				return "clock: time." + f.Name()
			}
		case "math/rand/v2":
			if !strings.HasPrefix(f.Name(), "New") {
				return "shared rand: rand." + f.Name()
			}
		case "maps":
			if f.Name() == "Keys" || f.Name() == "Values" || f.Name() == "All" {
				return "range over map: maps." + f.Name()
			}
		}
	}
	return ""
}
