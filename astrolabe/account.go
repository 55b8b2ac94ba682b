package astrolabe

import (
	"cmp"
	"crypto/sha256"
	"slices"

	"spinglass/astrolabe/afc"
	"spinglass/protocol"
	"spinglass/table"
	"spinglass/wire"
)

// DigestSize is how many bytes of a SHA-256 stand for what a summary was made of.
const DigestSize = 16

// inputsDigest is a hash of an account, or of a part of one; zero for none.
type inputsDigest [DigestSize]byte

// account is everything that a summary was made of, as far as the summary follows from it: the same inputs, by what they say, give the same account, whoever made their rows and
// however old they are. What depends on clocks, the age of the oldest host and how many rows are expected, is no part of it.
type account struct {
	zone            string
	representatives int
	limit           int               // bytes of the row
	barred          []protocol.NodeID // who is no contact, ascending
	functions       []accountFunction // in the order in which they are evaluated
	inputs          []input           // by identifier
	leaves          []inputsDigest    // hashes of the functions, then of the inputs
	digest          inputsDigest
}

// accountFunction is a function as far as its values follow from it.
type accountFunction struct {
	version, steps, size uint64
	text                 string
	program              *afc.Program // nil where the text is none in this build
}

// accountRules says by which rules summaries follow from accounts. It is another number where a build summarises, evaluates or fits in another way; nobody judges by rules that it does not have.
const accountRules = 2

// Kinds of the parts of accounts.
const (
	partFunction = 0
	partZone     = 1
	partHost     = 2
)

const (
	accountText = "spinglass 1 zone inputs\x00"
	partText    = "spinglass 1 zone input\x00"
)

// Limits of accounts that are told to others.
const (
	AccountSizeMax   = 1 << 18 // bytes of one that is judged: 128 hosts with rows of 1 KiB, and the functions
	accountInputsMax = 1 << 12 // inputs of one that is told
	accountPartMax   = 1 << 13 // bytes of one input, or function
	barredMax        = 16      // members that are no contacts
)

// clocked reports whether an attribute of a zone's row depends on clocks, or on an account.
func clocked(name string) bool {
	return name == AttributeAge || name == AttributeRowsExpected || name == AttributeInputs
}

// digestOf returns the hash of a part of an account, or of its index.
func digestOf(text string, encoding []byte) (d inputsDigest) {
	sum := sha256.Sum256(append([]byte(text), encoding...))
	copy(d[:], sum[:])
	return d
}

// appendPart appends the encoding of a function.
func (f *accountFunction) appendPart(b []byte) []byte {
	b = wire.AppendUvarint(append(b, partFunction), f.version)
	b = wire.AppendUvarint(wire.AppendUvarint(b, f.steps), f.size)
	return wire.AppendBytes(b, f.text)
}

// appendPart appends the encoding of what an input says.
func (in *input) appendPart(b []byte) []byte {
	row := in.row
	if !in.host {
		b = wire.AppendBytes(append(b, partZone), row.Name)
		kept := 0
		for i := range row.Attributes {
			if !clocked(row.Attributes[i].Name) {
				kept++
			}
		}
		return appendAttributes(wire.AppendUvarint(b, uint64(kept)), row.Attributes, clocked)
	}
	b = wire.AppendBytes(append(b, partHost), row.Name)
	b = append(wire.AppendFixed64(b, uint64(row.Owner)), byte(in.rank))
	addresses := contactOf(row).Addresses
	b = wire.AppendUvarint(b, uint64(len(addresses)))
	for _, address := range addresses {
		b = wire.AppendBytes(b, address)
	}
	return appendAttributes(wire.AppendUvarint(b, uint64(len(row.Attributes))), row.Attributes, func(string) bool { return false })
}

func appendAttributes(b []byte, attributes []protocol.Attribute, without func(name string) bool) []byte {
	for i := range attributes {
		if a := &attributes[i]; !without(a.Name) {
			b = wire.AppendBytes(wire.AppendBytes(b, a.Name), a.Value)
		}
	}
	return b
}

// appendIndex appends what the digest of an account is the hash of.
func (a *account) appendIndex(b []byte) []byte {
	b = wire.AppendBytes(append(b, accountRules), a.zone)
	b = wire.AppendUvarint(wire.AppendUvarint(b, uint64(a.representatives)), uint64(a.limit))
	b = wire.AppendUvarint(b, uint64(len(a.barred)))
	for _, id := range a.barred {
		b = wire.AppendFixed64(b, uint64(id))
	}
	b = wire.AppendUvarint(wire.AppendUvarint(b, uint64(len(a.functions))), uint64(len(a.inputs)))
	for i := range a.leaves {
		b = append(b, a.leaves[i][:]...)
	}
	return b
}

// part returns the encoding of a function or an input.
func (a *account) part(i int) []byte {
	if i < len(a.functions) {
		return a.functions[i].appendPart(nil)
	}
	return a.inputs[i-len(a.functions)].appendPart(nil)
}

// seal puts the inputs in order and computes the digest. known are leaves of inputs that were hashed before, which it brings up to date.
func (a *account) seal(known *knownLeaves) {
	slices.SortFunc(a.inputs, func(a, b input) int { return cmp.Compare(identifier(&a), identifier(&b)) })
	a.leaves = make([]inputsDigest, 0, len(a.functions)+len(a.inputs))
	for i := range a.functions {
		a.leaves = append(a.leaves, digestOf(partText, a.functions[i].appendPart(nil)))
	}
	next := make(knownLeaves, len(a.inputs))
	for i := range a.inputs {
		key := leafKey{a.inputs[i].row, a.inputs[i].rank}
		leaf, ok := (*known)[key]
		if !ok {
			leaf = digestOf(partText, a.inputs[i].appendPart(nil))
		}
		next[key] = leaf
		a.leaves = append(a.leaves, leaf)
	}
	*known = next
	a.digest = digestOf(accountText, a.appendIndex(nil))
}

// knownLeaves are hashes of inputs whose rows have not changed.
type knownLeaves map[leafKey]inputsDigest

type leafKey struct {
	row  *table.Row
	rank uint64
}

// summary computes what an account comes to. judged is false where the outputs of functions do not follow from it, because one reads what depends on clocks; the error says that this
// build cannot evaluate what the account names.
func (a *account) summary() (s Summary, judged bool, err error) {
	s = summarize(a.inputs, 0, a.representatives, a.barred)
	s.Inputs = a.digest
	judged = true
	var forms readable
	if len(a.functions) > 0 {
		forms.read(a.inputs)
	}
	for i := range a.functions {
		f := &a.functions[i]
		if f.program == nil {
			return s, false, ErrProgram
		}
		if slices.ContainsFunc(f.program.Inputs(), clocked) {
			judged = false
		}
		values, err := afc.NewEvaluator(f.program).Evaluate(forms.rows, afc.Seed(a.zone, f.version), nil)
		if err != nil {
			continue // more rows than it reads: it makes nothing
		}
		s.Outputs, _ = keepOutputs(s.Outputs, f.program, f.size, values)
	}
	return s, judged, nil
}

// says reports whether a row says what an account comes to.
func (a *account) says(row *table.Row) (bool, error) {
	if row.Name != a.zone && join(row.Name, hosts) != a.zone {
		return false, nil
	}
	s, judged, err := a.summary()
	if err != nil {
		return false, err
	}
	if !judged {
		return saysApart(row, &s), nil
	}
	fitted := table.Row{Name: row.Name, Addresses: row.Addresses}
	fitAttributes(&fitted, s, a.limit, true)
	return sameStatement(row.Attributes, fitted.Attributes), nil
}

// sameStatement reports whether two rows of one zone say the same, but for what depends on clocks.
func sameStatement(a, b []protocol.Attribute) bool {
	timed := func(a protocol.Attribute) bool { return a.Name == AttributeAge || a.Name == AttributeRowsExpected }
	a, b = slices.DeleteFunc(slices.Clone(a), timed), slices.DeleteFunc(slices.Clone(b), timed)
	return slices.EqualFunc(a, b, func(a, b protocol.Attribute) bool { return a.Name == b.Name && string(a.Value) == string(b.Value) })
}

// saysApart is for summaries whose outputs are not judged: it looks at all else. How many contacts there is room for depends on the outputs.
func saysApart(row *table.Row, s *Summary) bool {
	for _, a := range s.attributes() {
		if a.Name == AttributeContacts || clocked(a.Name) || !systemAttribute(a.Name) {
			continue
		}
		if value, ok := row.Attribute(a.Name); !ok || string(value) != string(a.Value) {
			return false
		}
	}
	told := contactsOf(row)
	if len(told) > len(s.Contacts) {
		return false
	}
	for i := range told {
		c := s.Contacts[i]
		if told[i].ID != c.ID || len(told[i].Addresses) > len(c.Addresses) || !slices.Equal(told[i].Addresses, c.Addresses[:len(told[i].Addresses)]) {
			return false
		}
	}
	return true
}

// digestIn returns the digest that a row names; zero where it names none, as rows of earlier builds.
func digestIn(row *table.Row) (d inputsDigest) {
	if b, _ := attribute(row, AttributeInputs).Bytes(); len(b) == DigestSize {
		copy(d[:], b)
	}
	return d
}
