package astrolabe

import (
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/table"
	"spinglass/wire"
)

// someHosts returns rows of hosts with loads.
func someHosts(r *rand.Rand, n int) (inputs []input) {
	for i := range n {
		row := &table.Row{
			Owner: protocol.NodeID(r.Uint64() | 1), Epoch: 1, Sequence: 1 + r.Uint64N(9), Name: fmt.Sprintf("/eu/fra/m%d", i),
			Addresses: []protocol.Address{"10.0.0.1:7400", "[::1]:7400", "third:1"}[:r.IntN(4)],
			Attributes: []protocol.Attribute{
				{Name: "load", Value: encode(table.Float(float64(r.IntN(8))))}, {Name: membership.TopicsAttribute, Value: make([]byte, 8)},
			},
		}
		inputs = append(inputs, input{row: row, rank: r.Uint64N(2), host: true})
	}
	return inputs
}

// someZones returns rows of child zones.
func someZones(r *rand.Rand, n int) (inputs []input) {
	for i := range n {
		s := Summary{Hosts: 1 + r.IntN(99), Depth: r.IntN(3), RowsIn: 3, RowsExpected: r.IntN(9), Contacts: []Contact{{ID: protocol.NodeID(r.Uint64() | 1), Addresses: []protocol.Address{"a:1"}}}}
		s.Inputs[0] = byte(r.IntN(256))
		row := &table.Row{Owner: protocol.NodeID(r.Uint64() | 1), Epoch: 1, Sequence: 1, Name: fmt.Sprintf("/eu/fra/z%d", i), Attributes: s.attributes()}
		inputs = append(inputs, input{row: row, rank: rankOf(row.Name)})
	}
	return inputs
}

func someProgram(t testing.TB, text string) accountFunction {
	f := Function{Name: "f", Scope: Root, Version: 3, Program: text}
	p, err := f.compile(1)
	if err != nil {
		t.Fatal(err)
	}
	return accountFunction{version: 3, text: text, program: p}
}

// someAccount returns an account, and the row that follows from it.
func someAccount(t testing.TB, r *rand.Rand) (*account, *table.Row) {
	a := &account{zone: "/eu/fra", representatives: 3, limit: table.RowSizeDefault, inputs: someHosts(r, 1+r.IntN(20))}
	if r.IntN(2) == 0 {
		a.inputs = someZones(r, 1+r.IntN(20))
	}
	if r.IntN(2) == 0 {
		a.functions = []accountFunction{someProgram(t, "SELECT MAX(load) AS most, COUNT(*) AS rows"), someProgram(t, "SELECT RANDOM(2, id) AS some")}
	}
	if r.IntN(3) == 0 {
		a.barred = []protocol.NodeID{5, 9}
	}
	a.seal(new(knownLeaves))
	return a, rowFrom(t, a, r.IntN(100))
}

// rowFrom returns the row that follows from an account.
func rowFrom(t testing.TB, a *account, expected int) *table.Row {
	s, _, err := a.summary()
	if err != nil {
		t.Fatal(err)
	}
	s.RowsExpected = expected
	row := &table.Row{Owner: 7, Epoch: 2, Sequence: 5, Name: a.zone, Addresses: []protocol.Address{"x:1"}}
	fitAttributes(row, s, a.limit, true)
	placeholder(row)
	return row
}

// The same inputs give the same account, in whatever order they come, whoever made their rows, however often they were signed, and however old they are; other ones give another.
func TestAccountsAreOfContents(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	for range 50 {
		a, _ := someAccount(t, r)
		b := *a
		b.inputs = slices.Clone(a.inputs)
		r.Shuffle(len(b.inputs), func(i, j int) { b.inputs[i], b.inputs[j] = b.inputs[j], b.inputs[i] })
		for i := range b.inputs {
			row := *b.inputs[i].row
			row.Epoch, row.Sequence, row.Anchor = row.Epoch+1, 99, []byte{1}
			if b.inputs[i].age = 1 << 40; !b.inputs[i].host {
				row.Owner++
				row.Attributes = slices.Clone(row.Attributes)
				for j := range row.Attributes {
					if clocked(row.Attributes[j].Name) && row.Attributes[j].Name != AttributeInputs {
						row.Attributes[j].Value = encode(table.Int(77))
					}
				}
			}
			b.inputs[i].row = &row
		}
		if b.seal(new(knownLeaves)); b.digest != a.digest {
			t.Fatal("the same inputs have another digest")
		}
		row := *b.inputs[0].row
		row.Attributes = append(slices.Clone(row.Attributes), protocol.Attribute{Name: "zz", Value: encode(table.Int(1))})
		b.inputs[0].row = &row
		if b.seal(new(knownLeaves)); b.digest == a.digest {
			t.Fatal("other inputs have the same digest")
		}
	}
}

// A row that follows from its account is acquitted, and any change of what it says is not, but for what depends on clocks.
func TestJudge(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 1))
	for range 100 {
		a, row := someAccount(t, r)
		if err := (Judge{}).Convicts(appendProof(nil, row, a)); err != ErrNoProof {
			t.Fatalf("an honest row: %v", err)
		}
		for i := range row.Attributes {
			lie := *row
			lie.Attributes = slices.Clone(row.Attributes)
			name := lie.Attributes[i].Name
			lie.Attributes[i].Value = append(slices.Clone(lie.Attributes[i].Value), 0)
			err := (Judge{}).Convicts(appendProof(nil, &lie, a))
			switch {
			case name == AttributeInputs && err != errNoClaim, name != AttributeInputs && clocked(name) && err != ErrNoProof, !clocked(name) && err != nil:
				t.Fatalf("%s: %v", name, err)
			}
			if lie.Attributes = slices.Delete(slices.Clone(row.Attributes), i, i+1); !clocked(name) && (Judge{}).Convicts(appendProof(nil, &lie, a)) != nil {
				t.Fatalf("a row without %s is acquitted", name)
			}
		}
		other := *row
		if other.Name = "/eu/ber"; (Judge{}).Convicts(appendProof(nil, &other, a)) != nil {
			t.Fatal("a row of another zone is acquitted")
		}
		// Nobody is convicted by inputs that it has not named.
		framed := *a
		framed.inputs = framed.inputs[:len(framed.inputs)-1]
		if framed.seal(new(knownLeaves)); (Judge{}).Convicts(appendProof(nil, row, &framed)) != errNoClaim {
			t.Fatal("other inputs convict")
		}
	}
}

// Rows that go without what they have no room for follow from their accounts, whatever addresses their makers have; one that leaves out what there was room for does not.
func TestJudgeOfRowsWithoutRoom(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	short := 0
	for i := range 60 {
		a := &account{zone: "/eu/fra", representatives: RepresentativesMax, limit: 480 + 10*i, inputs: someHosts(r, 12)}
		for n := range 6 {
			a.functions = append(a.functions, someProgram(t, fmt.Sprintf("SELECT MAX(load) AS most%d, FIRST(4, id) AS all%d", n, n)))
		}
		a.seal(new(knownLeaves))
		for _, addresses := range [][]protocol.Address{nil, {"x:1"}, {"x:1", "y:2", "z:3"}, {protocol.Address(make([]byte, protocol.AddressMax))}} {
			s, _, _ := a.summary()
			row := &table.Row{Owner: 7, Epoch: 2, Sequence: 5, Name: a.zone, Addresses: addresses}
			if fitAttributes(row, s, a.limit, true) > 0 {
				short++
			}
			placeholder(row)
			if err := convicts(row, a); err != ErrNoProof {
				t.Fatalf("limit %d, addresses %q: %v", a.limit, addresses, err)
			}
		}
		row := rowFrom(t, a, 12)
		j := slices.IndexFunc(row.Attributes, func(a protocol.Attribute) bool { return a.Name == "all0" })
		if j < 0 {
			continue
		}
		if row.Attributes = slices.Delete(row.Attributes, j, j+1); convicts(row, a) != nil {
			t.Fatal("a row without an output that there was room for is acquitted")
		}
	}
	if short == 0 {
		t.Error("all rows had room for all: the test shows nothing")
	}
}

// Where a function reads what depends on clocks, its outputs convict nobody, and all else does.
func TestJudgeOfWhatDependsOnClocks(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 1))
	a := &account{zone: "/eu", representatives: 3, limit: table.RowSizeDefault, inputs: someZones(r, 5), functions: []accountFunction{someProgram(t, "SELECT MAX(age_s) AS oldest")}}
	a.seal(new(knownLeaves))
	row := rowFrom(t, a, 5)
	row.Attributes = append(row.Attributes, protocol.Attribute{Name: "zz", Value: encode(table.Int(7))})
	if err := convicts(row, a); err != ErrNoProof {
		t.Error(err)
	}
	for i := range row.Attributes {
		if name := row.Attributes[i].Name; name == AttributeHosts || name == AttributeInterest || name == AttributeContacts {
			lie := *row
			lie.Attributes = slices.Clone(row.Attributes)
			if lie.Attributes[i].Value = encode(table.Int(1 << 20)); name == AttributeContacts {
				lie.Attributes[i].Value = encode(table.List(table.String(Contact{ID: 3}.String())))
			}
			if err := convicts(&lie, a); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
}

func TestProofsSurviveEncoding(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 1))
	for range 20 {
		a, row := someAccount(t, r)
		proof := appendProof(nil, row, a)
		if len(proof) > a.size()+row.Size()+8 {
			t.Errorf("%d bytes of %d", len(proof), a.size())
		}
		decodedRow, decoded, err := decodeProof(proof)
		if err != nil || decoded.digest != a.digest || !reflect.DeepEqual(decodedRow, row) || string(appendProof(nil, decodedRow, decoded)) != string(proof) {
			t.Fatalf("%v", err)
		}
		for cut := range proof {
			if _, _, err := decodeProof(proof[:cut]); err == nil {
				t.Fatalf("%d of %d bytes pass for a proof", cut, len(proof))
			}
		}
	}
}

func FuzzProof(f *testing.F) {
	r := rand.New(rand.NewPCG(6, 1))
	for range 8 {
		a, row := someAccount(f, r)
		f.Add(appendProof(nil, row, a))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		_, _ = Judge{}.Accused(b)
		_ = Judge{}.Convicts(b)
		row, a, err := decodeProof(b)
		if err == nil && string(appendProof(nil, row, a)) != string(b) {
			t.Errorf("%x has another encoding", b)
		}
	})
}

func FuzzAccountIndex(f *testing.F) {
	r := rand.New(rand.NewPCG(7, 1))
	for range 4 {
		a, _ := someAccount(f, r)
		f.Add(a.appendIndex(nil), a.part(0))
	}
	f.Fuzz(func(t *testing.T, index, part []byte) {
		if a, err := readIndex(index); err == nil && string(a.appendIndex(nil)) != string(index) {
			t.Errorf("%x has another encoding", index)
		}
		if in, err := readInput(part); err == nil && string(in.appendPart(nil)) != string(part) {
			t.Errorf("%x has another encoding", part)
		}
		if p, err := readFunctionPart(part); err == nil && string(p.appendPart(nil)) != string(part) {
			t.Errorf("%x has another encoding", part)
		}
	})
}

func someQuestion(r *rand.Rand) *AccountQuestion {
	q := &AccountQuestion{Zone: "/eu/fra", Of: "/eu", Digest: [DigestSize]byte{byte(r.Uint32())}}
	section := uint16(r.IntN(3))
	for range r.IntN(sectionsMax) {
		q.Sections = append(q.Sections, section)
		section += uint16(1 + r.IntN(99))
	}
	return q
}

func someAccountPiece(r *rand.Rand) *AccountPiece {
	p := &AccountPiece{Digest: [DigestSize]byte{byte(r.Uint32())}, Section: uint16(r.Uint32()), Whole: 1 + r.IntN(AccountSizeMax)}
	p.Number = r.IntN((p.Whole + partSize - 1) / partSize)
	p.Bytes = make([]byte, min(partSize, p.Whole-p.Number*partSize))
	return p
}

// A question with all sections, and a piece, fit into the least datagram that there is.
func TestQuestionsFit(t *testing.T) {
	q := &AccountQuestion{Zone: "/" + string(make([]byte, protocol.NameMax-1)), Of: string(make([]byte, protocol.NameMax+2)), Sections: make([]uint16, sectionsMax)}
	p := &AccountPiece{Whole: AccountSizeMax, Number: AccountSizeMax / partSize, Bytes: make([]byte, partSize)}
	for _, m := range []protocol.Message{q, p} {
		if size := m.Size(); size > wire.DatagramMin-wire.HeaderSize-4 {
			t.Errorf("%T takes %d bytes", m, size)
		}
	}
}
