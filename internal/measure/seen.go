package measure

// seenNumbers is how far behind the highest number a message may come and still be told from one that came before.
const seenNumbers = 1 << 18

// seen tells which numbers were there before, in bounded memory: those that are far behind the highest one count as seen.
type seen struct {
	words [seenNumbers / 64]uint64
	high  uint64 // one above the highest number that can be told, a multiple of 64
}

// add reports whether a number is new.
func (s *seen) add(number uint64) bool {
	for number >= s.high { // clear the word that the next 64 numbers share with those far behind
		if number-s.high >= seenNumbers {
			clear(s.words[:])
			s.high = number &^ 63
		}
		s.words[s.high/64%uint64(len(s.words))] = 0
		s.high += 64
	}
	if s.high > seenNumbers && number < s.high-seenNumbers {
		return false
	}
	word, bit := &s.words[number/64%uint64(len(s.words))], uint64(1)<<(number%64)
	if *word&bit != 0 {
		return false
	}
	*word |= bit
	return true
}
