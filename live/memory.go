package live

import (
	"strings"
	"unsafe"
)

// unclearedBytes returns size bytes of any content, to be read into. What make returns is cleared before, which costs the processor as much as
// to copy the same bytes, at the rates that a socket reaches. A strings.Builder is the one way to memory that is not, and unsafe the one
// way to write to it: nothing else refers to it, and its string is forgotten here.
func unclearedBytes(size int) []byte {
	var b strings.Builder
	b.Grow(size)
	b.WriteByte(0) // so that there is a string to take the address of
	return unsafe.Slice(unsafe.StringData(b.String()), size)
}
