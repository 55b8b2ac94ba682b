//go:build !unix

package live

import "math"

// filesMax returns how many files the process may open: that is not limited here.
func filesMax() int { return math.MaxInt32 }
