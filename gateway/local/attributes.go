package local

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"spinglass"
)

// Attributes are attributes of a row with a form in JSON that keeps their types: bools, strings and lists stand for themselves, and so do numbers, of which those with a
// fraction or an exponent are floats and all others integers. What JSON has no form for is an object with one key: {"time": "2026-01-02T03:04:05Z"}, {"bytes": BASE64}, {"bitmap": BASE64},
// {"float": "NaN"}. null is nil.
type Attributes spinglass.Attrs

// Keys of the objects that stand for what JSON has no form for.
const (
	keyTime   = "time"
	keyBytes  = "bytes"
	keyBitmap = "bitmap"
	keyFloat  = "float"
)

// MarshalJSON implements [json.Marshaler].
func (a Attributes) MarshalJSON() ([]byte, error) {
	all := make(map[string]any, len(a))
	for name, value := range a {
		form, err := formOf(value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", name, err)
		}
		all[name] = form
	}
	return json.Marshal(all)
}

// formOf returns what stands for a value in JSON.
func formOf(value any) (any, error) {
	switch v := value.(type) {
	case nil, bool, int64, string:
		return v, nil
	case float64:
		return formOfFloat(v), nil
	case []byte:
		return map[string]string{keyBytes: base64.StdEncoding.EncodeToString(v)}, nil
	case spinglass.Bitmap:
		return map[string]string{keyBitmap: base64.StdEncoding.EncodeToString(v)}, nil
	case time.Time:
		return map[string]string{keyTime: v.Format(time.RFC3339Nano)}, nil
	case []any:
		list := make([]any, len(v))
		for i := range v {
			var err error
			if list[i], err = formOf(v[i]); err != nil {
				return nil, err
			}
		}
		return list, nil
	}
	return nil, fmt.Errorf("a value of type %T has no form in JSON", value)
}

// formOfFloat returns a number that cannot be taken for an integer.
func formOfFloat(v float64) any {
	text := strconv.FormatFloat(v, 'g', -1, 64)
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return map[string]string{keyFloat: text}
	case !strings.ContainsAny(text, ".e"):
		text += ".0"
	}
	return json.RawMessage(text)
}

// UnmarshalJSON implements [json.Unmarshaler].
func (a *Attributes) UnmarshalJSON(text []byte) error {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	var forms map[string]any
	if err := decoder.Decode(&forms); err != nil {
		return err
	}
	all := make(Attributes, len(forms))
	for name, form := range forms {
		value, err := valueOf(form)
		if err != nil {
			return fmt.Errorf("%.80s: %w", name, err)
		}
		all[name] = value
	}
	*a = all
	return nil
}

// valueOf is the opposite of formOf. Nested lists are refused, so that it goes no deeper.
func valueOf(form any) (any, error) {
	list, ok := form.([]any)
	if !ok {
		return elementOf(form)
	}
	values := make([]any, len(list))
	for i := range list {
		var err error
		if values[i], err = elementOf(list[i]); err != nil {
			return nil, fmt.Errorf("element %d: %w", i, err)
		}
	}
	return values, nil
}

func elementOf(form any) (any, error) {
	switch f := form.(type) {
	case nil, bool, string:
		return f, nil
	case json.Number:
		return numberOf(f.String())
	case map[string]any:
		return objectOf(f)
	}
	return nil, errors.New("a list in a list")
}

func numberOf(text string) (any, error) {
	if strings.ContainsAny(text, ".eE") {
		v, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("%.40s is beyond the largest float", text)
		}
		return v, nil
	}
	v, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%.40s does not fit into 64 bits with a sign", text)
	}
	return v, nil
}

// objectOf returns the value that an object with one key stands for.
func objectOf(object map[string]any) (any, error) {
	for key, value := range object {
		text, ok := value.(string)
		if !ok || len(object) > 1 {
			break
		}
		switch key {
		case keyTime:
			return time.Parse(time.RFC3339Nano, text)
		case keyBytes:
			return base64.StdEncoding.DecodeString(text)
		case keyBitmap:
			bits, err := base64.StdEncoding.DecodeString(text)
			return spinglass.Bitmap(bits), err
		case keyFloat:
			if text == "NaN" || text == "+Inf" || text == "-Inf" {
				return strconv.ParseFloat(text, 64)
			}
		}
	}
	return nil, errors.New(`an object is {"time": RFC3339}, {"bytes": BASE64}, {"bitmap": BASE64} or {"float": "NaN", "+Inf" or "-Inf"}`)
}
