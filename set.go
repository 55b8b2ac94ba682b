package spinglass

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"spinglass/astrolabe"
	"spinglass/identity"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/table"
	"spinglass/wire"
)

// rowLimit bounds rows, in bytes of their encoding: one goes into a datagram with what leads it.
const rowLimit = table.RowSizeDefault

// Set sets attributes of the own row, and removes those whose value is nil. The others learn of it by gossip: of all of a call together, or, with an identity, where each
// row is signed, of some of it a moment earlier. What was set is gone when the node has ended.
//
// When it fails, the row is as it was. Errors: [ErrAttribute] for a name or a value that cannot be set, [ErrRowTooLarge], [ErrForbidden] when the certificate of the node does
// not allow it, [ErrClosed].
func (n *Node) Set(ctx context.Context, attributes Attrs) error {
	if len(attributes) > table.AttributesMax {
		return fmt.Errorf("%w: %d attributes at once exceed the limit of %d", ErrRowTooLarge, len(attributes), table.AttributesMax)
	}
	changes, err := encodeAttributes(attributes)
	if err != nil {
		return err
	}
	for _, a := range changes {
		if err := n.allows(identity.VerbSet, a.Name); err != nil {
			return err
		}
	}
	var failed error
	err = n.call(ctx, func(now protocol.Time, out *protocol.Output) {
		if failed = n.fits(changes); failed == nil {
			failed = n.set(now, changes, out)
		}
	})
	if err != nil {
		return err
	}
	return failed
}

// SetRow sets attributes of a further row of this host, for an application of its own, and removes those whose value is nil; a row without any is gone. Its name is that of the node and row as one more
// component: /us/ny/web-7/db. These rows are the table of the host, which it alone holds, and which others ask for: [Node.Rows] of the host's name. What functions that are in force in the
// zone make of them stands in the host's own row, unless [Node.Set] has set an attribute of that name, and so it gets into the summaries of zones.
//
// Errors: [ErrRowName], [ErrLimit] when there are [astrolabe.OwnRowsMax] rows, and those of Set.
func (n *Node) SetRow(ctx context.Context, row string, attributes Attrs) error {
	changes, err := encodeAttributes(attributes)
	if err != nil {
		return err
	}
	for _, a := range changes {
		if err := n.allows(identity.VerbSet, a.Name); err != nil {
			return err
		}
	}
	var failed error
	if err := n.call(ctx, func(protocol.Time, *protocol.Output) { failed = n.stack.Tables.SetOwnRow(row, changes) }); err != nil {
		return err
	}
	switch {
	case errors.Is(failed, astrolabe.ErrOwnRows):
		return fmt.Errorf("%w: %w: %d", ErrLimit, failed, astrolabe.OwnRowsMax)
	case errors.Is(failed, astrolabe.ErrOwnRowName):
		return fmt.Errorf("%w: %w", ErrRowName, failed)
	}
	return setError("", failed)
}

// fits reports why the row that others see would be too large, so that nothing of it has to be taken back. It is called on the loop.
func (n *Node) fits(changes []protocol.Attribute) error {
	row := n.stack.Membership.Own()
	if row == nil {
		return nil
	}
	for _, a := range changes {
		row = row.WithAttribute(a)
	}
	longest := *row
	longest.Name = protocol.LongestName(row.Name)
	return setError("", longest.Check(rowLimit))
}

// set makes the changes, or none of them. Those that make the row smaller come first, so that there is room on the way if there is in the end.
func (n *Node) set(now protocol.Time, changes []protocol.Attribute, out *protocol.Output) error {
	growth := func(a protocol.Attribute) int {
		return attributeSize(a.Name, a.Value) - attributeSize(a.Name, n.attributes[a.Name])
	}
	slices.SortStableFunc(changes, func(a, b protocol.Attribute) int { return growth(a) - growth(b) })
	for i, a := range changes {
		if err := n.stack.SetAttribute(now, a, out); err != nil {
			for _, made := range slices.Backward(changes[:i]) {
				// The row was as large before, so that this cannot fail.
				_ = n.stack.SetAttribute(now, protocol.Attribute{Name: made.Name, Value: n.attributes[made.Name]}, out)
			}
			return setError(a.Name, err)
		}
	}
	for _, a := range changes {
		if a.Value == nil {
			delete(n.attributes, a.Name)
		} else {
			n.attributes[a.Name] = a.Value
		}
		n.stack.Tables.Claim(a.Name, a.Value != nil)
		n.releaseBlob(a)
	}
	return nil
}

// attributeSize returns how many bytes of a row an attribute takes.
func attributeSize(name string, value []byte) int {
	if value == nil {
		return 0
	}
	return wire.BytesSize(len(name)) + wire.BytesSize(len(value))
}

// setError returns the error of Set for one of membership.
func setError(name string, err error) error {
	switch {
	case errors.Is(err, membership.ErrNotGranted):
		return fmt.Errorf("%w: the certificate of this node has no grant to set attribute %q", ErrForbidden, name)
	case errors.Is(err, membership.ErrLeft):
		return ErrClosed
	case errors.Is(err, table.ErrField):
		return fmt.Errorf("%w: a row has at most %d attributes", ErrRowTooLarge, table.AttributesMax)
	}
	return err // nil, or a *table.RowTooLargeError
}
