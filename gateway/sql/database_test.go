package sql

import (
	"context"
	database "database/sql"
	"errors"
	"runtime"
	"testing"
	"time"
)

// In the process, statements take and give values of Go, transactions wait for Commit, and errors have their SQLSTATE.
func TestDatabase(t *testing.T) {
	f := newFake(8)
	g := gatewayOf(t, f)
	db := g.DB()
	defer db.Close()
	ctx := t.Context()
	var name string
	var at time.Time
	var up bool
	var bits []byte
	var missing database.NullInt64
	if err := db.QueryRowContext(ctx, "SELECT name, at, up, bits, cpus FROM self WHERE at = ? AND up = $2", f.self["at"], true).Scan(&name, &at, &up, &bits, &missing); err != nil || name != fakeName || !at.Equal(f.self["at"].(time.Time)) || !up ||
		len(bits) != 1 || missing.Valid {
		t.Errorf("%s %v %v %v %v: %v", name, at, up, bits, missing, err)
	}
	rows, err := db.QueryContext(ctx, "SELECT name, load, cpus FROM hosts WHERE load > $1", 0.2)
	if err != nil {
		t.Fatal(err)
	}
	types, err := rows.ColumnTypes()
	if err != nil || types[1].DatabaseTypeName() != "float8" || types[2].ScanType().String() != "int64" {
		t.Errorf("%v, %v", types, err)
	}
	if err := rows.Close(); err != nil {
		t.Error(err)
	}
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := tx.ExecContext(ctx, "UPDATE self SET count = 70"); err != nil {
		t.Error(err)
	} else if n, _ := r.RowsAffected(); n != 1 || f.self["count"] != int64(7) {
		t.Errorf("%d rows; %v before Commit", n, f.self["count"])
	}
	if err := tx.Commit(); err != nil || f.self["count"] != int64(70) {
		t.Errorf("%v; %v after Commit", err, f.self["count"])
	}
	if tx, err = db.BeginTx(ctx, nil); err != nil {
		t.Fatal(err)
	}
	_, _ = tx.ExecContext(ctx, "UPDATE self SET count = 71")
	if err := tx.Rollback(); err != nil || f.self["count"] != int64(70) {
		t.Errorf("%v; %v after Rollback", err, f.self["count"])
	}
	_, err = db.ExecContext(ctx, "UPDATE hosts SET load = 1")
	var e *Error
	if !errors.As(err, &e) || e.Code != codePrivilege || e.Hint == "" {
		t.Errorf("%v", err)
	}
	if stats := g.Stats(); stats.Results != 0 {
		t.Errorf("%d bytes of results are booked", stats.Results)
	}
}

// Times are compared, cut and taken apart.
func TestTimes(t *testing.T) {
	g := gatewayOf(t, newFake(2))
	for expression, want := range map[string]string{
		"extract(epoch FROM at)": "1.767323045e+09", "extract(year FROM at)": "2026", "date_trunc('hour', at)": "2026-01-02 03:00:00.000000+00:00", "at::date": "2026-01-02", "at > '2026-01-01'": "1", "at < timestamp '2026-01-02 04:00:00'": "1",
		"date_trunc('year', at)": "2026-01-01 00:00:00.000000+00:00", "extract(dow FROM '2026-01-04'::timestamptz)": "0", "strftime('%H:%M', at)": "03:04",
	} {
		r, err := g.Query(t.Context(), "SELECT "+expression+" FROM self")
		if err != nil || textOf(r.Rows[0][0]) != want {
			t.Errorf("%s: %v, %v, want %s", expression, r, err, want)
		}
	}
	for _, wrong := range []string{"extract(nothing FROM at)", "date_trunc('nothing', at)", "'x'::timestamptz"} {
		if _, err := g.Query(t.Context(), "SELECT "+wrong+" FROM self"); codeOf(err) != codeParameter && codeOf(err) != codeText {
			t.Errorf("%s: %v", wrong, err)
		}
	}
}

// A fault in a statement ends it, and the session has another database for the next one.
func TestFaultsEndTheirStatement(t *testing.T) {
	g := gatewayOf(t, newFake(2))
	s, err := newSession(g, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	if _, err := s.single(t.Context(), "SELECT count(*) FROM peers", nil); err != nil {
		t.Fatal(err)
	}
	s.snapshot.relations["public.peers"].indexes = nil
	if _, err := s.single(t.Context(), "SELECT state FROM peers WHERE id = 'x'", nil); codeOf(err) != codeInternal || g.Stats().Panics != 1 {
		t.Errorf("%v", err)
	}
	g.snapshots.drop()
	if r, err := s.single(t.Context(), "SELECT count(*) FROM hosts", nil); err != nil || r.rows[0][0] != int64(2) {
		t.Errorf("afterwards: %v", err)
	}
	// It breaks a transaction like any other failure, also where a statement is tried in order to learn its columns.
	s.transaction.begin(true)
	if _, err := s.single(t.Context(), "SELECT 1 FROM peers", nil); err != nil {
		t.Fatal(err)
	}
	s.snapshot.relations["public.peers"].indexes = nil
	tokens, err := tokensOf("SELECT abs(id) FROM peers WHERE id = 'x'")
	if err != nil {
		t.Fatal(err)
	}
	c := &client{session: s}
	if _, err := c.prepare(t.Context(), tokens, nil); codeOf(err) != codeInternal || s.transaction.status() != 'E' || g.Stats().Panics != 2 {
		t.Errorf("%v, %c", err, s.transaction.status())
	}
}

// A fault while a snapshot is taken keeps neither the turn of the statement nor whoever waits for the snapshot.
func TestFaultOfASnapshot(t *testing.T) {
	f := newFake(2)
	g := newGateway(f, Options{Concurrency: 1})
	defer g.Close()
	f.during = func() { panic("a fault") }
	if _, err := g.Query(t.Context(), "SELECT 1"); codeOf(err) != codeInternal {
		t.Fatalf("%v", err)
	}
	f.during = nil
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	if _, err := g.Query(ctx, "SELECT 1"); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// A statement that waits for its turn can be canceled.
func TestCanceledInQueue(t *testing.T) {
	g := newGateway(newFake(2), Options{Concurrency: 1})
	defer g.Close()
	s, err := newSession(g, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	g.turns <- struct{}{} // another one computes
	ended := make(chan error, 1)
	go func() {
		_, err := s.single(context.Background(), "SELECT 1", nil)
		ended <- err
	}()
	for {
		s.cancel()
		select {
		case err := <-ended:
			if codeOf(err) != codeCanceled {
				t.Errorf("%v", err)
			}
			return
		default:
			runtime.Gosched()
		}
	}
}

// So can one that waited for others and waits for its turn again; it takes no turn of another one with it.
func TestCanceledBehindAPause(t *testing.T) {
	g := newGateway(newFake(2), Options{Concurrency: 1})
	defer g.Close()
	s, err := newSession(g, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	for _, canceled := range []bool{false, true} {
		end, err := s.begin(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		resume, turns := s.pause(), 0
		if canceled {
			g.turns <- struct{}{} // another one computes
			turns = 1
			s.cancel()
		}
		if err := resume(); canceled != (codeOf(err) == codeCanceled) {
			t.Errorf("%v", err)
		}
		if end(); len(g.turns) != turns {
			t.Errorf("%d turns are taken, want %d", len(g.turns), turns)
		}
	}
}

// A result gives its room and its rows up when it is sent, and when a later statement of the same text fails.
func TestResultsAreGivenUp(t *testing.T) {
	g := gatewayOf(t, newFake(8))
	s, err := newSession(g, "test")
	if err != nil {
		t.Fatal(err)
	}
	defer s.close()
	c := &client{session: s}
	do := func(text string) error {
		tokens, err := tokensOf(text)
		if err != nil {
			t.Fatal(err)
		}
		_, err = c.doAll(t.Context(), split(tokens))
		return err
	}
	if err := do("SELECT name FROM hosts; SELECT nothere FROM hosts"); codeOf(err) != codeColumn || g.Stats().Results != 0 {
		t.Errorf("%v, %d bytes", err, g.Stats().Results)
	}
	if err := do("SELECT name FROM hosts"); err != nil || g.Stats().Results == 0 || len(c.results[0].rows) != 8 {
		t.Fatalf("%v, %d bytes", err, g.Stats().Results)
	}
	c.results[0].release()
	if g.Stats().Results != 0 || c.results[0].rows != nil {
		t.Errorf("%d bytes, %d rows", g.Stats().Results, len(c.results[0].rows))
	}
}
