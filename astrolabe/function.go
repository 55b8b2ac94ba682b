package astrolabe

import (
	"cmp"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"spinglass/astrolabe/afc"
	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/wire"
)

// Limits of functions.
const (
	FunctionSizeMax  = identity.ChainSizeMax + afc.TextMax + 1<<10 // bytes of one with all that proves it
	FunctionsZoneMax = 16                                          // that one zone is the scope of

	// FunctionStepsDefault is what an evaluation may take where a function does not say.
	FunctionStepsDefault = afc.RowsDefault * afc.StepsPerRowDefault
)

// Function is a program that makes attributes of a zone's row of the rows of its table. It is evaluated in the zone that is its scope and in all below it. It is immutable.
type Function struct {
	Name    string // of a function there is one in force at each zone
	Scope   string // a zone
	Version uint64 // of two of one name and scope the greater one is in force; not 0
	Expires identity.Instant
	Steps   uint64 // that an evaluation may take; 0 for FunctionStepsDefault
	Size    uint64 // bytes that its outputs may take; 0 for no bound but that of the row
	Program string // see package afc; an empty one makes no attributes, and so takes an earlier version back
	// Chain leads from the fleet's root to the function's certificate, which says all of the above. Without one it holds in fleets only whose members have no identities.
	Chain identity.Chain
}

// Errors of functions.
var (
	ErrScope     = errors.New("the function's scope is not a zone that this member is in")
	ErrUnsigned  = errors.New("the function is not signed")
	ErrProgram   = errors.New("the program is not the one of the function's certificate")
	ErrExpired   = errors.New("the function has expired")
	ErrOutputs   = errors.New("a function cannot make an attribute that all zones have")
	ErrVersion   = errors.New("a version of the function that is not older is there already")
	ErrFunctions = errors.New("the zone has as many functions as it may have")
)

// SignedFunction returns the function that a certificate stands for, with its program.
func SignedFunction(chain identity.Chain, program string) (*Function, error) {
	if len(chain) == 0 || chain.Leaf().Kind != identity.KindFunction {
		return nil, ErrUnsigned
	}
	c := chain.Leaf()
	if sha256.Sum256([]byte(program)) != c.Function.Program {
		return nil, ErrProgram
	}
	return &Function{
		Name: c.Name, Scope: c.Scope, Version: c.Function.Version, Expires: chain.NotAfter(), Steps: c.Function.Steps, Size: c.Function.Size, Program: program, Chain: chain,
	}, nil
}

// Append appends the encoding of the function: that of its chain if it has one, or else what a certificate would say, and the program.
func (f *Function) Append(b []byte) []byte {
	if len(f.Chain) > 0 {
		b = wire.AppendBytes(b, f.Chain.Append(nil))
	} else {
		b = wire.AppendBytes(wire.AppendBytes(wire.AppendUvarint(b, 0), f.Name), f.Scope)
		b = wire.AppendUvarint(wire.AppendUvarint(b, f.Version), uint64(f.Expires))
		b = wire.AppendUvarint(wire.AppendUvarint(b, f.Steps), f.Size)
	}
	return wire.AppendBytes(b, f.Program)
}

// DecodeFunction reads the encoding of one function, which must fill b.
func DecodeFunction(b []byte) (*Function, error) {
	r := wire.NewReader(b)
	encoded := r.Bytes(identity.ChainSizeMax)
	var f Function
	if len(encoded) == 0 {
		f = Function{Name: string(r.Bytes(identity.FunctionNameMax)), Scope: string(r.Bytes(protocol.NameMax)), Version: r.Uvarint()}
		f.Expires = identity.Instant(r.UvarintMax(uint64(identity.InstantMax)))
		f.Steps, f.Size = r.UvarintMax(identity.FunctionStepsMax), r.UvarintMax(identity.FunctionSizeMax)
	}
	f.Program = string(r.Bytes(afc.TextMax))
	if err := r.Done(); err != nil {
		return nil, err
	}
	if len(encoded) == 0 {
		return &f, f.check()
	}
	chain, err := identity.DecodeChain(encoded)
	if err != nil {
		return nil, err
	}
	return SignedFunction(chain, f.Program)
}

// check reports what is wrong with a function without a certificate; the fields of others were checked with that.
func (f *Function) check() error {
	switch {
	case f.Version == 0:
		return errors.New("the version of a function is not 0")
	case f.Scope != Root && protocol.CheckName(f.Scope) != nil:
		return fmt.Errorf("scope %.80q is no zone", f.Scope)
	case strings.Contains(f.Name, "/") || protocol.CheckName("/"+f.Name) != nil || len(f.Name) > identity.FunctionNameMax:
		return fmt.Errorf("function name %.80q is not 1 to %d letters, digits, '-', '_' and '.'", f.Name, identity.FunctionNameMax)
	}
	return nil
}

// functionID names a function with all that belongs to it.
type functionID uint64

// identify returns the name of an encoding: the first bytes of its hash. It is a name among friends: what has it is checked for itself.
func identify(encoding []byte) functionID {
	sum := sha256.Sum256(encoding)
	return functionID(binary.BigEndian.Uint64(sum[:]))
}

// compile compiles the program of a function, nil for an empty one, and checks what it makes. It has to be able to read so many rows.
func (f *Function) compile(rows int) (*afc.Program, error) {
	if f.Program == "" {
		return nil, nil
	}
	p, err := afc.Compile(f.Program, afc.Limits{Rows: rows, Steps: int(cmp.Or(f.Steps, FunctionStepsDefault))})
	if err != nil {
		return nil, err
	}
	for _, name := range p.Outputs() {
		if systemAttribute(name) {
			return nil, fmt.Errorf("%w: %s", ErrOutputs, name)
		}
	}
	return p, nil
}
