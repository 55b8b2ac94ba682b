package astrolabe_test

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"spinglass/astrolabe"
	"spinglass/identity"
	"spinglass/protocol"
	"spinglass/sim"
	"spinglass/table"
)

// answers gathers what comes of questions in a fleet.
func answers(f *fleet) map[uint64]astrolabe.Answered {
	all := map[uint64]astrolabe.Answered{}
	f.world.Observe(func(_ protocol.Time, _ protocol.NodeID, e protocol.Event) {
		if a, ok := e.(astrolabe.Answered); ok {
			all[a.Number] = a
		}
	})
	return all
}

// ask has a member ask another one, and waits for what comes of it.
func (f *fleet) ask(t *testing.T, all map[uint64]astrolabe.Answered, i int, q astrolabe.Question) astrolabe.Answered {
	t.Helper()
	var number uint64
	var err error
	f.world.Command(f.ids[i], func(now protocol.Time, m protocol.Machine, out *protocol.Output) {
		number, err = f.tables(i).Ask(now, q, out)
	})
	if err != nil {
		t.Fatal(err)
	}
	f.until(t, time.Minute, func() error {
		if _, ok := all[number]; !ok {
			return errors.New("nothing came of a question")
		}
		return nil
	})
	return all[number]
}

// drill has a member find a table or a row, as package spinglass does, and returns how many were asked.
func (f *fleet) drill(t *testing.T, all map[uint64]astrolabe.Answered, i int, subject astrolabe.Subject, path string) (*astrolabe.TableAnswer, int) {
	t.Helper()
	a, asked := f.tables(i).Resolve(f.world.Now(), subject, path), 0
	for a.Form == astrolabe.FormOnWay && asked < 8 {
		c := a.Contacts()[0]
		for _, other := range a.Contacts() { // not the same one again, where it is a contact of the zone below as well
			if c.ID == f.ids[i] {
				c = other
			}
		}
		asked++
		answered := f.ask(t, all, i, astrolabe.Question{Subject: subject, Path: path, To: c.ID, Addresses: c.Addresses})
		if answered.Err != nil {
			t.Fatalf("%s of %v: %v", path, c, answered.Err)
		}
		var err error
		if a, err = astrolabe.DecodeTableAnswer(answered.Body); err != nil {
			t.Fatal(err)
		}
		if _, err := a.Check(subject, path, identity.Policy{}, nil); err != nil {
			t.Fatal(err)
		}
	}
	return a, asked
}

// A member finds every table of the fleet, and every row, although it holds only those on its own path, also when one datagram in five is lost: it asks one member for each level.
func TestTablesOfOthersAreFound(t *testing.T) {
	f := formed(t, 3, 0.2)
	all := answers(f)
	for zone, want := range map[string]int{"/eu": 3, "/us": 3, "/us/4": 10, "/eu/1": 10, "/us/5/.": 10} {
		a, asked := f.drill(t, all, 0, astrolabe.SubjectTable, zone)
		if a.Form != astrolabe.FormFound || len(a.Rows) != want || a.Expected != want || asked > 2 {
			t.Errorf("%s: %d asked, form %d, %d rows of %d, want %d", zone, asked, a.Form, len(a.Rows), a.Expected, want)
		}
	}
	for _, name := range []string{f.names[45], "/us/4", f.names[3]} {
		a, _ := f.drill(t, all, 0, astrolabe.SubjectRow, name)
		if a.Form != astrolabe.FormFound || len(a.Rows) != 1 || a.Rows[0].Row.Name != name {
			t.Errorf("%s: %+v", name, a)
		}
	}
	for _, path := range []string{"/us/9", "/us/4/x/y", "/asia"} {
		if a, _ := f.drill(t, all, 0, astrolabe.SubjectTable, path); a.Form != astrolabe.FormNone {
			t.Errorf("%s: %+v", path, a)
		}
	}
	if s := f.tables(0).Stats(); s.Questions == 0 || s.QuestionsFailed > 0 || s.PiecesReceived == 0 {
		t.Errorf("%+v", s)
	}
}

// Hosts that stand directly in a zone are found as well where that has child zones besides: by those below these, and by others.
func TestHostsBesideZonesAreFound(t *testing.T) {
	f := newFleet(sim.Config{Seed: 2, Network: lan(0.02)}, []string{"/a/x", "/a/y", "/a/z/1", "/b/q"}, nil)
	f.until(t, time.Minute, func() error { return f.counted(4) })
	f.world.Run(f.world.Now().Add(10 * time.Second))
	all := answers(f)
	f.setRow(t, 0, "db", an("queue", table.Int(3)))
	for _, i := range []int{0, 1, 2, 3} {
		if a, _ := f.drill(t, all, i, astrolabe.SubjectRow, "/a/y"); a.Form != astrolabe.FormFound || !a.Rows[0].Host {
			t.Errorf("row of /a/y, at %s: %+v", f.names[i], a)
		}
		if a, _ := f.drill(t, all, i, astrolabe.SubjectTable, "/a/."); a.Form != astrolabe.FormFound || len(a.Rows) != 2 {
			t.Errorf("table of /a/., at %s: %+v", f.names[i], a)
		}
		if a, _ := f.drill(t, all, i, astrolabe.SubjectTable, "/a/x"); a.Form != astrolabe.FormFound || len(a.Rows) != 1 || !a.Rows[0].Own {
			t.Errorf("table of /a/x, at %s: %+v", f.names[i], a)
		}
		if a, _ := f.drill(t, all, i, astrolabe.SubjectRow, "/a/w"); a.Form != astrolabe.FormNone {
			t.Errorf("row of /a/w, at %s: %+v", f.names[i], a)
		}
	}
}

// A table of as many hosts as a zone may have, with rows as large as they may be, comes in pieces.
func TestLargeTablesComeInPieces(t *testing.T) {
	names := []string{"/a/x", "/a/y", "/b/z"}
	for i := range 100 {
		names = append(names, fmt.Sprintf("/a/h%03d", i))
	}
	f := newFleet(sim.Config{Seed: 1, Network: lan(0.05)}, names, nil)
	all := answers(f)
	f.until(t, time.Minute, func() error { return f.counted(len(names)) })
	for i := range names {
		long := protocol.Attribute{Name: "long", Value: append([]byte{byte(table.KindString)}, strings.Repeat("x", 900)...)}
		f.world.Command(f.ids[i], func(now protocol.Time, _ protocol.Machine, out *protocol.Output) {
			if err := f.node(i).members.SetAttribute(now, long, out); err != nil {
				t.Fatal(err)
			}
		})
	}
	f.world.Run(f.world.Now().Add(20 * time.Second))
	began := f.world.Now()
	a, asked := f.drill(t, all, 2, astrolabe.SubjectTable, "/a")
	took := f.world.Now().Sub(began)
	t.Logf("%d rows of 1 KiB after %v", len(a.Rows), took)
	if len(a.Rows) != 102 || asked != 1 || took > 5*time.Second {
		t.Errorf("%d rows, %d asked, %v", len(a.Rows), asked, took)
	}
	for i := range a.Rows {
		if _, ok := a.Rows[i].Row.Attribute("long"); !ok {
			t.Fatalf("row %d is not as it was set", i)
		}
	}
}

// Who does not answer is given up after a while, and who is cut off meanwhile.
func TestNobodyIsWaitedForWithoutEnd(t *testing.T) {
	f := formed(t, 4, 0)
	all := answers(f)
	f.world.Crash(f.ids[50])
	began := f.world.Now()
	a := f.ask(t, all, 0, astrolabe.Question{Subject: astrolabe.SubjectTable, Path: "/us/5", To: f.ids[50], Addresses: []protocol.Address{address(50)}})
	if took := f.world.Now().Sub(began); !errors.Is(a.Err, astrolabe.ErrNoAnswer) || took > 5*time.Second {
		t.Errorf("%v after %v", a.Err, took)
	}
	// At the address is somebody else: what that one says is not taken.
	a = f.ask(t, all, 0, astrolabe.Question{Subject: astrolabe.SubjectTable, Path: "/us/5", To: f.ids[50], Addresses: []protocol.Address{address(51)}})
	if !errors.Is(a.Err, astrolabe.ErrNoAnswer) || f.tables(0).Stats().PiecesUnasked == 0 {
		t.Errorf("%v, %+v", a.Err, f.tables(0).Stats())
	}
	var out protocol.Output
	m := f.tables(0)
	if _, err := m.Ask(f.world.Now(), astrolabe.Question{Subject: astrolabe.SubjectTable, Path: "/us/5", To: f.ids[51]}, &out); !errors.Is(err, astrolabe.ErrNoAddress) {
		t.Errorf("nobody knows where it is: %v", err)
	}
	var err error
	numbers := 0
	for ; err == nil && numbers < 1000; numbers++ {
		_, err = m.Ask(f.world.Now(), astrolabe.Question{Subject: astrolabe.SubjectTable, Path: "/us/5", To: f.ids[1]}, &out)
	}
	if !errors.Is(err, astrolabe.ErrQuestions) {
		t.Errorf("%d questions: %v", numbers, err)
	}
}

// One who asks for much gets its part of a round, and leaves something for others; a question is answered by one datagram.
func TestQuestionsAreLimited(t *testing.T) {
	f := formed(t, 5, 0)
	ask := func(from protocol.NodeID) int {
		out := f.hand(7, from, &astrolabe.Ask{Number: 1, Subject: astrolabe.SubjectTable, Path: "/eu"})
		sent := 0
		for _, e := range out.Effects {
			if _, ok := e.Message.(*astrolabe.Piece); ok {
				sent++
			}
		}
		return sent
	}
	got := 0
	for range 1000 {
		sent := ask(f.ids[50])
		if sent > 1 {
			t.Fatalf("%d datagrams for one", sent)
		}
		got += sent
	}
	if got != 128 || ask(f.ids[51]) != 1 || f.tables(7).Stats().AsksRefused != 1000-128 {
		t.Errorf("%d answers in a round, %+v", got, f.tables(7).Stats())
	}
	f.world.Run(f.world.Now().Add(2 * astrolabe.RoundDefault))
	if ask(f.ids[50]) != 1 {
		t.Error("nothing in the next round")
	}
}

// A blob comes from who holds it as it is, and who got it passes it on. What a holder changed is not taken: the control.
func TestBlobsComeByTheirHashes(t *testing.T) {
	f := newFleet(sim.Config{Seed: 6, Network: lan(0.1)}, sixZones(), nil)
	f.until(t, time.Minute, func() error { return f.counted(60) })
	all := answers(f)
	data := []byte(strings.Repeat("document ", 7000))
	hash, err := f.tables(50).KeepBlob("doc", data)
	if err != nil || hash != sha256.Sum256(data) {
		t.Fatal(err)
	}
	question := func(i int, hash astrolabe.Hash) astrolabe.Question {
		return astrolabe.Question{Subject: astrolabe.SubjectBlob, Hash: hash, To: f.ids[i], Addresses: []protocol.Address{address(i)}}
	}
	for _, way := range []struct{ asker, holder int }{{0, 50}, {20, 0}} {
		if a := f.ask(t, all, way.asker, question(way.holder, hash)); a.Err != nil || string(a.Body) != string(data) {
			t.Errorf("%d of %d: %v, %d bytes", way.asker, way.holder, a.Err, len(a.Body))
		}
	}
	if a := f.ask(t, all, 30, question(31, hash)); !errors.Is(a.Err, astrolabe.ErrNotHeld) {
		t.Error(a.Err)
	}
	// One that pretends: pieces of something else under the same name.
	liar, forged := 40, []byte("something else")
	var number uint64
	var out protocol.Output
	if number, err = f.tables(33).Ask(f.world.Now(), question(liar, hash), &out); err != nil {
		t.Fatal(err)
	}
	sum := uint64(0)
	for _, b := range hash[:8] {
		sum = sum<<8 | uint64(b)
	}
	effects := f.hand(33, f.ids[liar], &astrolabe.Piece{Number: number, Sum: sum, Whole: len(forged), Bytes: forged})
	if a, ok := effects.Effects[0].Event.(astrolabe.Answered); !ok || !errors.Is(a.Err, astrolabe.ErrAnswer) || f.tables(33).Stats().BlobsForged != 1 || f.tables(33).Blob(hash) != nil {
		t.Errorf("%+v", effects.Effects)
	}
}

// A row is made for an answer only where that wants it and nobody has made one: a zone that representatives have made rows of needs none, and each takes a number, and a signature.
func TestNoRowIsMadeForAnAnswerThatHasOne(t *testing.T) {
	f := formed(t, 1, 0)
	for i := range f.names {
		m := f.tables(i)
		before := m.Issued("/eu") + m.Issued("/us")
		table := m.Resolve(f.world.Now(), astrolabe.SubjectTable, "/")
		row := m.Resolve(f.world.Now(), astrolabe.SubjectRow, "/us")
		if len(table.Rows) < 2 || len(row.Rows) < 1 {
			t.Fatalf("member %d answers with %d rows of the root, and %d of /us", i, len(table.Rows), len(row.Rows))
		}
		if after := m.Issued("/eu") + m.Issued("/us"); after != before {
			t.Errorf("member %d, %s, made %d rows", i, f.names[i], after-before)
		}
	}
}

// A row that takes several pieces comes whole over long distances as well, though how long ago it was heard of is another number in each moment.
func TestLongRowsComeInPieces(t *testing.T) {
	for _, way := range []time.Duration{50 * time.Millisecond, 150 * time.Millisecond} {
		wide := sim.Network{Topology: sim.Flat{Link: &sim.Link{Latency: sim.LogNormal{Min: way / 2, Median: way, Sigma: 0.1}}}}
		f := newFleet(sim.Config{Seed: 1, Network: wide}, sixZones(), nil)
		f.until(t, time.Minute, func() error { return f.counted(60) })
		far := []int{33, 35, 45, 46, 47, 48}
		for _, i := range far {
			f.world.Command(f.ids[i], func(now protocol.Time, _ protocol.Machine, out *protocol.Output) {
				for size, err := 1000, errors.New("not tried"); err != nil; size-- { // the longest that the row has room for
					err = f.node(i).members.SetAttribute(now, an("long", table.Bytes(make([]byte, size))), out)
				}
			})
		}
		f.world.Run(f.world.Now().Add(spreadTime))
		all := answers(f)
		for _, i := range far {
			a, _ := f.drill(t, all, 1, astrolabe.SubjectRow, f.names[i])
			if size := len(a.Append(nil)); a.Form != astrolabe.FormFound || size <= 1024 {
				t.Errorf("%s: form %d, %d bytes", f.names[i], a.Form, size)
			}
		}
	}
}
