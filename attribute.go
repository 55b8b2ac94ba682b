package spinglass

import (
	"cmp"
	"fmt"
	"math"
	"reflect"
	"slices"
	"time"
	"unicode/utf8"

	"spinglass/astrolabe"
	"spinglass/bimodal"
	"spinglass/protocol"
	"spinglass/table"
)

// Attrs are attributes of a row: values by name. Where they are read, a value is a bool, int64, float64, string, []byte, [time.Time] (UTC), [Bitmap], or a list of these
// ([]any). [Node.Set] takes every integer that fits into an int64, float32, and slices of all these as well.
//
// A name has 1 to [table.AttributeNameMax] bytes: letters of ASCII, digits and underscores, not beginning with a digit, also several of these with dots between them.
type Attrs map[string]any

// Bitmap is a set of bits as the value of an attribute: bit i is bit i%8 of byte i/8. Zero bytes at the end count for nothing.
type Bitmap []byte

// systemAttributes are the names that applications do not set, because the node does, or because each row has a column of that name. Sorted.
var systemAttributes = []string{
	astrolabe.AttributeAge, bimodal.CarriesAttribute, astrolabe.AttributeContacts, astrolabe.AttributeDepth, "id", astrolabe.AttributeInputs, astrolabe.AttributeInterest, "issued", "name",
	astrolabe.AttributeHosts, "rep", astrolabe.AttributeRowsExpected, astrolabe.AttributeRowsIn, "servers", bimodal.InterestAttribute, "zone",
}

// SystemAttribute reports whether an attribute is one that nodes set by themselves, so that applications cannot.
func SystemAttribute(name string) bool { return slices.Contains(systemAttributes, name) }

// checkAttribute reports why an application cannot set an attribute.
func checkAttribute(name string) error {
	switch {
	case name == "":
		return fmt.Errorf("%w: the name is empty", ErrAttribute)
	case len(name) > table.AttributeNameMax:
		return fmt.Errorf("%w: the name %.20q... of %d bytes exceeds the limit of %d", ErrAttribute, name, len(name), table.AttributeNameMax)
	case !isAttributeName(name):
		return fmt.Errorf("%w: the name %q is not of letters, digits and underscores, with a letter or underscore first", ErrAttribute, name)
	case SystemAttribute(name):
		return fmt.Errorf("%w: %s is set by the node itself", ErrAttribute, name)
	}
	return nil
}

// isAttributeName reports whether a name is made as Attrs says.
func isAttributeName(name string) bool {
	before := byte('.')
	for i := range len(name) {
		c := name[i]
		letter := c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_'
		switch digit := c >= '0' && c <= '9'; {
		case letter, digit && i > 0, c == '.' && before != '.':
		default:
			return false
		}
		before = c
	}
	return before != '.'
}

// encodeAttributes returns what is to be set, by name; a nil value is to be removed.
func encodeAttributes(attributes Attrs) ([]protocol.Attribute, error) {
	all := make([]protocol.Attribute, 0, len(attributes))
	for name, value := range attributes {
		if err := checkAttribute(name); err != nil {
			return nil, err
		}
		a := protocol.Attribute{Name: name}
		if value != nil {
			v, err := valueOf(value)
			if err == nil {
				a.Value, err = v.Encode()
			}
			if err != nil {
				return nil, fmt.Errorf("%w: %s: %w", ErrAttribute, name, err)
			}
		}
		all = append(all, a)
	}
	slices.SortFunc(all, func(a, b protocol.Attribute) int { return cmp.Compare(a.Name, b.Name) })
	return all, nil
}

// valueOf returns the value that stands for a value of Go.
func valueOf(value any) (table.Value, error) {
	switch v := value.(type) {
	case table.Value:
		return v, nil
	case bool:
		return table.Bool(v), nil
	case string:
		if !utf8.ValidString(v) {
			return table.Value{}, fmt.Errorf("the string is not UTF-8; bytes can be set as []byte")
		}
		return table.String(v), nil
	case []byte:
		return table.Bytes(v), nil
	case Bitmap:
		return table.Bitmap(v), nil
	case time.Time:
		if year := v.UTC().Year(); year < timeYearMin || year > timeYearMax {
			return table.Value{}, fmt.Errorf("the year %d is not in %d to %d", year, timeYearMin, timeYearMax)
		}
		return table.Time(v), nil
	case float32:
		return table.Float(float64(v)), nil
	case float64:
		return table.Float(v), nil
	case time.Duration:
		return table.Value{}, fmt.Errorf("a duration has no unit in a row; set a number, and name the unit in the attribute's name")
	}
	return numberOrList(value)
}

// Years of times that values can hold whatever the day.
const (
	timeYearMin = 1678
	timeYearMax = 2261
)

// numberOrList is valueOf for integers and slices, of which there are many types.
func numberOrList(value any) (table.Value, error) {
	switch v := reflect.ValueOf(value); v.Kind() {
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return table.Int(v.Int()), nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		if v.Uint() > math.MaxInt64 {
			return table.Value{}, fmt.Errorf("%d does not fit into 64 bits with a sign", v.Uint())
		}
		return table.Int(int64(v.Uint())), nil
	case reflect.Slice:
		if v.Len() > table.ListMax {
			return table.Value{}, fmt.Errorf("a list of %d elements exceeds the limit of %d", v.Len(), table.ListMax)
		}
		elements := make([]table.Value, v.Len())
		for i := range elements {
			element, err := valueOf(v.Index(i).Interface())
			if err != nil {
				return table.Value{}, fmt.Errorf("element %d: %w", i, err)
			}
			if element.Kind() == table.KindList {
				return table.Value{}, fmt.Errorf("element %d is a list itself", i)
			}
			elements[i] = element
		}
		return table.List(elements...), nil
	}
	return table.Value{}, fmt.Errorf("a value of type %T cannot be set", value)
}

// decodeAttributes returns the attributes of a row. What is no value, such as the topics that a host wants or carries, is given as its bytes.
func decodeAttributes(attributes []protocol.Attribute) Attrs {
	all := make(Attrs, len(attributes))
	for _, a := range attributes {
		v, err := table.DecodeValue(a.Value)
		if err != nil || a.Name == bimodal.InterestAttribute || a.Name == bimodal.CarriesAttribute {
			all[a.Name] = slices.Clone(a.Value)
			continue
		}
		all[a.Name] = goValue(v)
	}
	return all
}

// goValue is the opposite of valueOf.
func goValue(v table.Value) any {
	switch v.Kind() {
	case table.KindBool:
		value, _ := v.Bool()
		return value
	case table.KindInt:
		value, _ := v.Int()
		return value
	case table.KindFloat:
		value, _ := v.Float()
		return value
	case table.KindString:
		value, _ := v.Text()
		return value
	case table.KindBytes:
		value, _ := v.Bytes()
		return value
	case table.KindTime:
		value, _ := v.Time()
		return value
	case table.KindBitmap:
		value, _ := v.Bytes()
		return Bitmap(value)
	case table.KindList:
		elements, _ := v.List()
		list := make([]any, len(elements))
		for i := range elements {
			list[i] = goValue(elements[i])
		}
		return list
	}
	return nil
}
