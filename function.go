package spinglass

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"spinglass/astrolabe"
	"spinglass/astrolabe/afc"
	"spinglass/identity"
	"spinglass/protocol"
)

// FunctionLifeDefault is for how long a function is in force unless it says otherwise.
const FunctionLifeDefault = 24 * time.Hour

// Function is a program that makes attributes of the row of a zone of the rows of its table; see package afc for the language. It is evaluated in the zone that it is for and in all below it.
type Function struct {
	Name    string    // letters, digits, '-', '_' and '.', at most [identity.FunctionNameMax]; of a name there is one in force at each zone
	Zone    string    // that it is for
	Version uint64    // of two of one name and zone the greater one is in force
	Expires time.Time // in whole seconds; what is not renewed by a later version ends then
	Program string    // an empty one makes nothing, and so takes earlier versions back
	Outputs []string  // attributes that the program makes; [Node.Install] does not look at them
	// Chain leads from the fleet's root to the certificate of the function, which says all of the above; of the program its hash. It is needed where nodes have an [Identity], and
	// only there; Install then reads nothing else but the program.
	Chain identity.Chain
}

// Install has a function in force at all members of its zone, to which it spreads by gossip in seconds. In a fleet whose members have identities it has to be signed: Chain ends in a certificate of
// kind function ([identity.Authority.IssueFunction]). In others nobody signs, and a Version of 0 stands for the next one, an Expires of zero for [FunctionLifeDefault] from now.
//
// Errors: [ErrZone] for a zone whose table this node does not hold, [ErrProgram], also where its steps do not do for as many rows as a table of this node may have, [ErrForbidden] for a function that is not signed as it should be, [ErrLimit] when the zone has
// as many functions as it may have, [ErrFunction] for any other, such as one that has expired or is older than what is there, [ErrClosed].
func (n *Node) Install(ctx context.Context, f *Function) error {
	signed := len(f.Chain) > 0
	switch {
	case n.credentials.policy != nil && !signed:
		return fmt.Errorf("%w: functions of this fleet are signed, and this one is not", ErrForbidden)
	case n.credentials.policy == nil && signed:
		return fmt.Errorf("%w: it is signed, and this node has no identity by which it could believe that", ErrFunction)
	}
	function := &astrolabe.Function{Name: f.Name, Scope: f.Zone, Version: f.Version, Program: f.Program, Chain: f.Chain, Expires: min(identity.InstantOf(f.Expires), identity.InstantMax)}
	if signed {
		leaf := f.Chain.Leaf()
		function.Name, function.Scope = leaf.Name, leaf.Scope
	}
	var failed error
	err := n.call(ctx, func(at protocol.Time, _ *protocol.Output) {
		if !signed {
			n.complete(at, function, f.Expires.IsZero())
		}
		failed = n.functionError(function, n.stack.Install(at, function))
	})
	if err != nil {
		return err
	}
	return failed
}

// complete fills in what an unsigned function leaves open. The next version is the milliseconds since 1970, or one later than what is there. It is called on the loop.
func (n *Node) complete(at protocol.Time, f *astrolabe.Function, expires bool) {
	wall := n.epoch.Add(time.Duration(at))
	if expires {
		f.Expires = identity.InstantOf(wall.Add(FunctionLifeDefault))
	}
	if f.Version > 0 {
		return
	}
	f.Version = uint64(max(wall.UnixMilli(), 1))
	for _, known := range n.stack.Functions(at) {
		if known.Name == f.Name && known.Scope == f.Scope {
			f.Version = max(f.Version, known.Version+1)
		}
	}
}

// functionError returns the error of Install and TryFunction for one of the protocols. It is called on the loop.
func (n *Node) functionError(f *astrolabe.Function, err error) error {
	program, expensive := (*afc.Error)(nil), (*afc.CostError)(nil)
	certificate := (*identity.ChainError)(nil)
	switch {
	case err == nil:
		return nil
	case errors.Is(err, astrolabe.ErrScope), errors.Is(err, astrolabe.ErrZoneNotHeld):
		return fmt.Errorf("%w %s: this node holds those of %s", ErrZone, f.Scope, strings.Join(n.stack.Zones(), ", "))
	case errors.As(err, &program), errors.As(err, &expensive), errors.Is(err, astrolabe.ErrOutputs):
		return fmt.Errorf("%w: %w", ErrProgram, err)
	case errors.Is(err, astrolabe.ErrFunctions):
		return fmt.Errorf("%w: %w: %s has %d, those that were taken back and have not expired among them", ErrLimit, err, f.Scope, astrolabe.FunctionsZoneMax)
	case errors.As(err, &certificate), errors.Is(err, astrolabe.ErrProgram), errors.Is(err, astrolabe.ErrUnsigned), errors.Is(err, identity.ErrChain), errors.Is(err, identity.ErrTooLarge):
		return fmt.Errorf("%w: function %q for %s: %w", ErrForbidden, f.Name, f.Scope, err)
	}
	return fmt.Errorf("%w: %q for %s: %w", ErrFunction, f.Name, f.Scope, err)
}

// Functions returns the functions that this node holds: those for the zones on the way from the root to its own, by name and zone. One with an empty program took earlier
// versions back. A node with [Config].DataDir keeps them, and any node that starts gets them from others.
func (n *Node) Functions(ctx context.Context) ([]Function, error) {
	var statuses []astrolabe.FunctionStatus
	if err := n.call(ctx, func(at protocol.Time, _ *protocol.Output) { statuses = n.stack.Functions(at) }); err != nil {
		return nil, err
	}
	functions := make([]Function, len(statuses))
	for i := range statuses {
		s := &statuses[i]
		functions[i] = Function{
			Name: s.Name, Zone: s.Scope, Version: s.Version, Expires: time.Unix(int64(s.Expires), 0).UTC(), Program: s.Program, Outputs: s.Outputs, Chain: s.Chain,
		}
	}
	return functions, nil
}

// Trial is what a program makes of the rows of a zone's table.
type Trial struct {
	Outputs  Attrs    // those that are not NULL
	Null     []string // those that are, which a row does not have
	Rows     int      // of the table
	Steps    int      // that an evaluation takes at most, for as many rows as a table of this node may have: hosts by [Config].ZoneLimit, child zones by [astrolabe.ChildrenDefault]
	Warnings []ProgramWarning
}

// ProgramWarning is something that a program says and that its author hardly means.
type ProgramWarning struct {
	Line, Column int // from 1, in characters
	Message      string
}

// TryFunction evaluates a program over the rows of a zone's table as they are, and installs nothing. Errors: [ErrZone], [ErrProgram], also when it takes more than
// [identity.FunctionStepsMax] steps for as many rows as a table may have, [ErrClosed].
func (n *Node) TryFunction(ctx context.Context, zone, program string) (*Trial, error) {
	if program == "" {
		return nil, fmt.Errorf("%w: it is empty", ErrProgram)
	}
	var trial *astrolabe.Trial
	var failed error
	err := n.call(ctx, func(protocol.Time, *protocol.Output) {
		if trial, failed = n.stack.Try(zone, program); failed != nil {
			failed = n.functionError(&astrolabe.Function{Name: "trial", Scope: zone}, failed)
		}
	})
	if err != nil {
		return nil, err
	}
	if failed != nil {
		return nil, failed
	}
	t := &Trial{Outputs: decodeAttributes(trial.Outputs), Null: trial.Null, Rows: trial.Rows, Steps: trial.Cost, Warnings: make([]ProgramWarning, len(trial.Warnings))}
	for i, w := range trial.Warnings {
		t.Warnings[i].Line, t.Warnings[i].Column = position(program, w.Offset)
		t.Warnings[i].Message = w.Message
	}
	return t, nil
}

// position returns the line and the column of a place in a text.
func position(text string, offset int) (line, column int) {
	before := text[:offset]
	return strings.Count(before, "\n") + 1, utf8.RuneCountInString(before[strings.LastIndexByte(before, '\n')+1:]) + 1
}
