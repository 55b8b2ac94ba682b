package sql

import (
	"database/sql/driver"
	"math"
	"strconv"
	"time"
)

// goValue returns a value of a result as one of Go: bool, int64, float64, string, []byte or time.Time, or nil. One that does not fit the type is a text.
func goValue(value driver.Value, k *kind) any {
	converted, err := converted(value, k)
	if err != nil {
		return textOf(value)
	}
	return converted
}

// errType tells that a value is not of the type that the client was told: the statement has to be prepared anew, as clients do by themselves.
var errType = errorf(codeUnsupported, "cached plan must not change result type")

// converted returns a value as one of a type.
func converted(value driver.Value, k *kind) (any, error) {
	switch k {
	case kindBool:
		if v, ok := value.(int64); ok {
			return v != 0, nil
		}
	case kindInt, kindInt2, kindInt4, kindOID:
		if v, ok := value.(float64); ok && v == math.Trunc(v) && math.Abs(v) < 1<<53 {
			return int64(v), nil
		}
		if v, ok := value.(int64); ok {
			return v, nil
		}
	case kindFloat:
		switch v := value.(type) {
		case int64:
			return float64(v), nil
		case float64:
			return v, nil
		}
	case kindTime:
		if v, ok := value.(string); ok {
			return parseTime(v)
		}
	case kindBytes:
		switch v := value.(type) {
		case []byte:
			return v, nil
		case string:
			return []byte(v), nil
		}
	default:
		if value != nil {
			return textOf(value), nil
		}
	}
	if value == nil {
		return nil, nil
	}
	return nil, errType
}

// argument returns a value that a client gave as a text, as one of a type for SQLite.
func argument(text string, k *kind) (driver.Value, error) {
	switch k {
	case kindBool:
		v, ok := boolOf(text)
		if !ok {
			return nil, errorf(codeText, "%q is no boolean", firstOf(text))
		}
		return truth(v), nil
	case kindInt, kindInt2, kindInt4, kindOID:
		v, err := strconv.ParseInt(text, 10, 64)
		if err == nil {
			return v, nil
		}
		// A client may take any number for one.
		if f, err := strconv.ParseFloat(text, 64); err == nil {
			return f, nil
		}
		return nil, errorf(codeText, "%q is no number", firstOf(text))
	case kindFloat:
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, errorf(codeText, "%q is no number", firstOf(text))
		}
		return v, nil
	case kindTime:
		at, err := parseTime(text)
		if err != nil {
			return nil, err
		}
		return at.Format(timeLayout), nil
	}
	return text, nil
}

// boolOf reads the forms of booleans that PostgreSQL knows.
func boolOf(text string) (value, ok bool) {
	switch text {
	case "t", "true", "TRUE", "T", "y", "yes", "on", "1":
		return true, true
	case "f", "false", "FALSE", "F", "n", "no", "off", "0":
		return false, true
	}
	return false, false
}

// bindable returns an argument of a caller in this process for SQLite.
func bindable(value driver.Value) driver.Value {
	switch v := value.(type) {
	case bool:
		return truth(v)
	case time.Time:
		return v.UTC().Format(timeLayout)
	}
	return value
}
