package adhoc

import (
	"time"

	"spinglass/protocol"
)

// Rate bounds how often something happens in a second. A second begins with what happens first after the one before. The zero value is ready for use.
type Rate struct {
	until protocol.Time // end of the second that has begun; 0 before the first one
	count int           // in it
}

// Take reports whether there may be count more, of at most most in a second, and when there may be if not.
func (r *Rate) Take(now protocol.Time, count, most int) (ok bool, at protocol.Time) {
	if now >= r.until {
		r.until, r.count = now.Add(time.Second), 0
	}
	if r.count+count > most {
		return false, r.until
	}
	r.count += count
	return true, now
}
