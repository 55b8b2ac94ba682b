package spinglass

import (
	"errors"
	"fmt"

	"spinglass/membership"
	"spinglass/table"
	"spinglass/wire"
)

// Errors, for use with errors.Is.
var (
	// ErrClosed tells that the node or the subscription was closed.
	ErrClosed = errors.New("spinglass: closed")
	// ErrConfig tells that a configuration or an option is wrong; its text says what.
	ErrConfig = errors.New("spinglass: configuration")
	// ErrTooLarge tells that a message exceeds the limit.
	ErrTooLarge = fmt.Errorf("spinglass: message exceeds %d bytes", wire.MessageMax)
	// ErrTopic tells that the name of a topic, or a pattern, is empty or too long, or has wildcards where it cannot; its text says more.
	ErrTopic = errors.New("spinglass: name of a topic")
	// ErrLimit tells that a bound of the node is reached, such as the number of topics; its text says which.
	ErrLimit = errors.New("spinglass: limit reached")
	// ErrForbidden tells that the certificate of this node does not allow what was asked; its text says what.
	ErrForbidden = errors.New("spinglass: not allowed")
	// ErrAttribute tells that an attribute cannot be set; its text says why.
	ErrAttribute = errors.New("spinglass: attribute")
	// ErrRowTooLarge tells that the node's row would exceed its limit; its text says by how much, and by errors.As it is a [*table.RowTooLargeError].
	ErrRowTooLarge = table.ErrRowFull
	// ErrUnanswered tells that what this node does not hold itself nobody has told it; its text says of whom it asked, and for how long.
	ErrUnanswered = errors.New("spinglass: nobody answers")
	// ErrZone tells that the node does not hold the table of a zone, or that there is no such zone; its text says which it holds.
	ErrZone = errors.New("spinglass: no table of the zone")
	// ErrRow tells that there is no row of a name in the tables that the node holds.
	ErrRow = errors.New("spinglass: no row")
	// ErrRowName tells that a row of a host cannot have the name.
	ErrRowName = errors.New("spinglass: name of a row")
	// ErrBlob tells that there is no blob where one was asked for, or that data cannot be one; its text says why.
	ErrBlob = errors.New("spinglass: blob")
	// ErrProgram tells that a text is not a program, makes what it cannot make, or takes too many steps; its text says what and where, and by errors.As it is an [*afc.Error] or an [*afc.CostError].
	ErrProgram = errors.New("spinglass: program")
	// ErrFunction tells that a function cannot be in force; its text says why. By errors.Is it is one of package astrolabe, such as [astrolabe.ErrVersion] for one that is not later
	// than what is there.
	ErrFunction = errors.New("spinglass: function cannot be in force")
	// ErrNotRunning tells that the node does not take part yet: its own row is not signed or its boot counter not stored.
	ErrNotRunning = membership.ErrNotRunning
	// ErrGroup tells that a group cannot be joined; its text says why.
	ErrGroup = errors.New("spinglass: group")
	// ErrNotPrimary tells that this member cannot reach a majority of its group, so that it must not act.
	ErrNotPrimary = errors.New("spinglass: no majority of the group can be reached")
	// ErrMajority tells that a group is not recovered, since a majority of it can be reached, or may be; its text says who knows.
	ErrMajority = errors.New("spinglass: a majority of the group may be reached")
	// ErrEjected tells that a group has gone on without this member; its text says why.
	ErrEjected = errors.New("spinglass: ejected from the group")
	// ErrSlow tells that this member has left a group because its application was too slow.
	ErrSlow = errors.New("spinglass: the application was too slow for the group")
	// ErrUncertain tells that the group may have, or will have, carried out what was cast, or not.
	ErrUncertain = errors.New("spinglass: the outcome is not known")
	// ErrState tells that a member cannot take in the state of its group; its text says why.
	ErrState = errors.New("spinglass: state of the group")
	// ErrDataDir tells that the data directory cannot be used; its text says why.
	ErrDataDir = errors.New("spinglass: data directory")
)
