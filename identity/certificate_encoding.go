package identity

import (
	"spinglass/protocol"
	"spinglass/wire"
)

// Size returns the number of bytes that Append adds.
func (c *Certificate) Size() int {
	var room [CertificateSizeMax]byte
	return len(c.AppendSigned(room[:0])) + SignatureSize
}

// Append appends the encoding of the certificate to b.
func (c *Certificate) Append(b []byte) []byte { return append(c.AppendSigned(b), c.Signature[:]...) }

// AppendSigned appends the part of the encoding that the signature covers: all but the signature.
func (c *Certificate) AppendSigned(b []byte) []byte {
	b = append(appendHeader(b), byte(c.Kind))
	b = append(b, c.Issuer[:]...)
	b = wire.AppendFixed64(b, c.Serial)
	b = appendInstant(appendInstant(b, c.NotBefore), c.NotAfter)
	b = wire.AppendBytes(b, c.Name)
	if c.Kind == KindClient || c.Kind == KindFunction {
		b = wire.AppendBytes(b, c.Scope)
	}
	if c.Kind == KindFunction {
		b = wire.AppendUvarint(b, c.Function.Version)
		b = append(b, c.Function.Program[:]...)
		b = wire.AppendUvarint(wire.AppendUvarint(b, c.Function.Steps), c.Function.Size)
		return appendFields(b, c.Fields)
	}
	b = append(b, c.Key[:]...)
	switch c.Kind {
	case KindMember:
		b = wire.AppendFixed64(b, uint64(c.NodeID))
	case KindZone:
		b = wire.AppendUvarint(wire.AppendUvarint(b, c.Quotas.Members), c.Quotas.Rows)
	}
	return appendFields(c.Grants.append(b), c.Fields)
}

// DecodeCertificate reads the encoding of one certificate, which must fill b. The certificate does not alias b, and its signature is not checked.
// The error is one of package wire, or that of Check, ErrVersion or ErrAlgorithm.
func DecodeCertificate(b []byte) (*Certificate, error) {
	if len(b) > CertificateSizeMax {
		return nil, ErrTooLarge
	}
	in := wire.NewReader(b)
	readHeader(&in)
	c := &Certificate{Kind: Kind(in.Byte())}
	if in.Err() == nil && !c.Kind.known() {
		in.Fail(ErrMalformed)
	}
	readArray(&in, c.Issuer[:])
	c.Serial = in.Fixed64()
	c.NotBefore, c.NotAfter = readInstant(&in), readInstant(&in)
	c.Name = string(in.Bytes(protocol.NameMax))
	c.readSubject(&in)
	c.Fields = readFields(&in)
	readArray(&in, c.Signature[:])
	if err := in.Done(); err != nil {
		return nil, err
	}
	if err := c.Check(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *Certificate) readSubject(in *wire.Reader) {
	if c.Kind == KindClient || c.Kind == KindFunction {
		c.Scope = string(in.Bytes(protocol.NameMax))
	}
	if c.Kind == KindFunction {
		c.Function.Version = in.Uvarint()
		readArray(in, c.Function.Program[:])
		c.Function.Steps, c.Function.Size = in.UvarintMax(FunctionStepsMax), in.UvarintMax(FunctionSizeMax)
		return
	}
	readArray(in, c.Key[:])
	switch c.Kind {
	case KindMember:
		c.NodeID = protocol.NodeID(in.Fixed64())
	case KindZone:
		c.Quotas = Quotas{Members: in.UvarintMax(QuotaMembersMax), Rows: in.UvarintMax(QuotaRowsMax)}
	}
	c.Grants = readGrants(in)
}
