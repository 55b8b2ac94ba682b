package table

import (
	"bytes"
	"cmp"
	"slices"

	"spinglass/protocol"
)

// Limits of the parts of a row. The row as a whole is bounded by Limits.RowSize.
const (
	RowSizeDefault   = 1024 // bytes of encoding
	RowSizeMax       = 1 << 16
	AddressesMax     = 16
	AttributesMax    = 256
	AttributeNameMax = 64   // bytes
	FieldsMax        = 16   // optional fields
	FieldSizeMax     = 1024 // bytes of an optional field or of the signature
)

// Row is what a member says of itself. It is immutable once it is in a table or a message.
type Row struct {
	Owner      protocol.NodeID
	Epoch      uint64
	Sequence   uint64
	Left       bool // the owner said that it leaves
	Name       string
	Addresses  []protocol.Address
	Attributes []protocol.Attribute // sorted by name, no name twice

	PublicKey []byte // Ed25519; empty without an identity
	Anchor    []byte // last link of the hash chain that proves heartbeats; empty: heartbeats are not proven
	// Certificates is the encoding of the identity.Chain that leads from the fleet's root to PublicKey, without the root's; empty without an identity.
	Certificates []byte
	// Format is the latest format that the owner speaks, where it is FormatNamed or later; 0 stands for an earlier one.
	Format uint64
	// Fields are optional fields that this version does not know: they are carried along, because the signature covers them.
	Fields    []Field
	Signature []byte // by PublicKey over AppendSigned; empty without an identity
}

// Field is an optional field of a row.
type Field struct {
	Tag   uint64
	Value []byte
}

// Version returns the version of the row with the given heartbeat.
func (r *Row) Version(heartbeat uint64) Version {
	return Version{Epoch: r.Epoch, Sequence: r.Sequence, Heartbeat: heartbeat}
}

// Attribute returns the value of the named attribute and whether the row has it.
func (r *Row) Attribute(name string) ([]byte, bool) {
	i, ok := slices.BinarySearchFunc(r.Attributes, name, compareAttribute)
	if !ok {
		return nil, false
	}
	return r.Attributes[i].Value, true
}

// WithAttribute returns a copy of the row with one attribute set, or taken away when its value is nil. The copy shares all else
// with r; its sequence is unchanged.
func (r *Row) WithAttribute(attribute protocol.Attribute) *Row {
	next := *r
	i, ok := slices.BinarySearchFunc(r.Attributes, attribute.Name, compareAttribute)
	next.Attributes = slices.Clone(r.Attributes)
	attribute.Value = bytes.Clone(attribute.Value)
	switch {
	case attribute.Value == nil && ok:
		next.Attributes = slices.Delete(next.Attributes, i, i+1)
	case attribute.Value == nil:
	case ok:
		next.Attributes[i] = attribute
	default:
		next.Attributes = slices.Insert(next.Attributes, i, attribute)
	}
	return &next
}

func compareAttribute(a protocol.Attribute, name string) int { return cmp.Compare(a.Name, name) }

// Compare orders rows by version and, within one version, by encoding; 0 says that they are the same.
func (r *Row) Compare(s *Row) int {
	if r == s {
		return 0
	}
	if c := r.Version(0).CompareRow(s.Version(0)); c != 0 {
		return c
	}
	return bytes.Compare(r.Append(nil), s.Append(nil))
}
