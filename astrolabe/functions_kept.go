package astrolabe

import (
	"bytes"
	"crypto/sha256"
	"errors"

	"spinglass/protocol"
	"spinglass/wire"
)

// Functions outlive a fleet whose members all end: each keeps those that it holds. When it starts again they are looked at as if they came from others, and spread to who has none.

// FunctionsKey is the key under which a member with Config.Durable keeps its functions.
const FunctionsKey = "functions"

// Bounds of what is kept.
const (
	FunctionsKeptSizeMax  = 1 << 20 // bytes; the last functions, by name, go without where that is not enough
	functionsKeptMax      = FunctionsKeptSizeMax / 8
	keptOverhead          = 1 + 10 + functionsKeptChecksum
	functionsKeptVersion  = 1
	functionsKeptChecksum = 8
	keptPause             = 4   // rounds between two times that they are kept
	keptRetry             = 120 // rounds after which it is tried again when it has failed
)

// ErrFunctionsKept says that functions that were kept cannot be read.
var ErrFunctionsKept = errors.New("they are damaged, or of another version of the program")

// functionsKept is how far the functions are kept.
type functionsKept struct {
	changes uint64 // of the set that was kept last
	next    uint64 // round before which nothing is kept
	writing bool
}

// appendKept appends the form in which functions are kept. It reports how many there is no room for.
func appendKept(b []byte, all []*held) (kept []byte, left int) {
	size, count := 0, 0
	for _, h := range all {
		if size += wire.BytesSize(len(h.encoding)); size > FunctionsKeptSizeMax-keptOverhead {
			break
		}
		count++
	}
	b = wire.AppendUvarint(append(b, functionsKeptVersion), uint64(count))
	for _, h := range all[:count] {
		b = wire.AppendBytes(b, h.encoding)
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:functionsKeptChecksum]...), len(all) - count
}

// DecodeFunctions reads what was kept under FunctionsKey. Nothing in it is verified. The error is an ErrFunctionsKept.
func DecodeFunctions(b []byte) ([]*Function, error) {
	content := len(b) - functionsKeptChecksum
	if content < 1 || len(b) > FunctionsKeptSizeMax || b[0] != functionsKeptVersion {
		return nil, ErrFunctionsKept
	}
	if sum := sha256.Sum256(b[:content]); !bytes.Equal(sum[:functionsKeptChecksum], b[content:]) {
		return nil, ErrFunctionsKept
	}
	r := wire.NewReader(b[1:content])
	var all []*Function
	for range r.Count(functionsKeptMax, 1) {
		f, err := DecodeFunction(r.Bytes(FunctionSizeMax))
		if err != nil {
			return nil, errors.Join(ErrFunctionsKept, err)
		}
		all = append(all, f)
	}
	if r.Done() != nil {
		return nil, ErrFunctionsKept
	}
	return all, nil
}

// Restore takes in a function that was kept, as if it came from another member. It is for the time before Start. Errors: those of Install.
func (m *Machine) Restore(now protocol.Time, f *Function) error {
	h, err := m.inspect(now, f, 1)
	if err != nil {
		return err
	}
	return m.hold(h)
}

// keepFunctions keeps the functions that are here, if they are others than before.
func (m *Machine) keepFunctions(out *protocol.Output) {
	k := &m.functions.kept
	if !m.config.Durable || k.writing || k.changes == m.functions.changes || m.stats.Rounds < k.next {
		return
	}
	value, left := appendKept(nil, m.functions.all)
	m.stats.FunctionsUnkept += uint64(left)
	k.writing, k.changes, k.next = true, m.functions.changes, m.stats.Rounds+keptPause
	out.Do(&protocol.Persist{Key: FunctionsKey, Value: value})
}

// persisted takes note that functions are kept, or are not.
func (m *Machine) persisted(e protocol.Persisted) {
	k := &m.functions.kept
	if k.writing = false; e.Err != nil {
		m.stats.FunctionsKeepFailed++
		k.changes, k.next = 0, m.stats.Rounds+keptRetry
	}
}
