package astrolabe

import (
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"

	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/table"
)

func someClaim(r *rand.Rand) table.Claim {
	return table.Claim{Owner: protocol.NodeID(r.Uint64() | 1), Version: table.Version{Epoch: 1 + r.Uint64N(9), Sequence: 1 + r.Uint64N(1000), Heartbeat: r.Uint64N(1000)}}
}

func someDigest(r *rand.Rand) *Digest {
	d := &Digest{Zone: "/eu/fra", Stamp: r.Uint64N(1 << 40)}
	if d.Told = r.IntN(2) == 0; d.Told {
		d.Functions = someFunctions(r)
	}
	for depth := 3; depth >= 0; depth-- {
		if r.IntN(3) == 0 {
			continue
		}
		h := Held{Depth: depth, Digest: table.Digest{First: 0, Last: protocol.NodeID(r.Uint64())}}
		owner := protocol.NodeID(0)
		for range r.IntN(5) {
			c := someClaim(r)
			owner += 1 + c.Owner>>8
			c.Owner = owner
			h.Digest.Claims = append(h.Digest.Claims, c)
		}
		d.Held = append(d.Held, h)
	}
	return d
}

// someFunctions returns a few names in ascending order.
func someFunctions(r *rand.Rand) (all []uint64) {
	for range r.IntN(4) {
		all = append(all, r.Uint64())
	}
	slices.Sort(all)
	return all
}

func somePart(r *rand.Rand) *FunctionPart {
	p := &FunctionPart{Zone: "/eu", ID: r.Uint64(), Whole: 1 + r.IntN(FunctionSizeMax)}
	p.Number = r.IntN((p.Whole + partSize - 1) / partSize)
	p.Bytes = make([]byte, min(partSize, p.Whole-p.Number*partSize))
	return p
}

func someAsk(r *rand.Rand) *Ask {
	a := &Ask{Number: r.Uint64(), Subject: SubjectTable + Subject(r.IntN(3)), Sum: r.Uint64(), Piece: r.IntN(piecesMax)}
	if a.Subject == SubjectBlob {
		a.Hash[3] = 7
	} else {
		a.Path = "/eu/fra"
	}
	return a
}

func somePiece(r *rand.Rand) *Piece {
	p := &Piece{Number: r.Uint64(), Sum: r.Uint64(), Whole: r.IntN(answerSizeMax)}
	p.Piece = r.IntN(p.Whole/pieceSize + 1)
	p.Bytes = make([]byte, lengthOf(p.Whole, p.Piece))
	return p
}

func someDelta(r *rand.Rand) *Delta {
	d := &Delta{Zone: "/", Echo: r.Uint64N(1 << 40), WantFunctions: someFunctions(r)}
	for range r.IntN(3) {
		row := &table.Row{Owner: 7, Epoch: 1, Sequence: 1 + r.Uint64N(100), Name: "/eu/.", Addresses: []protocol.Address{"a:1"}, Attributes: (&Summary{Hosts: r.IntN(100)}).attributes()}
		d.Rows = append(d.Rows, membership.RowUpdate{Row: row, Heartbeat: r.Uint64N(9)})
	}
	for depth := 3; depth >= 0; depth-- {
		if r.IntN(3) == 0 {
			continue
		}
		p := Part{Depth: depth}
		for range r.IntN(3) {
			p.Beats = append(p.Beats, membership.Beat{Claim: someClaim(r), Proof: make([]byte, r.IntN(2)*table.LinkSize)})
			p.WantRows = append(p.WantRows, protocol.NodeID(r.Uint64()))
			p.WantBeats = append(p.WantBeats, protocol.NodeID(r.Uint64()))
		}
		d.Parts = append(d.Parts, p)
	}
	return d
}

// What is encoded is decoded as it was, takes as many bytes as it said, and no shorter input passes for it.
func TestMessagesSurviveEncoding(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 0))
	var decoder Decoder
	for i := range 400 {
		var m protocol.Message = someDigest(r)
		switch i % 7 {
		case 1:
			m = someDelta(r)
		case 2:
			m = somePart(r)
		case 3:
			m = someAsk(r)
		case 4:
			m = somePiece(r)
		case 5:
			m = someQuestion(r)
		case 6:
			m = someAccountPiece(r)
		}
		b := m.Append(nil)
		if len(b) != m.Size() {
			t.Fatalf("%d bytes, and Size says %d: %+v", len(b), m.Size(), m)
		}
		decoded, err := decoder.Decode(m.Kind(), b)
		if err != nil {
			t.Fatalf("%v: %+v", err, m)
		}
		if again := decoded.Append(nil); !reflect.DeepEqual(again, b) || !decoded.Lent() {
			t.Fatalf("decoded %+v of %+v", decoded, m)
		}
		for cut := range b {
			if _, err := decoder.Decode(m.Kind(), b[:cut]); err == nil {
				t.Fatalf("%d of %d bytes pass for a message", cut, len(b))
			}
		}
	}
}

// Whatever arrives is refused, or is the encoding of what it was decoded to.
func FuzzDecoder(f *testing.F) {
	r := rand.New(rand.NewPCG(2, 0))
	for range 8 {
		f.Add(byte(0), someDigest(r).Append(nil))
		f.Add(byte(1), someDelta(r).Append(nil))
		f.Add(byte(2), somePart(r).Append(nil))
		f.Add(byte(3), someAsk(r).Append(nil))
		f.Add(byte(4), somePiece(r).Append(nil))
		f.Add(byte(5), someQuestion(r).Append(nil))
		f.Add(byte(6), someAccountPiece(r).Append(nil))
	}
	var decoder Decoder
	f.Fuzz(func(t *testing.T, which byte, b []byte) {
		kind := Kinds()[int(which)%len(Kinds())]
		m, err := decoder.Decode(kind, b)
		if err != nil {
			return
		}
		if again := m.Append(nil); string(again) != string(b) || m.Size() != len(b) {
			t.Errorf("%x became %x", b, again)
		}
	})
}

func TestContacts(t *testing.T) {
	c := Contact{ID: 0xabc, Addresses: []protocol.Address{"10.0.0.1:7400", "[::1]:7400"}}
	if got, ok := parseContact(c.String()); !ok || !reflect.DeepEqual(got, c) {
		t.Errorf("%v became %v", c, got)
	}
	for _, bad := range []string{"", "@", "0000000000000000@a", "abc@a", "0000000000000abc", "0000000000000abc@a,b,c", "zzzzzzzzzzzzzzzz@a"} {
		if c, ok := parseContact(bad); ok {
			t.Errorf("%q is taken for %v", bad, c)
		}
	}
}
