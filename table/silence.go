package table

// silence is the order of entries by when they last advanced, longest ago first. An entry that advances goes to the end, so that
// the order costs nothing to keep.
type silence[S any] struct {
	first, last *Entry[S]
}

func (l *silence[S]) append(e *Entry[S]) {
	e.longer, e.shorter, e.watched = l.last, nil, true
	if l.last == nil {
		l.first = e
	} else {
		l.last.shorter = e
	}
	l.last = e
}

func (l *silence[S]) remove(e *Entry[S]) {
	if e.longer == nil {
		l.first = e.shorter
	} else {
		e.longer.shorter = e.shorter
	}
	if e.shorter == nil {
		l.last = e.longer
	} else {
		e.shorter.longer = e.longer
	}
	e.longer, e.shorter, e.watched = nil, nil, false
}
