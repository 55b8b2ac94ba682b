package afc

import (
	"fmt"
	"testing"
	"time"

	"spinglass/table"
)

// row makes a Row of names and values by turns.
func row(id string, pairs ...any) *Row {
	var attributes []Attribute
	for i := 0; i < len(pairs); i += 2 {
		attributes = append(attributes, Attribute{Name: pairs[i].(string), Value: tableValue(pairs[i+1])})
	}
	return NewRow(id, attributes, nil)
}

// bitmap and blob are how tests write values of KindBitmap and KindBytes.
type (
	bitmap []byte
	blob   []byte
)

// tableValue makes a value of what Go has for it; nil is NULL, and a slice of any is a list.
func tableValue(v any) table.Value {
	switch v := v.(type) {
	case table.Value:
		return v
	case nil:
		return table.Value{}
	case bool:
		return table.Bool(v)
	case int:
		return table.Int(int64(v))
	case int64:
		return table.Int(v)
	case float64:
		return table.Float(v)
	case string:
		return table.String(v)
	case time.Time:
		return table.Time(v)
	case bitmap:
		return table.Bitmap(v)
	case blob:
		return table.Bytes(v)
	case []any:
		var elements []table.Value
		for _, element := range v {
			elements = append(elements, tableValue(element))
		}
		return table.List(elements...)
	}
	panic(fmt.Sprintf("no value for %T", v))
}

// evaluate compiles and evaluates a program over rows.
func evaluate(t *testing.T, text string, rows ...*Row) []table.Value {
	t.Helper()
	p, err := Compile(text, Limits{})
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	out, err := NewEvaluator(p).Evaluate(rows, 1, nil)
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return out
}

// describe writes a value with its kind.
func describe(v table.Value) string {
	if v.Kind() == table.KindNone {
		return "NULL"
	}
	return fmt.Sprintf("%s (kind %d)", v, v.Kind())
}
