package table

import (
	"errors"
	"fmt"
)

// Errors of rows and values. A *RowTooLargeError is an ErrRowFull, and a *FullError an ErrZoneFull.
var (
	ErrFormat = errors.New("table: row of an unknown format")
	ErrField  = errors.New("table: malformed field of a row")
	ErrOrder  = errors.New("table: entries not in ascending order")
	ErrValue  = errors.New("table: malformed value")

	ErrRowFull  = errors.New("table: row exceeds its limit")
	ErrZoneFull = errors.New("table: zone exceeds its limit")
)

// RowTooLargeError says that a row does not fit into its limit.
type RowTooLargeError struct {
	Size  int // bytes of the row's encoding
	Limit int
}

func (e *RowTooLargeError) Error() string {
	return fmt.Sprintf("row of %d bytes exceeds the limit of %d; shorten attributes or remove some", e.Size, e.Limit)
}

// Unwrap returns ErrRowFull.
func (e *RowTooLargeError) Unwrap() error { return ErrRowFull }

// FullError says that a zone holds as many rows as its limit allows.
type FullError struct {
	Limit int // rows
}

func (e *FullError) Error() string {
	return fmt.Sprintf("the zone holds its limit of %d rows; raise the zone limit at all members or make more zones", e.Limit)
}

// Unwrap returns ErrZoneFull.
func (e *FullError) Unwrap() error { return ErrZoneFull }
