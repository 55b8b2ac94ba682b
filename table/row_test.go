package table

import (
	"bytes"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"spinglass/protocol"
	"spinglass/wire"
)

func fullRow() *Row {
	return &Row{
		Owner: 1 << 60, Epoch: 300, Sequence: 5, Left: true, Name: "/eu/fra/web-1",
		Addresses:  []protocol.Address{"10.0.0.1:7400", "[2001:db8::1]:7400"},
		Attributes: []protocol.Attribute{{Name: "load", Value: []byte{3, 0}}, {Name: "topics", Value: []byte("12345678")}, {Name: "void", Value: []byte{}}},
		PublicKey:  bytes.Repeat([]byte{1}, 32), Anchor: bytes.Repeat([]byte{2}, LinkSize), Certificates: []byte("certificates"),
		Format: wire.FormatBeacons, Signature: bytes.Repeat([]byte{3}, 64),
	}
}

func TestRowRoundTrip(t *testing.T) {
	earlier, later := fullRow(), fullRow()
	earlier.Format, later.Format, later.Fields = 0, 1<<40, []Field{{Tag: 5, Value: []byte("later")}}
	for _, row := range []*Row{fullRow(), earlier, later, {Owner: 1, Epoch: 1, Sequence: 1, Name: "/a"}} {
		encoded := row.Append(nil)
		if len(encoded) != row.Size() {
			t.Errorf("size %d, encoded %d", row.Size(), len(encoded))
		}
		got, err := DecodeRow(encoded)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(row, got); diff != "" {
			t.Error(diff)
		}
		if err := row.Check(RowSizeDefault); err != nil {
			t.Error(err)
		}
	}
}

// "Unknown versions are refused, unknown optional fields are carried and ignored".
func TestRowOfANeighbouringVersion(t *testing.T) {
	row := fullRow()
	row.Fields = []Field{{Tag: 7, Value: []byte("later")}, {Tag: 300, Value: []byte("much later")}}
	encoded := row.Append(nil)
	got, err := DecodeRow(encoded)
	if err != nil || !bytes.Equal(got.Append(nil), encoded) || !bytes.Equal(got.AppendSigned(nil), row.AppendSigned(nil)) {
		t.Errorf("fields of a later version were not carried: %v", err)
	}
	encoded[0]++
	if _, err := DecodeRow(encoded); !errors.Is(err, ErrFormat) {
		t.Errorf("a later format: %v", err)
	}
}

// A value that is no format, or one that rows do not name, is carried and ignored: the members that pass it on need not know the field.
func TestRowOfNoFormat(t *testing.T) {
	for name, value := range map[string][]byte{
		"format 1": {1}, "zero": {0}, "a long form": {0x82, 0}, "a byte too many": {2, 0}, "cut": {0x82}, "too large": bytes.Repeat([]byte{0xff}, 11),
	} {
		row := fullRow()
		row.Format, row.Fields = 0, []Field{{Tag: tagFormat, Value: value}, {Tag: 7, Value: []byte("later")}}
		encoded := row.Append(nil)
		got, err := DecodeRow(encoded)
		if err != nil || got.Format != 0 || !bytes.Equal(got.Append(nil), encoded) || len(encoded) != row.Size() {
			t.Errorf("%s: %v, format %d", name, err, got.Format)
		}
	}
}

func TestRowRefusesDamage(t *testing.T) {
	encoded := fullRow().Append(nil)
	for n := range encoded {
		if _, err := DecodeRow(encoded[:n]); err == nil {
			t.Errorf("cut to %d bytes", n)
		}
	}
	if _, err := DecodeRow(append(bytes.Clone(encoded), 0)); !errors.Is(err, wire.ErrTrailing) {
		t.Errorf("a byte too many: %v", err)
	}
	for bit := range 8 * len(encoded) {
		flipped := bytes.Clone(encoded)
		flipped[bit/8] ^= 1 << (bit % 8)
		if row, err := DecodeRow(flipped); err == nil && !bytes.Equal(row.Append(nil), flipped) {
			t.Errorf("bit %d flipped: two encodings of one row", bit)
		}
	}
	for name, change := range map[string]func(*Row){
		"nobody":         func(r *Row) { r.Owner = 0 },
		"epoch 0":        func(r *Row) { r.Epoch = 0 },
		"epoch":          func(r *Row) { r.Epoch = EpochMax + 1 },
		"name":           func(r *Row) { r.Name = "web" },
		"order":          func(r *Row) { r.Attributes[0], r.Attributes[1] = r.Attributes[1], r.Attributes[0] },
		"twice":          func(r *Row) { r.Attributes[1].Name = "load" },
		"empty address":  func(r *Row) { r.Addresses[0] = "" },
		"many addresses": func(r *Row) { r.Addresses = make([]protocol.Address, AddressesMax+1) },
		"fields":         func(r *Row) { r.Fields = []Field{{Tag: 2, Value: []byte{1}}} },
		"two formats":    func(r *Row) { r.Format, r.Fields = 2, []Field{{Tag: tagFormat, Value: []byte{3}}} },
	} {
		row := fullRow()
		change(row)
		if _, err := DecodeRow(row.Append(nil)); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
}

func TestRowCheck(t *testing.T) {
	for name, change := range map[string]func(*Row){
		"name":          func(r *Row) { r.Name = "web" },
		"order":         func(r *Row) { r.Attributes[0], r.Attributes[1] = r.Attributes[1], r.Attributes[0] },
		"empty name":    func(r *Row) { r.Attributes[0].Name = "" },
		"empty address": func(r *Row) { r.Addresses[0] = "" },
		"addresses":     func(r *Row) { r.Addresses = make([]protocol.Address, AddressesMax+1) },
		"key":           func(r *Row) { r.PublicKey = make([]byte, FieldSizeMax+1) },
		"format":        func(r *Row) { r.Format = 1 },
		"size":          func(r *Row) { r.Attributes[0].Value = make([]byte, RowSizeDefault) },
	} {
		row := fullRow()
		change(row)
		if err := row.Check(RowSizeDefault); err == nil {
			t.Errorf("%s passes", name)
		}
	}
}

func TestRowWithAttribute(t *testing.T) {
	row := fullRow()
	value := []byte{9}
	next := row.WithAttribute(protocol.Attribute{Name: "middle", Value: value})
	value[0] = 0
	if got, ok := next.Attribute("middle"); !ok || got[0] != 9 || len(next.Attributes) != 4 || next.Check(RowSizeDefault) != nil {
		t.Errorf("added: %v", next.Attributes)
	}
	next = next.WithAttribute(protocol.Attribute{Name: "load", Value: []byte{7}})
	next = next.WithAttribute(protocol.Attribute{Name: "topics"})
	next = next.WithAttribute(protocol.Attribute{Name: "absent"})
	if got, _ := next.Attribute("load"); got[0] != 7 || len(next.Attributes) != 3 {
		t.Errorf("changed and taken away: %v", next.Attributes)
	}
	if diff := cmp.Diff(fullRow(), row); diff != "" {
		t.Errorf("the row changed: %s", diff)
	}
}

func FuzzDecodeRow(f *testing.F) {
	f.Add(fullRow().Append(nil))
	f.Add((&Row{Owner: 1, Epoch: 1, Sequence: 1, Name: "/a"}).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		row, err := DecodeRow(b)
		if err != nil {
			return
		}
		if again := row.Append(nil); !bytes.Equal(again, b) || row.Size() != len(b) {
			t.Fatalf("%x decodes and encodes as %x", b, again)
		}
		if err := row.Check(len(b)); err != nil {
			t.Fatalf("a row that decodes does not pass: %v", err)
		}
	})
}
