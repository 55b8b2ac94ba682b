package identity

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
	"time"

	"spinglass/protocol"
)

const (
	day  = 24 * time.Hour
	noon = Instant(1_700_000_000)
)

// entropy returns bytes that follow from seed.
func entropy(seed uint64) *rand.ChaCha8 {
	var b [32]byte
	binary.BigEndian.PutUint64(b[:], seed)
	return rand.NewChaCha8(b)
}

func newKey(seed uint64) PrivateKey {
	key, err := GenerateKey(entropy(seed))
	if err != nil {
		panic(err)
	}
	return key
}

func must[T any](t testing.TB) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

const someNode = protocol.NodeID(9)
