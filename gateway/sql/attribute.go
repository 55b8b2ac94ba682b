package sql

import (
	"bytes"
	"database/sql/driver"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"spinglass"
)

// kindOf returns the type of a column for a value of an attribute. Lists are texts in JSON.
func kindOf(value any) *kind {
	switch value.(type) {
	case bool:
		return kindBool
	case int64:
		return kindInt
	case float64:
		return kindFloat
	case []byte, spinglass.Bitmap:
		return kindBytes
	case time.Time:
		return kindTime
	}
	return kindText
}

// widen returns the type of a column that holds values of both types.
func widen(a, b *kind) *kind {
	switch {
	case a == nil || a == b:
		return b
	case a == kindInt && b == kindFloat, a == kindFloat && b == kindInt:
		return kindFloat
	}
	return kindText
}

// cellOf returns a value of an attribute as one of SQLite, for a column of a type that holds it.
func cellOf(value any, k *kind) driver.Value {
	switch v := value.(type) {
	case nil:
		return nil
	case bool:
		if k == kindBool {
			return truth(v)
		}
	case int64:
		switch k {
		case kindInt:
			return v
		case kindFloat:
			return float64(v)
		}
	case float64:
		if k == kindFloat {
			if math.IsNaN(v) {
				return nil // SQLite has none either
			}
			return v
		}
	case []byte:
		if k == kindBytes {
			return v
		}
	case spinglass.Bitmap:
		if k == kindBytes {
			return []byte(v)
		}
	case time.Time:
		if k == kindTime {
			return v.UTC().Format(timeLayout)
		}
	}
	return textOf(value)
}

func truth(v bool) driver.Value {
	if v {
		return int64(1)
	}
	return int64(0)
}

// textOf returns a value as a text.
func textOf(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case float64:
		return strconv.FormatFloat(v, 'g', -1, 64)
	case []byte:
		return `\x` + hex.EncodeToString(v)
	case spinglass.Bitmap:
		return `\x` + hex.EncodeToString(v)
	case time.Time:
		return v.UTC().Format(timeLayout)
	case []any:
		return jsonOf(v)
	}
	return fmt.Sprint(value)
}

// jsonOf returns a value in JSON. What JSON has no form for is a text.
func jsonOf(value any) string {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(plain(value)); err != nil {
		return "null"
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// plain returns a value of the kinds that JSON knows.
func plain(value any) any {
	switch v := value.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return textOf(v)
		}
	case []byte, spinglass.Bitmap, time.Time:
		return textOf(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			list[i] = plain(v[i])
		}
		return list
	case spinglass.Attrs:
		object := make(map[string]any, len(v))
		for name := range v {
			object[name] = plain(v[name])
		}
		return object
	}
	return value
}

// hiddenAttributes are those of the system that no column shows: what zones and topics need among themselves.
var hiddenAttributes = []string{"interest", "inputs", "topics", "carries", "rows_in", "rows_expected", "age_s"}

// attributesOf returns what a row tells as the column attributes.
func attributesOf(row *spinglass.Row) spinglass.Attrs {
	shown := maps.Clone(row.Attributes)
	for _, name := range hiddenAttributes {
		delete(shown, name)
	}
	return shown
}

// vocabulary is which attributes tables have columns for, of which types. One that was seen once has a column as long as the gateway lives, so that queries do not fail when the last row that has it goes; a
// type only ever gets wider.
type vocabulary struct {
	mu      sync.Mutex
	kinds   map[string]*kind
	refused map[string]bool // there was no room for them, or a name that differs only in the size of letters
	stats   *stats
}

// learn takes the attributes of rows in.
func (v *vocabulary) learn(rows []spinglass.Row) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.kinds == nil {
		v.kinds, v.refused = map[string]*kind{}, map[string]bool{}
	}
	for i := range rows {
		for name, value := range rows[i].Attributes {
			if slices.Contains(hiddenAttributes, name) || v.refused[name] {
				continue
			}
			known := v.kinds[name]
			if known == nil && !v.room(name) {
				if len(v.refused) < ColumnsMax {
					v.refused[name] = true
				}
				v.stats.columnsRefused.Add(1)
				continue
			}
			v.kinds[name] = widen(known, kindOf(value))
		}
	}
}

// room reports whether an attribute can have a column.
func (v *vocabulary) room(name string) bool {
	if len(v.kinds) >= ColumnsMax {
		return false
	}
	for other := range v.kinds {
		if strings.EqualFold(other, name) {
			return false
		}
	}
	return true
}

// columns returns the columns for attributes, by name, without those whose names others have.
func (v *vocabulary) columns(taken []column, what string) (columns []column) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(v.kinds)) {
		if slices.ContainsFunc(taken, func(c column) bool { return strings.EqualFold(c.name, name) }) {
			continue
		}
		columns = append(columns, column{name: name, kind: v.kinds[name], description: describe(name, what)})
	}
	return columns
}

// described are the attributes of which more is known than their names.
var described = map[string]string{
	"load": "processes that run or wait to, on average over the last minute", "cpus": "processors that the agent may use", "memory_bytes": "memory of the machine",
	"memory_used_bytes": "how much of it is not available to programs", "disk_free_bytes": "free space in the file system of the data directory",
	"uptime_s": "seconds since the machine was started", "version": "of the program", "os": "operating system", "arch": "architecture of the processor",
	"nmembers": "hosts in the zone", "depth": "levels of tables below, with its own", "contacts": "members that gossip for the zone",
}

func describe(name, what string) string {
	if text, ok := described[name]; ok {
		return text
	}
	return "attribute " + name + " of " + what
}
