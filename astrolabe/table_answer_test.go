package astrolabe

import (
	"crypto/rand"
	"errors"
	"slices"
	"testing"
	"time"

	"spinglass/identity"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/table"
)

// certified is a fleet's authority with the keys of its members.
type certified struct {
	t         *testing.T
	authority *identity.Authority
	now       identity.Instant
}

func newCertified(t *testing.T) *certified {
	now := identity.InstantOf(time.Unix(1_800_000_000, 0))
	a, err := identity.NewAuthority(rand.Reader, "/", now, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	return &certified{t, a, now}
}

func (c *certified) policy() identity.Policy {
	return identity.Policy{Anchor: c.authority.Anchor(), Now: c.now}
}

func (c *certified) root() *identity.Certificate { return c.authority.Chain()[0] }

// member returns the key and the chain of a member.
func (c *certified) member(name string, id protocol.NodeID, grants identity.Grants) (identity.PrivateKey, identity.Chain) {
	key, err := identity.GenerateKey(rand.Reader)
	if err != nil {
		c.t.Fatal(err)
	}
	chain, err := c.authority.IssueMember(identity.Terms{Entropy: rand.Reader, Now: c.now, Lifetime: time.Hour / 2}, name, id, key.Public(), grants)
	if err != nil {
		c.t.Fatal(err)
	}
	return key, chain
}

// host returns the signed row of a host.
func (c *certified) host(name string, id protocol.NodeID, grants identity.Grants) AnsweredRow {
	key, chain := c.member(name, id, grants)
	public := key.Public()
	row := &table.Row{
		Owner: id, Epoch: 1, Sequence: 1, Name: name, Addresses: []protocol.Address{"h:1"}, Attributes: []protocol.Attribute{{Name: "role", Value: encode(table.String("web"))}},
		PublicKey: public[:], Certificates: chain[1:].Append(nil),
	}
	s := membership.StatementOf(row)
	identity.NewNotary(key).Sign(&s)
	row.Signature = s.Signature[:]
	return AnsweredRow{Row: row, Host: true}
}

// zone returns the row of a zone, signed by a member.
func (c *certified) zone(zone, maker string, id protocol.NodeID) AnsweredRow {
	key, chain := c.member(maker, id, identity.MemberGrants())
	public := key.Public()
	row := &table.Row{Owner: id, Epoch: 1, Sequence: 1, Name: zone, Addresses: []protocol.Address{"h:2"}, Attributes: (&Summary{Hosts: 3}).attributes(), PublicKey: public[:]}
	s := statementOf(row)
	identity.NewNotary(key).Sign(&s)
	row.Signature = s.Signature[:]
	return AnsweredRow{Row: row, Chain: chain[1:].Append(nil)}
}

// What others tell is shown when it is signed by who may say it, and only then.
func TestRowsThatAreNotProvenAreLeftOut(t *testing.T) {
	c := newCertified(t)
	for what, test := range map[string]struct {
		zone   string
		row    func() AnsweredRow
		change func(r *AnsweredRow)
		good   bool
	}{
		"a host":                     {"/us/ny", func() AnsweredRow { return c.host("/us/ny/h7", 7, identity.MemberGrants()) }, nil, true},
		"a host of the zone's hosts": {"/us/.", func() AnsweredRow { return c.host("/us/h7", 7, identity.MemberGrants()) }, nil, true},
		"a host of another zone":     {"/us/la", func() AnsweredRow { return c.host("/us/ny/h7", 7, identity.MemberGrants()) }, nil, false},
		"a changed host": {"/us/ny", func() AnsweredRow { return c.host("/us/ny/h7", 7, identity.MemberGrants()) }, func(r *AnsweredRow) {
			r.Row.Attributes[0].Value = encode(table.String("db"))
		}, false},
		"a host that takes another's place": {"/us/ny", func() AnsweredRow { return c.host("/us/ny/h7", 7, identity.MemberGrants()) }, func(r *AnsweredRow) { r.Row.Owner = 8 }, false},
		"a host that may not say it":        {"/us/ny", func() AnsweredRow { return c.host("/us/ny/h7", 7, identity.Grants{}) }, nil, false},
		"a host without certificates": {"/us/ny", func() AnsweredRow { return c.host("/us/ny/h7", 7, identity.MemberGrants()) }, func(r *AnsweredRow) {
			r.Row.Certificates = nil
		}, false},
		"a host of another fleet":   {"/us/ny", func() AnsweredRow { return newCertified(t).host("/us/ny/h7", 7, identity.MemberGrants()) }, nil, false},
		"a zone":                    {"/us", func() AnsweredRow { return c.zone("/us/ny", "/us/ny/h1", 1) }, nil, true},
		"a zone by one of another":  {"/us", func() AnsweredRow { return c.zone("/us/ny", "/us/la/h1", 1) }, nil, false},
		"a zone by a host above it": {"/us", func() AnsweredRow { return c.zone("/us/ny", "/us/h1", 1) }, nil, false},
		"a zone without a chain":    {"/us", func() AnsweredRow { return c.zone("/us/ny", "/us/ny/h1", 1) }, func(r *AnsweredRow) { r.Chain = nil }, false},
		"a zone that left":          {"/us", func() AnsweredRow { return c.zone("/us/ny", "/us/ny/h1", 1) }, func(r *AnsweredRow) { r.Row.Left = true }, false},
		"a zone for a host's row":   {"/us", func() AnsweredRow { return c.zone("/us/ny", "/us/ny/h1", 1) }, func(r *AnsweredRow) { r.Own = true }, false},
		"a row of a host": {"/us/ny/h7", func() AnsweredRow {
			r := c.zone("/us/ny/h7/db", "/us/ny/h7", 7)
			r.Own = true
			return r
		}, nil, true},
		"a row of a host by another": {"/us/ny/h7", func() AnsweredRow {
			r := c.zone("/us/ny/h7/db", "/us/ny/h8", 8)
			r.Own = true
			return r
		}, nil, false},
	} {
		r := test.row()
		if test.change != nil {
			test.change(&r)
		}
		a := &TableAnswer{Form: FormFound, Zone: test.zone, Rows: []AnsweredRow{r}}
		decoded, err := DecodeTableAnswer(a.Append(nil))
		if err != nil {
			t.Fatal(what, err)
		}
		unverified, err := decoded.Check(SubjectTable, test.zone, c.policy(), c.root())
		if err != nil || (unverified == 0) != test.good || (len(decoded.Rows) == 1) != test.good {
			t.Errorf("%s: %d of %d rows are not proven, %v", what, unverified, len(a.Rows), err)
		}
		// Where nobody has an identity names are all that can be checked.
		decoded, _ = DecodeTableAnswer(a.Append(nil))
		unverified, _ = decoded.Check(SubjectTable, test.zone, identity.Policy{}, nil)
		if wrong := hostsOf(test.zone) != parent(r.Row.Name) || r.Row.Left; (unverified == 0) == wrong {
			t.Errorf("%s, without identities: %d rows are not proven", what, unverified)
		}
	}
}

// An answer is one to its question, and leads on.
func TestAnswersFitTheirQuestions(t *testing.T) {
	zone := func(name string) AnsweredRow {
		return AnsweredRow{Row: &table.Row{Owner: 1, Epoch: 1, Sequence: 1, Name: name, Addresses: []protocol.Address{"h:1"}}}
	}
	for _, test := range []struct {
		answer  TableAnswer
		subject Subject
		path    string
		fits    bool
	}{
		{TableAnswer{Form: FormFound, Zone: "/us"}, SubjectTable, "/us", true},
		{TableAnswer{Form: FormFound, Zone: "/eu"}, SubjectTable, "/us", false},
		{TableAnswer{Form: FormFound, Zone: "/us"}, SubjectRow, "/us/ny", false},
		{TableAnswer{Form: FormFound, Zone: "/us", Rows: []AnsweredRow{zone("/us/ny")}}, SubjectRow, "/us/ny", true},
		{TableAnswer{Form: FormFound, Zone: "/us", Rows: []AnsweredRow{zone("/us/ny"), zone("/us/la")}}, SubjectRow, "/us/ny", false},
		{TableAnswer{Form: FormOnWay, Zone: "/", Rows: []AnsweredRow{zone("/us")}}, SubjectTable, "/us/ny", true},
		{TableAnswer{Form: FormOnWay, Zone: "/us", Rows: []AnsweredRow{zone("/us/.")}}, SubjectTable, "/us/h1", true},
		{TableAnswer{Form: FormOnWay, Zone: "/", Rows: []AnsweredRow{zone("/.")}}, SubjectTable, "/h1", true},
		{TableAnswer{Form: FormOnWay, Zone: "/", Rows: []AnsweredRow{zone("/eu")}}, SubjectTable, "/us/ny", false},
		{TableAnswer{Form: FormOnWay, Zone: "/", Rows: []AnsweredRow{zone("/u")}}, SubjectTable, "/us/ny", false},
		{TableAnswer{Form: FormOnWay, Zone: "/"}, SubjectTable, "/us/ny", false},
		{TableAnswer{Form: FormNone, Zone: "/us"}, SubjectTable, "/us/ny", true},
		{TableAnswer{Form: FormNone, Zone: "/eu"}, SubjectTable, "/us/ny", false},
	} {
		if _, err := test.answer.Check(test.subject, test.path, identity.Policy{}, nil); (err == nil) != test.fits || err != nil && !errors.Is(err, ErrAnswer) {
			t.Errorf("%+v for %s: %v", test.answer, test.path, err)
		}
	}
}

// FuzzTableAnswer decodes arbitrary bytes: what is taken has one encoding.
func FuzzTableAnswer(f *testing.F) {
	row := &table.Row{Owner: 7, Epoch: 1, Sequence: 1, Name: "/us/ny", Addresses: []protocol.Address{"a:1"}, Attributes: (&Summary{Hosts: 3}).attributes()}
	for form := FormFound; form <= FormNone; form++ {
		a := TableAnswer{Form: form, Zone: "/us", Expected: 4, Rows: []AnsweredRow{{Row: row, Silence: time.Second, Chain: []byte{1}}, {Row: row, Host: true, Suspect: true}, {Row: row, Own: true}}}
		f.Add(a.Append(nil))
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a, err := DecodeTableAnswer(b)
		if err != nil {
			return
		}
		if again := a.Append(nil); string(again) != string(b) {
			t.Errorf("%x became %x", b, again)
		}
	})
}

// Pieces may come in any order and more than once, and make the whole.
func TestPiecesMakeTheWhole(t *testing.T) {
	whole := make([]byte, 40*pieceSize+17)
	rand.Read(whole)
	q := &question{}
	for round := 0; len(q.got) < len(whole); round++ {
		if round > 50 {
			t.Fatalf("%d of %d bytes", len(q.got), len(whole))
		}
		order := make([]int, 41)
		for i := range order {
			order[i] = 40 - i
		}
		for _, piece := range order {
			p := &Piece{Sum: 5, Whole: len(whole), Piece: piece, Bytes: whole[piece*pieceSize:][:lengthOf(len(whole), piece)]}
			if err := q.take(p); err != nil {
				t.Fatal(err)
			}
		}
	}
	if !slices.Equal(q.got, whole) {
		t.Error("the pieces make something else")
	}
	// What changes all the time is given up, and so is what is not there.
	q = &question{}
	var err error
	for sum := uint64(1); err == nil && sum < 10; sum++ {
		err = q.take(&Piece{Sum: sum, Whole: 2 * pieceSize, Bytes: whole[:pieceSize]})
	}
	if !errors.Is(err, ErrChanging) {
		t.Error(err)
	}
	if err := (&question{}).take(&Piece{Sum: 1}); !errors.Is(err, ErrNotHeld) {
		t.Error(err)
	}
}

// Blobs of others are kept within their bounds, those used least recently go first; the own ones stay.
func TestBlobsAreBounded(t *testing.T) {
	var m Machine
	first, err := m.KeepBlob("doc", []byte("own"))
	if err != nil {
		t.Fatal(err)
	}
	var hashes []Hash
	for i := range 2 * blobsCache / BlobSizeMax {
		hash := Hash{byte(i), byte(i >> 8), 1}
		hashes = append(hashes, hash)
		m.blobs.cache(hash, make([]byte, BlobSizeMax))
		if m.Blob(hashes[0]) == nil {
			t.Fatalf("a blob that is used all the time is gone after %d", i)
		}
	}
	if m.blobs.bytes != blobsCache || m.Blob(hashes[1]) != nil || m.Blob(first) == nil {
		t.Errorf("%d bytes", m.blobs.bytes)
	}
	for i := range 2 * BlobsCacheMax {
		m.blobs.cache(Hash{byte(i), byte(i >> 8), 2}, []byte{1})
	}
	if len(m.blobs.cached) != BlobsCacheMax {
		t.Errorf("%d blobs", len(m.blobs.cached))
	}
	for _, bad := range [][]byte{nil, make([]byte, BlobSizeMax+1)} {
		if _, err := m.KeepBlob("bad", bad); !errors.Is(err, ErrBlobSize) {
			t.Errorf("%d bytes: %v", len(bad), err)
		}
	}
	for i := range BlobsOwnMax - 1 {
		if _, err := m.KeepBlob(string(rune('a'+i)), []byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := m.KeepBlob("more", []byte("x")); !errors.Is(err, ErrBlobs) {
		t.Error(err)
	}
	second, err := m.KeepBlob("doc", []byte("other"))
	if err != nil || m.Blob(first) != nil || m.Blob(second) == nil {
		t.Errorf("replaced: %v", err)
	}
	m.DropBlob("doc", second)
	if m.Blob(second) == nil {
		t.Error("what the row still names was given up")
	}
	m.DropBlob("doc", Hash{})
	if m.Blob(second) != nil {
		t.Error("what the row names no longer was kept")
	}
}

// Answers that are kept until all of their pieces are asked for are bounded, and end.
func TestServedRowsAreBounded(t *testing.T) {
	var s serving
	for i := range uint64(3 * rowsServed) {
		s.putRow(snapshot{sum: i, round: i / rowsServed})
	}
	if n := len(s.rows); n != rowsServed || s.rows[0].sum != 2*rowsServed {
		t.Errorf("%d answers are kept, from %d on", n, s.rows[0].sum)
	}
	s.refill(2 + snapshotRounds)
	if len(s.rows) != rowsServed {
		t.Errorf("%d answers are left", len(s.rows))
	}
	if s.refill(3 + snapshotRounds); len(s.rows) != 0 {
		t.Errorf("%d answers are kept for too long", len(s.rows))
	}
}
