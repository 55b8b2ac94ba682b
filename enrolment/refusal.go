package enrolment

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"spinglass/identity"
	"spinglass/protocol"
)

// Code says why an issuer refuses, for programs. The numbers are part of the protocol and stay.
type Code uint8

// The codes.
const (
	CodeInternal     Code = 1 // the issuer cannot at the moment, through no fault of who asks
	CodeBusy         Code = 2
	CodeMalformed    Code = 3
	CodeTokenUnknown Code = 4
	CodeTokenSecret  Code = 5
	CodeTokenSpent   Code = 6
	CodeExpired      Code = 7
	CodeNotYetValid  Code = 8
	CodeRevoked      Code = 9
	CodeTaken        Code = 10
	CodeOutside      Code = 11
	CodeFleet        Code = 12 // another fleet's
	CodeQuota        Code = 13
	CodeGrant        Code = 14
	CodeProof        Code = 15
	CodeOther        Code = 255 // anything else that is wrong with the request
)

// Errors of an issuer, besides those of package identity.
var (
	ErrBusy     = errors.New("has too much to do at the moment; try again later")
	ErrInternal = errors.New("cannot issue at the moment; its log says why")
	ErrProof    = errors.New("certificate is for another key than the one that the connection proves")
)

// codes says which error each code stands for. Of an error that is several of them the first counts.
var codes = []struct {
	code Code
	err  error
}{
	{CodeBusy, ErrBusy}, {CodeTokenUnknown, identity.ErrTokenUnknown}, {CodeTokenSecret, identity.ErrTokenSecret}, {CodeTokenSpent, identity.ErrTokenSpent},
	{CodeRevoked, identity.ErrRevoked}, {CodeExpired, identity.ErrExpired}, {CodeNotYetValid, identity.ErrNotYetValid}, {CodeTaken, identity.ErrTaken},
	{CodeOutside, identity.ErrOutside}, {CodeFleet, identity.ErrAuthority}, {CodeQuota, identity.ErrQuota}, {CodeGrant, identity.ErrGrant},
	{CodeProof, ErrProof}, {CodeMalformed, ErrMessage}, {CodeMalformed, identity.ErrMalformed}, {CodeInternal, ErrInternal},
}

// refusalOf returns what the issuer says of an error of its own. Errors of files are nobody's business but the operator's.
func refusalOf(err error) *refusal {
	var kept *FileError
	if errors.As(err, &kept) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, ErrNoAuthority) {
		err = ErrInternal
	}
	r := &refusal{Code: CodeOther, Text: printable(err.Error())}
	for _, c := range codes {
		if errors.Is(err, c.err) {
			r.Code = c.code
			break
		}
	}
	return r
}

// printable returns text on one line, without what does not print, and cut to RefusalTextMax.
func printable(text string) string {
	text = strings.Map(func(r rune) rune {
		if r == utf8.RuneError || !unicode.IsPrint(r) {
			return ' '
		}
		return r
	}, text)
	for len(text) > RefusalTextMax {
		_, size := utf8.DecodeLastRuneInString(text)
		text = text[:len(text)-size]
	}
	return text
}

// RefusalError says that an issuer refused, and why. It is the error of package identity, or of this one, that its code stands for.
type RefusalError struct {
	Address protocol.Address // of the issuer
	Code    Code
	Text    string // as the issuer says it
}

func (e *RefusalError) Error() string { return fmt.Sprintf("issuer %s refuses: %s", e.Address, e.Text) }

// Unwrap returns the error that the code stands for, or nil.
func (e *RefusalError) Unwrap() error {
	for _, c := range codes {
		if c.code == e.Code {
			return c.err
		}
	}
	return nil
}

// final reports whether other issuers, or later tries, would say the same.
func (e *RefusalError) final() bool {
	switch e.Code {
	case CodeInternal, CodeBusy, CodeTokenUnknown, CodeQuota, CodeOutside:
		return false
	}
	return true
}

// ClockError says that the clocks of a node and an issuer differ by more than identity.Skew, so that neither could judge the other's certificates.
type ClockError struct {
	Address      protocol.Address // of the issuer
	Here, Issuer identity.Instant
}

func (e *ClockError) Error() string {
	by, word := e.Here.Sub(e.Issuer), "ahead of"
	if by < 0 {
		by, word = -by, "behind"
	}
	return fmt.Sprintf("the clock of this host (%s) is %s %s that of issuer %s (%s): set the one that is wrong, at most %s are tolerated",
		e.Here, by.Round(time.Second), word, e.Address, e.Issuer, identity.Skew)
}

// Unwrap returns ErrClock.
func (e *ClockError) Unwrap() error { return ErrClock }

// ErrClock says that clocks differ too much.
var ErrClock = errors.New("clocks differ")
