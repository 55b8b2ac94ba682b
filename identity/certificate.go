package identity

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"
	"time"

	"spinglass/protocol"
)

// Limits of certificates.
const (
	CertificateSizeMax = 1024 // bytes
	PrincipalMax       = 128  // bytes of a client's name
	FunctionNameMax    = 64   // bytes
)

// MemberLifeDefault is for how long a member certificate is valid.
const MemberLifeDefault = 30 * 24 * time.Hour

// Kind is the kind of a certificate.
type Kind uint8

// The kinds. Their numbers are part of encodings and stay.
const (
	KindZone     Kind = 1 // an authority for the names within a zone
	KindMember   Kind = 2 // a node of the fleet
	KindClient   Kind = 3 // a person or program that uses the fleet
	KindFunction Kind = 4 // a summary function that a zone computes
)

var kindNames = [...]string{KindZone: "zone", KindMember: "member", KindClient: "client", KindFunction: "function"}

func (k Kind) known() bool { return k >= KindZone && int(k) < len(kindNames) }

// String returns zone, member, client or function.
func (k Kind) String() string {
	if !k.known() {
		return fmt.Sprintf("kind %d", uint8(k))
	}
	return kindNames[k]
}

// context returns the context of the signatures of the kind's certificates.
func (k Kind) context() Context { return Context(k) }

// Certificate says what a key, or a function, may do in the fleet, by the word of its issuer. It is immutable once it is signed. Fields that are not
// of its kind are zero.
type Certificate struct {
	Kind      Kind
	Issuer    PublicKey // whose signature it carries; of a root's certificate its own key
	Serial    uint64    // drawn at random, not 0; one of an issuer's names one certificate
	NotBefore Instant
	NotAfter  Instant // the last second in which it is valid

	// Name is a zone's path, a member's name (a path, too), a client's principal (1 to PrincipalMax printable ASCII characters but spaces), or a
	// function's name (one component of a path).
	Name   string
	Scope  string          // path of the zone that it is for: clients and functions
	Key    PublicKey       // of the subject; all but functions
	NodeID protocol.NodeID // members
	Grants Grants          // what the subject may do, and a zone may hand down; all but functions
	Quotas Quotas          // zones

	Function Function // functions

	Fields    []Field // optional fields that this version does not know, in ascending order of tags
	Signature Signature
}

// Quotas bound what a zone holds, its subzones included. Zero allows none.
type Quotas struct {
	Members uint64 // live member certificates
	Rows    uint64 // of one zone's table
}

// Largest quotas.
const (
	QuotaMembersMax = 1 << 24
	QuotaRowsMax    = 1 << 14
)

// Function is the program of a function certificate, and how much of its zone's members' effort it may take.
type Function struct {
	Version uint64   // greater ones replace smaller ones; not 0
	Program [32]byte // SHA-256 of the program, which travels apart
	Steps   uint64   // of one evaluation, at most FunctionStepsMax
	Size    uint64   // bytes of the result, at most FunctionSizeMax
}

// Largest limits of functions.
const (
	FunctionStepsMax = 1_000_000
	FunctionSizeMax  = 1 << 16
)

// Zone returns the zone that the subject belongs to: a zone's own path, a member's leaf zone, the scope of others.
func (c *Certificate) Zone() string {
	switch c.Kind {
	case KindZone:
		return c.Name
	case KindMember:
		return protocol.Zone(c.Name)
	default:
		return c.Scope
	}
}

// Equal reports whether two certificates say the same, whatever their signatures.
func (c *Certificate) Equal(d *Certificate) bool {
	return c == d || bytes.Equal(c.AppendSigned(nil), d.AppendSigned(nil))
}

// Sign completes the certificate with the signature of its issuer, whose key must be c.Issuer. Its error is that of Check or an ErrAuthority.
func (c *Certificate) Sign(issuer PrivateKey) error {
	if c.Issuer != issuer.Public() {
		return &AuthorityError{Expected: issuer.Public().Fingerprint(), Found: c.Issuer.Fingerprint()}
	}
	if err := c.Check(); err != nil {
		return err
	}
	c.Signature = Sign(issuer, c.Kind.context(), c.AppendSigned(nil))
	return nil
}

// checkSignature reports why the signature is not that of c.Issuer.
func (c *Certificate) checkSignature() error {
	var room [CertificateSizeMax]byte
	return Verify(c.Issuer, c.Kind.context(), c.AppendSigned(room[:0]), c.Signature)
}

// SignatureCheck returns the check of the signature, for who has it done elsewhere; it is all that VerifyAgain leaves out.
func (c *Certificate) SignatureCheck() protocol.Check {
	return protocol.Check{PublicKey: c.Issuer[:], Context: c.Kind.context().String(), Message: c.AppendSigned(nil), Signature: c.Signature[:]}
}

// Check reports why the certificate cannot be encoded, whoever signed it: ErrMalformed, ErrOrder, ErrTooLarge, ErrWeakKey or ErrCritical.
func (c *Certificate) Check() error {
	if !c.Kind.known() || c.Serial == 0 || c.NotBefore < 0 || c.NotBefore > c.NotAfter || c.NotAfter > InstantMax {
		return ErrMalformed
	}
	if err := c.Issuer.Check(); err != nil {
		return err
	}
	if err := c.checkSubject(); err != nil {
		return err
	}
	if err := c.Grants.check(); err != nil {
		return err
	}
	if err := checkFields(c.Fields); err != nil {
		return err
	}
	if size := c.Size(); size > CertificateSizeMax {
		return fmt.Errorf("certificate of %d bytes, the limit is %d: %w", size, CertificateSizeMax, ErrTooLarge)
	}
	return nil
}

// checkSubject checks the fields that are of the certificate's kind, and that the others are zero.
func (c *Certificate) checkSubject() error {
	if c.Kind != KindMember && c.NodeID != 0 || c.Kind != KindZone && c.Quotas != (Quotas{}) ||
		c.Kind != KindFunction && c.Function != (Function{}) {
		return ErrMalformed
	}
	if err := c.checkNames(); err != nil {
		return err
	}
	switch c.Kind {
	case KindZone:
		if c.Quotas.Members > QuotaMembersMax || c.Quotas.Rows > QuotaRowsMax {
			return ErrMalformed
		}
	case KindMember:
		if c.NodeID == 0 {
			return ErrMalformed
		}
	case KindFunction:
		f := &c.Function
		if c.Key != (PublicKey{}) || len(c.Grants) > 0 || f.Version == 0 || f.Steps > FunctionStepsMax || f.Size > FunctionSizeMax {
			return ErrMalformed
		}
		return nil
	}
	return c.Key.Check()
}

func (c *Certificate) checkNames() error {
	scoped := c.Kind == KindClient || c.Kind == KindFunction
	if !scoped && c.Scope != "" {
		return ErrMalformed
	}
	if scoped {
		if err := checkZone(c.Scope); err != nil {
			return err
		}
	}
	switch c.Kind {
	case KindZone:
		if err := protocol.CheckReserved(c.Name); err != nil {
			return fmt.Errorf("%w: %w", err, ErrMalformed)
		}
		return checkZone(c.Name)
	case KindMember:
		if err := cmp.Or(protocol.CheckName(c.Name), protocol.CheckReserved(c.Name)); err != nil {
			return fmt.Errorf("%w: %w", err, ErrMalformed)
		}
	case KindClient:
		space := func(r rune) bool { return r <= ' ' || r > '~' }
		if c.Name == "" || len(c.Name) > PrincipalMax || strings.ContainsFunc(c.Name, space) {
			return fmt.Errorf("principal %.80q is not 1 to %d printable ASCII characters without spaces: %w", c.Name, PrincipalMax, ErrMalformed)
		}
	case KindFunction:
		if len(c.Name) > FunctionNameMax || strings.Contains(c.Name, "/") || protocol.CheckName("/"+c.Name) != nil {
			return fmt.Errorf("function name %.80q is not 1 to %d letters, digits, '-', '_' and '.': %w", c.Name, FunctionNameMax, ErrMalformed)
		}
	}
	return nil
}
