package seal

// The window is a ring of words of bits. One word is always being given up, so that the window slides by whole words (RFC 6479).
const (
	windowWords = 128
	wordBits    = 64

	// WindowSize is how many counters below the greatest are told apart.
	WindowSize = (windowWords - 1) * wordBits
)

// window knows which counters it was given. The zero window knows none.
type window struct {
	greatest uint64 // 1 more than the greatest counter, 0 before the first
	bits     [windowWords]uint64
}

// has reports whether counter was given, or is too far below the greatest to tell.
func (w *window) has(counter uint64) bool {
	if counter >= w.greatest {
		return false
	}
	if w.greatest-1-counter >= WindowSize {
		return true
	}
	return w.bits[counter/wordBits%windowWords]>>(counter%wordBits)&1 != 0
}

// add notes a counter that the window does not have.
func (w *window) add(counter uint64) {
	if counter >= w.greatest {
		word := counter / wordBits
		if w.greatest > 0 {
			// The words between the old greatest and the new one are of counters never seen.
			last := (w.greatest - 1) / wordBits
			for i := range min(word-last, windowWords) {
				w.bits[(word-i)%windowWords] = 0
			}
		}
		w.greatest = counter + 1
	}
	w.bits[counter/wordBits%windowWords] |= 1 << (counter % wordBits)
}
