package afc

// fold is what LOWER or UPPER made of one string, so that a string that has not changed is not made again.
type fold struct{ from, to string }

// foldCase gives a string with its ASCII letters in lower or upper case. Other letters stay: which there are depends on the version of
// Unicode, and members of different builds must agree.
func foldCase(e *Evaluator, slot, row int, v value, first byte) value {
	if !v.isString() {
		return value{}
	}
	known := &e.folds[slot][row+1] // row -1 is an output
	if known.from != v.text {
		*known = fold{from: v.text, to: foldString(v.text, first)}
	}
	return text(known.to)
}

// foldString changes the case of the 26 letters from first on.
func foldString(s string, first byte) string {
	for i := range len(s) {
		if s[i]-first < 26 {
			b := []byte(s)
			for ; i < len(b); i++ {
				if b[i]-first < 26 {
					b[i] ^= 0x20
				}
			}
			return string(b)
		}
	}
	return s
}
