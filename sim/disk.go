package sim

import (
	"iter"
	"slices"
	"strings"
)

// Disk holds what a host has persisted. A machine only reads it, when it is built.
type Disk struct{ values []diskValue }

type diskValue struct {
	key   string
	value []byte
}

// Get returns the value under key, which must not be changed, and whether there is one.
func (d *Disk) Get(key string) ([]byte, bool) {
	if i, found := d.search(key); found {
		return d.values[i].value, true
	}
	return nil, false
}

// All yields keys and values in the order of the keys.
func (d *Disk) All() iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		for _, v := range d.values {
			if !yield(v.key, v.value) {
				return
			}
		}
	}
}

// Len returns the number of keys.
func (d *Disk) Len() int { return len(d.values) }

func (d *Disk) put(key string, value []byte) {
	value = slices.Clone(value)
	i, found := d.search(key)
	if found {
		d.values[i].value = value
		return
	}
	d.values = slices.Insert(d.values, i, diskValue{key: key, value: value})
}

func (d *Disk) search(key string) (int, bool) {
	return slices.BinarySearchFunc(d.values, key, func(v diskValue, key string) int { return strings.Compare(v.key, key) })
}
