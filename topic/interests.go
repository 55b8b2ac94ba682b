package topic

import (
	"fmt"
	"iter"
	"slices"
	"strings"
)

// InterestsMax bounds the patterns of Interests.
const InterestsMax = 1 << 16

// ErrLimit tells that there are InterestsMax patterns.
var ErrLimit = fmt.Errorf("topic: there are %d patterns already", InterestsMax)

// Interests are patterns with a value each. The zero value is empty.
type Interests[V any] struct {
	root  node[V]
	count int
}

// node is what patterns have behind some first levels.
type node[V any] struct {
	literals []literal[V] // ascending
	one      *node[V]
	end      *entry[V] // of the pattern that ends here
	rest     *entry[V] // of the pattern that has # here
}

type literal[V any] struct {
	level string
	below *node[V]
}

type entry[V any] struct {
	pattern Pattern
	value   V
}

// Set gives a pattern a value, in place of the one that it has. It fails with ErrLimit when the pattern is new and there is no room, and with ErrPattern for the zero pattern.
func (i *Interests[V]) Set(p Pattern, value V) error {
	if p.text == "" {
		return fmt.Errorf("%w: it is empty", ErrPattern)
	}
	if e := i.find(p); e != nil {
		e.value = value
		return nil
	}
	if i.count >= InterestsMax {
		return ErrLimit
	}
	i.count++
	*i.root.place(p.text) = &entry[V]{p, value}
	return nil
}

// place returns where the entry of a pattern stands, and makes what is missing on the way.
func (n *node[V]) place(text string) **entry[V] {
	for more := true; more; {
		var level string
		level, text, more = strings.Cut(text, separator)
		switch level {
		case Rest:
			return &n.rest
		case One:
			if n.one == nil {
				n.one = new(node[V])
			}
			n = n.one
		default:
			at, found := n.at(level)
			if !found {
				n.literals = slices.Insert(n.literals, at, literal[V]{level, new(node[V])})
			}
			n = n.literals[at].below
		}
	}
	return &n.end
}

func (n *node[V]) at(level string) (int, bool) {
	return slices.BinarySearchFunc(n.literals, level, func(l literal[V], level string) int { return strings.Compare(l.level, level) })
}

// below returns what patterns have behind a level, nil when there are none.
func (n *node[V]) below(level string) *node[V] {
	if at, found := n.at(level); found {
		return n.literals[at].below
	}
	return nil
}

func (i *Interests[V]) find(p Pattern) *entry[V] {
	n, text := &i.root, p.text
	for more := true; more; {
		var level string
		level, text, more = strings.Cut(text, separator)
		switch level {
		case Rest:
			return n.rest
		case One:
			n = n.one
		default:
			n = n.below(level)
		}
		if n == nil {
			return nil
		}
	}
	return n.end
}

// Get returns the value of a pattern.
func (i *Interests[V]) Get(p Pattern) (value V, ok bool) {
	if p.text == "" {
		return value, false
	}
	e := i.find(p)
	if e == nil {
		return value, false
	}
	return e.value, true
}

// Remove takes a pattern away, and reports whether it was there.
func (i *Interests[V]) Remove(p Pattern) bool {
	if _, ok := i.Get(p); !ok {
		return false
	}
	i.root.remove(p.text)
	i.count--
	return true
}

// remove takes the entry of a pattern away, with what nothing else stands behind, and reports whether the node is empty then.
func (n *node[V]) remove(text string) bool {
	level, rest, more := strings.Cut(text, separator)
	drop := func(below *node[V]) bool {
		if more {
			return below.remove(rest)
		}
		below.end = nil
		return below.empty()
	}
	switch level {
	case Rest:
		n.rest = nil
	case One:
		if drop(n.one) {
			n.one = nil
		}
	default:
		if at, _ := n.at(level); drop(n.literals[at].below) {
			n.literals = slices.Delete(n.literals, at, at+1)
		}
	}
	return n.empty()
}

func (n *node[V]) empty() bool {
	return len(n.literals) == 0 && n.one == nil && n.end == nil && n.rest == nil
}

// Len returns how many patterns there are.
func (i *Interests[V]) Len() int { return i.count }

// Lookup returns the value of the most specific pattern that matches a name, and that pattern.
func (i *Interests[V]) Lookup(name string) (value V, p Pattern, ok bool) {
	if name == "" {
		return value, p, false
	}
	e := i.root.lookup(name, name[0] == '$')
	if e == nil {
		return value, p, false
	}
	return e.value, e.pattern, true
}

// lookup returns the entry of the most specific pattern that matches levels; plain says that a wildcard does not match the first of them.
func (n *node[V]) lookup(name string, plain bool) *entry[V] {
	level, rest, more := strings.Cut(name, separator)
	for _, below := range [...]*node[V]{n.below(level), n.one} {
		if below == nil || plain && below == n.one {
			continue
		}
		if !more {
			if e := below.last(); e != nil {
				return e
			}
		} else if e := below.lookup(rest, false); e != nil {
			return e
		}
	}
	if plain {
		return nil
	}
	return n.rest
}

// last returns the entry of the most specific pattern that matches a name which ends here.
func (n *node[V]) last() *entry[V] {
	if n.end != nil {
		return n.end
	}
	return n.rest
}

// All yields the patterns and their values in the order of Pattern.Compare.
func (i *Interests[V]) All() iter.Seq2[Pattern, V] {
	return func(yield func(Pattern, V) bool) { i.root.all(yield) }
}

func (n *node[V]) all(yield func(Pattern, V) bool) bool {
	if n == nil {
		return true
	}
	if n.end != nil && !yield(n.end.pattern, n.end.value) {
		return false
	}
	for _, l := range n.literals {
		if !l.below.all(yield) {
			return false
		}
	}
	return n.one.all(yield) && (n.rest == nil || yield(n.rest.pattern, n.rest.value))
}
