package table

import (
	"spinglass/protocol"
	"spinglass/wire"
)

// rowFormat is the first byte of a row.
const rowFormat = 1

const flagLeft = 1

// Tags of the optional fields that this version knows.
const (
	tagPublicKey    = 1
	tagAnchor       = 2
	tagCertificates = 3
	tagFormat       = 4
)

// FormatNamed is the first format that rows name, and whose members know the field for it.
const FormatNamed = wire.FormatBeacons

// Size returns the number of bytes that Append adds.
func (r *Row) Size() int { return r.signedSize() + wire.BytesSize(len(r.Signature)) }

func (r *Row) signedSize() int {
	size := 1 + 8 + wire.UvarintSize(r.Epoch) + wire.UvarintSize(r.Sequence) + 1 + wire.BytesSize(len(r.Name))
	size += wire.UvarintSize(uint64(len(r.Addresses)))
	for _, address := range r.Addresses {
		size += wire.BytesSize(len(address))
	}
	size += wire.UvarintSize(uint64(len(r.Attributes)))
	for i := range r.Attributes {
		size += wire.BytesSize(len(r.Attributes[i].Name)) + wire.BytesSize(len(r.Attributes[i].Value))
	}
	size += wire.UvarintSize(uint64(r.fields()))
	size += fieldSize(tagPublicKey, r.PublicKey) + fieldSize(tagAnchor, r.Anchor) + fieldSize(tagCertificates, r.Certificates)
	if r.Format > 0 {
		size += wire.UvarintSize(tagFormat) + wire.BytesSize(wire.UvarintSize(r.Format))
	}
	for i := range r.Fields {
		size += fieldSize(r.Fields[i].Tag, r.Fields[i].Value)
	}
	return size
}

// fields returns how many optional fields are encoded.
func (r *Row) fields() int {
	count := len(r.Fields)
	if len(r.PublicKey) > 0 {
		count++
	}
	if len(r.Anchor) > 0 {
		count++
	}
	if len(r.Certificates) > 0 {
		count++
	}
	if r.Format > 0 {
		count++
	}
	return count
}

func fieldSize(tag uint64, value []byte) int {
	if len(value) == 0 {
		return 0
	}
	return wire.UvarintSize(tag) + wire.BytesSize(len(value))
}

func appendField(b []byte, tag uint64, value []byte) []byte {
	if len(value) == 0 {
		return b
	}
	return wire.AppendBytes(wire.AppendUvarint(b, tag), value)
}

// Append appends the encoding of the row to b.
func (r *Row) Append(b []byte) []byte { return wire.AppendBytes(r.AppendSigned(b), r.Signature) }

// AppendSigned appends the part of the encoding that the signature covers: all but the signature.
func (r *Row) AppendSigned(b []byte) []byte {
	b = append(b, rowFormat)
	b = wire.AppendFixed64(b, uint64(r.Owner))
	b = wire.AppendUvarint(b, r.Epoch)
	b = wire.AppendUvarint(b, r.Sequence)
	var flags byte
	if r.Left {
		flags |= flagLeft
	}
	b = append(b, flags)
	b = wire.AppendBytes(b, r.Name)
	b = wire.AppendUvarint(b, uint64(len(r.Addresses)))
	for _, address := range r.Addresses {
		b = wire.AppendBytes(b, address)
	}
	b = wire.AppendUvarint(b, uint64(len(r.Attributes)))
	for i := range r.Attributes {
		b = wire.AppendBytes(b, r.Attributes[i].Name)
		b = wire.AppendBytes(b, r.Attributes[i].Value)
	}
	b = wire.AppendUvarint(b, uint64(r.fields()))
	b = appendField(b, tagPublicKey, r.PublicKey)
	b = appendField(b, tagAnchor, r.Anchor)
	b = appendField(b, tagCertificates, r.Certificates)
	if r.Format > 0 {
		b = wire.AppendUvarint(b, tagFormat)
		b = wire.AppendUvarint(b, uint64(wire.UvarintSize(r.Format)))
		b = wire.AppendUvarint(b, r.Format)
	}
	for i := range r.Fields {
		b = appendField(b, r.Fields[i].Tag, r.Fields[i].Value)
	}
	return b
}

// DecodeRow reads the encoding of one row, which must fill b. The row does not alias b.
func DecodeRow(b []byte) (*Row, error) {
	r := wire.NewReader(b)
	if format := r.Byte(); r.Err() == nil && format != rowFormat {
		return nil, ErrFormat
	}
	row := &Row{Owner: protocol.NodeID(r.Fixed64()), Epoch: r.UvarintMax(EpochMax), Sequence: r.Uvarint()}
	flags := r.Byte()
	row.Left = flags == flagLeft
	if r.Err() == nil && (row.Owner == 0 || row.Epoch == 0 || row.Sequence == 0 || flags > flagLeft) {
		return nil, ErrField
	}
	row.Name = string(r.Bytes(protocol.NameMax))
	row.readAddresses(&r)
	row.readAttributes(&r)
	row.readFields(&r)
	row.Signature = own(r.Bytes(FieldSizeMax))
	if err := r.Done(); err != nil {
		return nil, err
	}
	if err := protocol.CheckName(row.Name); err != nil {
		return nil, ErrField
	}
	return row, nil
}

// own copies lent bytes; nothing becomes nil, so that equal rows are deeply equal.
func own(lent []byte) []byte {
	if len(lent) == 0 {
		return nil
	}
	return append([]byte(nil), lent...)
}

func (r *Row) readAddresses(in *wire.Reader) {
	count := in.Count(AddressesMax, 1)
	for range count {
		address := in.Bytes(protocol.AddressMax)
		if in.Err() == nil && len(address) == 0 {
			in.Fail(ErrField)
		}
		if in.Err() != nil {
			return
		}
		r.Addresses = append(r.Addresses, protocol.Address(address))
	}
}

func (r *Row) readAttributes(in *wire.Reader) {
	count := in.Count(AttributesMax, 2)
	for range count {
		name, value := string(in.Bytes(AttributeNameMax)), in.Bytes(RowSizeMax)
		if last := len(r.Attributes) - 1; in.Err() == nil && (name == "" || last >= 0 && name <= r.Attributes[last].Name) {
			in.Fail(ErrOrder)
		}
		if in.Err() != nil {
			return
		}
		r.Attributes = append(r.Attributes, protocol.Attribute{Name: name, Value: append([]byte{}, value...)})
	}
}

func (r *Row) readFields(in *wire.Reader) {
	count := in.Count(FieldsMax, 3)
	var before uint64
	for range count {
		tag, value := in.Uvarint(), in.Bytes(FieldSizeMax)
		if in.Err() == nil && (tag <= before || len(value) == 0) {
			in.Fail(ErrOrder)
		}
		if in.Err() != nil {
			return
		}
		before = tag
		switch tag {
		case tagPublicKey:
			r.PublicKey = own(value)
		case tagAnchor:
			r.Anchor = own(value)
		case tagCertificates:
			r.Certificates = own(value)
		case tagFormat:
			if r.Format = formatOf(value); r.Format == 0 {
				r.Fields = append(r.Fields, Field{Tag: tag, Value: own(value)})
			}
		default:
			r.Fields = append(r.Fields, Field{Tag: tag, Value: own(value)})
		}
	}
}

// formatOf returns the format that a field names, 0 for a value that is none, which is carried and ignored like a field that is not known: members of the format before do not
// look at it, and pass it on beside rows of others, which must not be refused with it.
func formatOf(value []byte) uint64 {
	in := wire.NewReader(value)
	if format := in.Uvarint(); in.Done() == nil && format >= FormatNamed && wire.FormatLatest >= FormatNamed {
		return format
	}
	return 0
}

// Check reports why the row cannot be encoded or exceeds limit bytes: an error of package protocol, ErrField, ErrOrder or a
// *RowTooLargeError.
func (r *Row) Check(limit int) error {
	if err := protocol.CheckName(r.Name); err != nil {
		return err
	}
	if len(r.Addresses) > AddressesMax || len(r.Attributes) > AttributesMax ||
		max(len(r.PublicKey), len(r.Anchor), len(r.Certificates), len(r.Signature)) > FieldSizeMax || r.Format > 0 && r.Format < FormatNamed {
		return ErrField
	}
	for _, address := range r.Addresses {
		if len(address) == 0 || len(address) > protocol.AddressMax {
			return ErrField
		}
	}
	for i := range r.Attributes {
		name := r.Attributes[i].Name
		if name == "" || len(name) > AttributeNameMax {
			return ErrField
		}
		if i > 0 && name <= r.Attributes[i-1].Name {
			return ErrOrder
		}
	}
	if size := r.Size(); size > limit {
		return &RowTooLargeError{Size: size, Limit: limit}
	}
	return nil
}
