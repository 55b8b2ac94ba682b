package live

import "testing"

// The memory is as long as asked for, and its own: what is written to one piece is in no other.
func TestUnclearedBytesAreApart(t *testing.T) {
	var pieces [][]byte
	for i := range 64 {
		piece := unclearedBytes(readChunk)
		if len(piece) != readChunk {
			t.Fatalf("%d bytes, want %d", len(piece), readChunk)
		}
		for at := 0; at < len(piece); at += 512 {
			piece[at] = byte(i)
		}
		pieces = append(pieces, piece)
	}
	for i, piece := range pieces {
		for at := 0; at < len(piece); at += 512 {
			if piece[at] != byte(i) {
				t.Fatalf("byte %d of piece %d is %d", at, i, piece[at])
			}
		}
	}
}
