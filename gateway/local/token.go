package local

import (
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
)

const bearer = "Bearer "

// createToken writes a new token into the data directory and returns it. Each start of an agent has its own.
func createToken(dataDir string) (string, error) {
	token := rand.Text()
	file, err := os.CreateTemp(dataDir, TokenFile+".*") // mode 0600
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	defer os.Remove(file.Name())
	_, err = file.WriteString(token + "\n")
	if err = errors.Join(err, file.Close()); err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	if err := os.Rename(file.Name(), filepath.Join(dataDir, TokenFile)); err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	return token, nil
}

// readToken returns the token that the agent of a data directory wrote.
func readToken(dataDir string) (string, error) {
	text, err := os.ReadFile(filepath.Join(dataDir, TokenFile))
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("no token in %s; give the agent's data directory with --data-dir", dataDir)
	}
	if err != nil {
		return "", fmt.Errorf("token: %w", err)
	}
	return strings.TrimSpace(string(text)), nil
}

// authorized reports whether a request carries the token.
func authorized(r *http.Request, token string) bool {
	given, ok := strings.CutPrefix(r.Header.Get("Authorization"), bearer)
	return ok && subtle.ConstantTimeCompare([]byte(given), []byte(token)) == 1
}
