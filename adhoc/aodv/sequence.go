package aodv

// newer reports whether sequence number a is fresher than b. The numbers are subtracted as unsigned and the result is taken as signed, so that the number that
// follows the greatest is newer than it.
func newer(a, b uint32) bool { return int32(a-b) > 0 }

// Newer reports whether a is fresher than b, with rollover.
func Newer(a, b uint32) bool { return newer(a, b) }

// later returns the fresher of two numbers.
func later(a, b uint32) uint32 {
	if newer(a, b) {
		return a
	}
	return b
}
