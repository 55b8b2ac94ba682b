package astrolabe

import (
	"cmp"
	"errors"

	"spinglass/astrolabe/afc"
	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/table"
	"spinglass/wire"
)

// Errors of accounts of others.
var (
	errAccount = errors.New("astrolabe: malformed account of a summary")
	errRules   = errors.New("astrolabe: an account by the rules of another build")
)

// Append appends the encoding of an account with all its parts.
func (a *account) Append(b []byte) []byte {
	b = wire.AppendBytes(b, a.appendIndex(nil))
	for i := range a.leaves {
		b = wire.AppendBytes(b, a.part(i))
	}
	return b
}

// size returns how many bytes Append adds at most.
func (a *account) size() int {
	size := len(a.appendIndex(nil)) + 4
	for i := range a.leaves {
		size += len(a.part(i)) + 2
	}
	return size
}

// readAccount reads the encoding of an account, and makes sure that its parts are those of its index.
func readAccount(r *wire.Reader) (*account, error) {
	a, err := readIndex(r.Bytes(AccountSizeMax))
	if r.Err() != nil {
		return nil, r.Err()
	}
	if err != nil {
		return nil, err
	}
	for i := range a.leaves {
		part := r.Bytes(accountPartMax)
		if r.Err() != nil {
			return nil, r.Err()
		}
		if err := a.setPart(i, part); err != nil {
			return nil, err
		}
	}
	return a, a.check()
}

// readIndex reads the index of an account, whose parts are empty yet. It does not alias b.
func readIndex(b []byte) (*account, error) {
	r := wire.NewReader(b)
	if rules := r.Byte(); r.Err() == nil && rules != accountRules {
		return nil, errRules
	}
	a := &account{
		zone: string(r.Bytes(protocol.NameMax + 2)), representatives: int(r.UvarintMax(RepresentativesMax)), limit: int(r.UvarintMax(table.RowSizeMax)),
	}
	for range r.Count(barredMax, 8) {
		id := protocol.NodeID(r.Fixed64())
		if last := len(a.barred) - 1; last >= 0 && id <= a.barred[last] {
			r.Fail(table.ErrOrder)
		}
		a.barred = append(a.barred, id)
	}
	functions, inputs := int(r.UvarintMax(DepthMax*FunctionsZoneMax)), int(r.UvarintMax(accountInputsMax))
	if r.Err() != nil || r.Len() != (functions+inputs)*DigestSize || a.representatives < 1 {
		return nil, errAccount
	}
	a.functions, a.inputs, a.leaves = make([]accountFunction, functions), make([]input, inputs), make([]inputsDigest, functions+inputs)
	for i := range a.leaves {
		copy(a.leaves[i][:], r.Take(DigestSize))
	}
	a.digest = digestOf(accountText, b)
	return a, nil
}

// setPart takes in a part of an account. The error says that it is not the one that the index names, or none.
func (a *account) setPart(i int, part []byte) error {
	if digestOf(partText, part) != a.leaves[i] {
		return errAccount
	}
	if i < len(a.functions) {
		f, err := readFunctionPart(part)
		if err == nil {
			a.functions[i] = *f
		}
		return err
	}
	in, err := readInput(part)
	if err == nil {
		a.inputs[i-len(a.functions)] = *in
	}
	return err
}

// check reports whether all parts are there and in order.
func (a *account) check() error {
	for i := range a.inputs {
		if a.inputs[i].row == nil || i > 0 && cmp.Compare(identifier(&a.inputs[i-1]), identifier(&a.inputs[i])) >= 0 {
			return errAccount
		}
	}
	return nil
}

func readFunctionPart(b []byte) (*accountFunction, error) {
	r := wire.NewReader(b)
	kind := r.Byte()
	f := &accountFunction{version: r.Uvarint(), steps: r.UvarintMax(identity.FunctionStepsMax), size: r.UvarintMax(identity.FunctionSizeMax)}
	f.text = string(r.Bytes(afc.TextMax))
	if err := r.Done(); err != nil {
		return nil, err
	}
	if kind != partFunction {
		return nil, errAccount
	}
	f.program, _ = afc.Compile(f.text, afc.Limits{Rows: 1, Steps: int(cmp.Or(f.steps, FunctionStepsDefault))}) // without a program nothing is judged by it
	return f, nil
}

func readInput(b []byte) (*input, error) {
	r := wire.NewReader(b)
	kind := r.Byte()
	row := &table.Row{Name: string(r.Bytes(protocol.NameMax))}
	in := &input{row: row, host: kind == partHost}
	if in.host {
		row.Owner, in.rank = protocol.NodeID(r.Fixed64()), uint64(r.Byte())
		for range r.Count(contactAddressesMax, 1) {
			row.Addresses = append(row.Addresses, protocol.Address(r.Bytes(protocol.AddressMax)))
		}
	} else {
		in.rank = rankOf(row.Name)
	}
	for range r.Count(table.AttributesMax, 2) {
		a := protocol.Attribute{Name: string(r.Bytes(table.AttributeNameMax)), Value: append([]byte{}, r.Bytes(table.RowSizeMax)...)}
		if last := len(row.Attributes) - 1; last >= 0 && a.Name <= row.Attributes[last].Name || !in.host && clocked(a.Name) {
			r.Fail(table.ErrOrder)
		}
		if r.Err() != nil {
			break
		}
		row.Attributes = append(row.Attributes, a)
	}
	if err := r.Done(); err != nil {
		return nil, err
	}
	if kind != partHost && kind != partZone || protocol.CheckName(row.Name) != nil || in.host && in.rank > 1 {
		return nil, errAccount
	}
	return in, nil
}
