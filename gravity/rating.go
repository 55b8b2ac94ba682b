package gravity

import (
	"errors"
	"fmt"
	"strconv"
)

// Rating is the fraction of a topic's packets that a member wants, in parts of [All]. Zero wants nothing.
type Rating uint16

// All is the rating of who wants every packet.
const All Rating = 1<<16 - 1

// ErrRating says that a number is no rating.
var ErrRating = errors.New("gravity: a rating is above 0 and at most 1")

// NewRating returns the rating that is nearest to a fraction, which is above 0 and at most 1; and the least one for what is less than that. Errors: ErrRating.
func NewRating(fraction float64) (Rating, error) {
	if !(fraction > 0 && fraction <= 1) {
		return 0, fmt.Errorf("%w: %v", ErrRating, fraction)
	}
	return max(1, Rating(fraction*float64(All)+0.5)), nil
}

// Fraction returns the rating as a number from 0 to 1.
func (r Rating) Fraction() float64 { return float64(r) / float64(All) }

// String returns the fraction in up to five digits.
func (r Rating) String() string { return strconv.FormatFloat(r.Fraction(), 'g', 5, 64) }

// Wants reports whether a member of this rating wants a packet of a height.
func (r Rating) Wants(h Height) bool { return r == All || uint64(h)>>48 < uint64(r) }
