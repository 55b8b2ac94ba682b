package hosts_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
)

// roleVariable makes this test binary a process of the controls: a receiver without the defence that a test is about.
const roleVariable = "SPINGLASS_HOSTS_ROLE"

// roles are what it can be.
var roles = map[string]func() error{}

// folder is where the binary that is tested is kept while tests run.
var folder string

func TestMain(m *testing.M) { os.Exit(runAll(m)) }

func runAll(m *testing.M) int {
	if name := os.Getenv(roleVariable); name != "" {
		if err := roles[name](); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return 0
	}
	var err error
	if folder, err = os.MkdirTemp("", "spinglass-hosts-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(folder)
	return m.Run()
}

// built makes the binary that is tested.
var built = sync.OnceValues(func() (string, error) {
	binary := filepath.Join(folder, "spinglass")
	command := exec.Command("go", "build", "-o", binary, "./cmd/spinglass")
	command.Dir = "../.."
	if out, err := command.CombinedOutput(); err != nil {
		return "", fmt.Errorf("go build: %w\n%s", err, out)
	}
	return binary, nil
})

// build returns the binary that is tested.
func build(t *testing.T) string {
	t.Helper()
	binary, err := built()
	if err != nil {
		t.Fatal(err)
	}
	return binary
}
