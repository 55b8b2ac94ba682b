package sql

import (
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// PasswordFile is the file in a data directory that has the password of clients, on its first line.
const PasswordFile = "sql.password"

// passwordMax bounds a password, in bytes.
const passwordMax = 1024

// Password returns the password that the file in a data directory has. Without one it makes one up, and writes it there for the owner only. A file that others can read is refused.
func Password(dataDir string) (string, error) {
	path := filepath.Join(dataDir, PasswordFile)
	password, err := readPassword(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return password, err
	}
	password = rand.Text()
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return "", fmt.Errorf("password of SQL clients: %w", err)
	}
	_, err = file.WriteString(password + "\n")
	if err = errors.Join(err, file.Close()); err != nil {
		return "", fmt.Errorf("password of SQL clients: %w", err)
	}
	return password, nil
}

func readPassword(path string) (string, error) {
	info, err := os.Stat(path)
	if err != nil {
		return "", fmt.Errorf("password of SQL clients: %w", err)
	}
	if info.Mode().Perm()&0o077 != 0 && filepath.Separator == '/' {
		return "", fmt.Errorf("password of SQL clients: %s can be read by others (mode %04o): chmod 600 it, and change it", path, info.Mode().Perm())
	}
	if info.Size() > passwordMax {
		return "", fmt.Errorf("password of SQL clients: %s has %d bytes, and the limit is %d", path, info.Size(), passwordMax)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		return "", fmt.Errorf("password of SQL clients: %w", err)
	}
	password, _, _ := strings.Cut(string(content), "\n")
	if password = strings.TrimSuffix(password, "\r"); password == "" {
		return "", fmt.Errorf("password of SQL clients: the first line of %s is empty", path)
	}
	return password, nil
}

// verifier knows whether a client knows the password, by SCRAM-SHA-256 (RFC 5802, RFC 7677): the password itself never goes over the connection.
type verifier struct {
	salt                 []byte
	storedKey, serverKey []byte
}

const (
	scramMechanism = "SCRAM-SHA-256"
	scramRounds    = 4096
)

func newVerifier(password string) (*verifier, error) {
	v := &verifier{salt: make([]byte, 16)}
	rand.Read(v.salt) // never fails
	salted, err := pbkdf2.Key(sha256.New, password, v.salt, scramRounds, sha256.Size)
	if err != nil {
		return nil, err
	}
	stored := sha256.Sum256(keyed(salted, "Client Key"))
	v.storedKey, v.serverKey = stored[:], keyed(salted, "Server Key")
	return v, nil
}

func keyed(key []byte, message string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(message))
	return h.Sum(nil)
}

// exchange is one client's proof.
type exchange struct {
	verifier *verifier
	bare     string // the client's first message without its header
	first    string // the server's first message
	nonce    string
	header   string // of the client's first message
}

var errProof = errors.New("the proof of the password is malformed")

// start takes the client's first message, and returns the server's.
func (e *exchange) start(message string) (string, error) {
	header, bare, ok := cutHeader(message)
	if !ok {
		return "", errProof
	}
	e.header, e.bare = header, bare
	fields := strings.Split(bare, ",")
	if len(fields) < 2 || !strings.HasPrefix(fields[0], "n=") || !strings.HasPrefix(fields[1], "r=") || len(fields[1]) < 10 {
		return "", errProof
	}
	e.nonce = fields[1][2:] + rand.Text()
	e.first = fmt.Sprintf("r=%s,s=%s,i=%d", e.nonce, base64.StdEncoding.EncodeToString(e.verifier.salt), scramRounds)
	return e.first, nil
}

// cutHeader splits off what says that the client binds to no channel.
func cutHeader(message string) (header, bare string, ok bool) {
	for _, prefix := range []string{"n,", "y,"} {
		if rest, found := strings.CutPrefix(message, prefix); found {
			authorized, bare, found := strings.Cut(rest, ",")
			return prefix + authorized + ",", bare, found && authorized == ""
		}
	}
	return "", "", false
}

// finish takes the client's proof, and returns that of the server; false says that the password is wrong.
func (e *exchange) finish(message string) (string, bool, error) {
	without, proof64, found := strings.Cut(message, ",p=")
	if !found || without != "c="+base64.StdEncoding.EncodeToString([]byte(e.header))+",r="+e.nonce {
		return "", false, errProof
	}
	proof, err := base64.StdEncoding.DecodeString(proof64)
	if err != nil || len(proof) != sha256.Size {
		return "", false, errProof
	}
	all := e.bare + "," + e.first + "," + without
	signature := keyed(e.verifier.storedKey, all)
	for i := range proof {
		proof[i] ^= signature[i]
	}
	stored := sha256.Sum256(proof)
	if subtle.ConstantTimeCompare(stored[:], e.verifier.storedKey) != 1 {
		return "", false, nil
	}
	return "v=" + base64.StdEncoding.EncodeToString(keyed(e.verifier.serverKey, all)), true, nil
}
