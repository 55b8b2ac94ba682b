package identity

import (
	"errors"
	"fmt"
	"time"
)

// Errors of encodings.
var (
	ErrText      = errors.New("malformed text")
	ErrVersion   = errors.New("unknown version")
	ErrAlgorithm = errors.New("unknown algorithm")
	ErrCritical  = errors.New("unknown field that must be understood")
	ErrMalformed = errors.New("malformed field")
	ErrOrder     = errors.New("entries not in ascending order")
	ErrTooLarge  = errors.New("exceeds its limit")
)

// Errors of verification. What verification of a chain returns is a *ChainError around one of these, most of them with details in a type of their own.
var (
	ErrWeakKey     = errors.New("public key is weak or not in its shortest form")
	ErrSignature   = errors.New("signature does not match")
	ErrExpired     = errors.New("expired")
	ErrNotYetValid = errors.New("not yet valid")
	ErrLife        = errors.New("issued after its issuer's certificate had expired")
	ErrAuthority   = errors.New("wrong authority")
	ErrRevoked     = errors.New("revoked")
	ErrQuarantined = errors.New("quarantined: it is proven that its holder has signed different things for one place")
	ErrOutside     = errors.New("outside the issuer's zone")
	ErrGrant       = errors.New("grant exceeds those of the issuer")
	ErrQuota       = errors.New("quota exceeded")
	ErrKind        = errors.New("wrong kind of certificate")
	ErrChain       = errors.New("chain has no certificate or too many")
)

// VersionError says that something is encoded in a version that this program does not know. It is an ErrVersion.
type VersionError struct{ Version byte }

func (e *VersionError) Error() string {
	return fmt.Sprintf("version %d is not known here (this program knows %d); it was made by a newer program, or is damaged", e.Version, formatVersion)
}

// Unwrap returns ErrVersion.
func (e *VersionError) Unwrap() error { return ErrVersion }

// AlgorithmError says that something is signed by an algorithm that this program does not know. It is an ErrAlgorithm.
type AlgorithmError struct{ Algorithm byte }

func (e *AlgorithmError) Error() string {
	return fmt.Sprintf("signature algorithm %d is not known here (this program knows %d, Ed25519)", e.Algorithm, algorithmEd25519)
}

// Unwrap returns ErrAlgorithm.
func (e *AlgorithmError) Unwrap() error { return ErrAlgorithm }

// CriticalError says that there is a field of an even tag that this program does not know. It is an ErrCritical.
type CriticalError struct{ Tag uint64 }

func (e *CriticalError) Error() string {
	return fmt.Sprintf("field %d must be understood and is not known here; it was made by a newer program, or is damaged", e.Tag)
}

// Unwrap returns ErrCritical.
func (e *CriticalError) Unwrap() error { return ErrCritical }

// ChainError says which certificate of a chain is wrong, and why.
type ChainError struct {
	Position int // in the chain, 0 is the root's
	Kind     Kind
	Name     string
	Err      error
}

func (e *ChainError) Error() string {
	return fmt.Sprintf("%s certificate %q (number %d of its chain): %v", e.Kind, e.Name, e.Position+1, e.Err)
}

// Unwrap returns the reason.
func (e *ChainError) Unwrap() error { return e.Err }

// ExpiredError says since when something has been expired. It is an ErrExpired.
type ExpiredError struct {
	Since, Now Instant
	Grace      time.Duration // that was granted, and is over, too
}

func (e *ExpiredError) Error() string {
	text := fmt.Sprintf("expired at %s, %s ago", e.Since, e.Now.Sub(e.Since))
	if e.Grace > 0 {
		text += fmt.Sprintf(", more than the grace of %s", e.Grace)
	}
	return text + "; renew it"
}

// Unwrap returns ErrExpired.
func (e *ExpiredError) Unwrap() error { return ErrExpired }

// NotYetValidError says from when on something will be valid. It is an ErrNotYetValid.
type NotYetValidError struct{ From, Now Instant }

func (e *NotYetValidError) Error() string {
	return fmt.Sprintf("not valid before %s, in %s; the clock of this host (now %s) or of the issuer may be wrong", e.From, e.From.Sub(e.Now), e.Now)
}

// Unwrap returns ErrNotYetValid.
func (e *NotYetValidError) Unwrap() error { return ErrNotYetValid }

// AuthorityError says that a certificate comes from another authority than was expected. It is an ErrAuthority.
type AuthorityError struct{ Expected, Found Fingerprint }

func (e *AuthorityError) Error() string {
	return fmt.Sprintf("comes from the authority with the fingerprint %s, expected was %s; is it of another fleet?", e.Found, e.Expected)
}

// Unwrap returns ErrAuthority.
func (e *AuthorityError) Unwrap() error { return ErrAuthority }

// RevokedError says by whom a certificate was revoked. It is an ErrRevoked.
type RevokedError struct {
	Issuer     Fingerprint // of the revocation list
	Number     uint64      // of the revocation list
	Revocation Revocation
}

func (e *RevokedError) Error() string {
	return fmt.Sprintf("revoked by list %d of the authority with the fingerprint %s (%s)", e.Number, e.Issuer, e.Revocation)
}

// Unwrap returns ErrRevoked.
func (e *RevokedError) Unwrap() error { return ErrRevoked }

// OutsideError says that a name does not lie where its issuer may issue. It is an ErrOutside.
type OutsideError struct{ Name, Zone string }

func (e *OutsideError) Error() string {
	return fmt.Sprintf("%q is outside of the issuer's zone %q", e.Name, e.Zone)
}

// Unwrap returns ErrOutside.
func (e *OutsideError) Unwrap() error { return ErrOutside }

// GrantError says which grant somebody lacks: one that is to be handed down, or one that issuing takes. It is an ErrGrant.
type GrantError struct{ Grant Grant }

func (e *GrantError) Error() string {
	return fmt.Sprintf("the issuer has no grant that covers %q", e.Grant)
}

// Unwrap returns ErrGrant.
func (e *GrantError) Unwrap() error { return ErrGrant }

// QuotaError says which quota is too large or used up. It is an ErrQuota.
type QuotaError struct {
	What  string // "members" or "rows"
	Limit uint64
}

func (e *QuotaError) Error() string {
	return fmt.Sprintf("exceeds the issuer's quota of %d %s", e.Limit, e.What)
}

// Unwrap returns ErrQuota.
func (e *QuotaError) Unwrap() error { return ErrQuota }

// KindError says that a certificate of one kind cannot issue one of another, or is not of the kind that is needed. It is an ErrKind.
type KindError struct{ Found, Issuer Kind } // Issuer is 0 for the root

func (e *KindError) Error() string {
	if e.Issuer == 0 {
		return fmt.Sprintf("a chain begins with a zone certificate signed by its own key, not with a %s certificate", e.Found)
	}
	return fmt.Sprintf("the holder of a %s certificate cannot issue a %s certificate", e.Issuer, e.Found)
}

// Unwrap returns ErrKind.
func (e *KindError) Unwrap() error { return ErrKind }
