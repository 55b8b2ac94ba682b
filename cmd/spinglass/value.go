package main

import (
	"encoding/hex"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
	"unicode"

	"spinglass"
)

// valueText returns a value for people, on one line. It may come from anybody, so that what could move the cursor is quoted.
func valueText(value any) string {
	switch v := value.(type) {
	case string:
		if v == "" || strings.ContainsFunc(v, func(r rune) bool { return !unicode.IsPrint(r) }) {
			return strconv.Quote(v)
		}
		return v
	case float64:
		// Adding zero takes the sign of a zero away: -0 would be read as an integer, which has none.
		return strconv.FormatFloat(v+0, 'g', -1, 64)
	case []byte:
		return "0x" + hex.EncodeToString(v)
	case spinglass.Bitmap:
		return "0x" + hex.EncodeToString(v)
	case time.Time:
		return v.Format(time.RFC3339Nano)
	case []any:
		elements := make([]string, len(v))
		for i := range v {
			elements[i] = valueText(v[i])
		}
		return "[" + strings.Join(elements, ", ") + "]"
	}
	return fmt.Sprint(value)
}

// valueJSON returns what stands for a value in the output of commands: itself where JSON has it, else the text for people.
func valueJSON(value any) any {
	switch v := value.(type) {
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return valueText(v)
		}
	case []byte, spinglass.Bitmap, time.Time:
		return valueText(v)
	case []any:
		elements := make([]any, len(v))
		for i := range v {
			elements[i] = valueJSON(v[i])
		}
		return elements
	}
	return value
}
