package identity

import (
	"fmt"

	"spinglass/wire"
)

// Limits of chains.
const (
	ChainMax     = 16   // certificates
	ChainSizeMax = 8192 // bytes
)

// Chain is the certificates that lead from a root to a subject: the root's first, each issued by the key of the one before it.
type Chain []*Certificate

// Leaf returns the last certificate, that of the subject; nil when the chain is empty.
func (c Chain) Leaf() *Certificate {
	if len(c) == 0 {
		return nil
	}
	return c[len(c)-1]
}

// NotAfter returns the earliest NotAfter of its certificates, after which nothing of it holds but by grace; InstantMax when the chain is empty.
func (c Chain) NotAfter() Instant {
	earliest := InstantMax
	for _, certificate := range c {
		earliest = min(earliest, certificate.NotAfter)
	}
	return earliest
}

// issue returns the chain with one certificate more. It shares nothing that changes with c.
func (c Chain) issue(next *Certificate) Chain { return append(c[:len(c):len(c)], next) }

// Append appends the encoding of the chain to b.
func (c Chain) Append(b []byte) []byte {
	b = wire.AppendUvarint(b, uint64(len(c)))
	for _, certificate := range c {
		b = wire.AppendUvarint(b, uint64(certificate.Size()))
		b = certificate.Append(b)
	}
	return b
}

// Size returns the number of bytes that Append adds.
func (c Chain) Size() int {
	size := wire.UvarintSize(uint64(len(c)))
	for _, certificate := range c {
		size += wire.BytesSize(certificate.Size())
	}
	return size
}

// Check reports why the chain cannot be encoded: ErrChain, ErrTooLarge or a *ChainError around an error of Certificate.Check.
func (c Chain) Check() error {
	if len(c) == 0 || len(c) > ChainMax {
		return ErrChain
	}
	for i, certificate := range c {
		if err := certificate.Check(); err != nil {
			return c.fail(i, err)
		}
	}
	if size := c.Size(); size > ChainSizeMax {
		return fmt.Errorf("chain of %d bytes, the limit is %d: %w", size, ChainSizeMax, ErrTooLarge)
	}
	return nil
}

func (c Chain) fail(position int, err error) error {
	return &ChainError{Position: position, Kind: c[position].Kind, Name: c[position].Name, Err: err}
}

// DecodeChain reads the encoding of one chain, which must fill b. The chain does not alias b, and nothing in it is verified. The error is one of
// package wire, ErrTooLarge, ErrChain or one of DecodeCertificate.
func DecodeChain(b []byte) (Chain, error) {
	if len(b) > ChainSizeMax {
		return nil, ErrTooLarge
	}
	in := wire.NewReader(b)
	count := in.Count(ChainMax, SignatureSize)
	if in.Err() == nil && count == 0 {
		return nil, ErrChain
	}
	var chain Chain
	for range count {
		encoded := in.Bytes(CertificateSizeMax)
		if in.Err() != nil {
			break
		}
		certificate, err := DecodeCertificate(encoded)
		if err != nil {
			return nil, err
		}
		chain = append(chain, certificate)
	}
	if err := in.Done(); err != nil {
		return nil, err
	}
	return chain, nil
}
