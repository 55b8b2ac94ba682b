package sql

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

const testPassword = "open sesame"

// serve returns a server on loopback that is closed with the test; prepare changes it before it answers.
func serve(t testing.TB, g *Gateway, options ServerOptions, prepare func(s *Server)) *Server {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s, err := g.server(listener, options)
	if err != nil {
		t.Fatal(err)
	}
	if prepare != nil {
		prepare(s)
	}
	s.start()
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// dial connects as a client; more are settings of its DSN.
func dial(t testing.TB, s *Server, more string) (*pgx.Conn, error) {
	t.Helper()
	host, port, _ := net.SplitHostPort(s.Addr().String())
	config, err := pgx.ParseConfig(fmt.Sprintf("host=%s port=%s user=ann dbname=spinglass password='%s' sslmode=disable %s", host, port, testPassword, more))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	conn, err := pgx.ConnectConfig(ctx, config)
	if err == nil {
		t.Cleanup(func() { _ = conn.Close(context.Background()) })
	}
	return conn, err
}

func connect(t testing.TB, s *Server) *pgx.Conn {
	t.Helper()
	conn, err := dial(t, s, "")
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// stateOf returns the SQLSTATE that a client got.
func stateOf(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	if err != nil {
		return err.Error()
	}
	return ""
}

// A client of pgx prepares statements, gives parameters and gets values in the forms of their types, as JDBC drivers do.
func TestPreparedStatements(t *testing.T) {
	f := newFake(16)
	s := serve(t, gatewayOf(t, f), ServerOptions{Password: testPassword}, nil)
	conn := connect(t, s)
	ctx := t.Context()
	if _, err := conn.Prepare(ctx, "busy", "SELECT name, load, cpus, suspect FROM hosts WHERE load > $1 AND role = $2 ORDER BY name LIMIT $3"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		rows, err := conn.Query(ctx, "busy", 0.2, "db", 2)
		if err != nil {
			t.Fatal(err)
		}
		hosts, err := pgx.CollectRows(rows, pgx.RowToStructByPos[struct {
			Name    string
			Load    *float64
			CPUs    int64
			Suspect bool
		}])
		if err != nil || len(hosts) != 2 || hosts[0].Name != "/lab/h004" || *hosts[0].Load != 0.4 || hosts[0].CPUs != 4 {
			t.Fatalf("%+v, %v", hosts, err)
		}
	}
	var at time.Time
	var bits []byte
	var count, sum int64
	var mean float64
	var missing *string
	if err := conn.QueryRow(ctx, "SELECT at, bits, count FROM self WHERE up = $1", true).Scan(&at, &bits, &count); err != nil || !at.Equal(f.self["at"].(time.Time)) || len(bits) != 1 || count != 7 {
		t.Errorf("%v %v %d: %v", at, bits, count, err)
	}
	if err := conn.QueryRow(ctx, "SELECT count(*), avg(load), max(role) FROM hosts WHERE name <> $1 AND role = $2", "/lab/h000", "nothing").Scan(&sum, &missing, &missing); err != nil || sum != 0 || missing != nil {
		t.Errorf("nothing: %v", err)
	}
	if err := conn.QueryRow(ctx, "SELECT avg(load) FROM hosts WHERE load BETWEEN $1 AND $2", 0.1, 0.3).Scan(&mean); err != nil || mean < 0.19 || mean > 0.21 {
		t.Errorf("%v: %v", mean, err)
	}
	tag, err := conn.Exec(ctx, "UPDATE self SET load = $1, role = $2, stamped = $3", 2.25, "router", time.Date(2026, 5, 6, 7, 8, 9, 0, time.UTC))
	if err != nil || tag.String() != "UPDATE 1" || f.self["load"] != 2.25 || f.self["role"] != "router" {
		t.Errorf("%v, %v: %v", tag, err, f.self)
	}
	batch := &pgx.Batch{}
	batch.Queue("SELECT load FROM self")
	batch.Queue("SELECT $1::int4 + 1", 41)
	results := conn.SendBatch(ctx, batch)
	if err := results.QueryRow().Scan(&mean); err != nil || mean != 2.25 {
		t.Errorf("in a batch: %v, %v", mean, err)
	}
	if err := results.QueryRow().Scan(&sum); err != nil || sum != 42 {
		t.Errorf("in a batch: %v, %v", sum, err)
	}
	if err := results.Close(); err != nil {
		t.Error(err)
	}
	if conn.PgConn().ParameterStatus("server_version") != serverVersion {
		t.Errorf("version %q", conn.PgConn().ParameterStatus("server_version"))
	}
}

// When a table has other columns than when a statement was prepared, the client prepares it again.
func TestColumnsThatCome(t *testing.T) {
	f := newFake(2)
	g := gatewayOf(t, f)
	conn := connect(t, serve(t, g, ServerOptions{Password: testPassword}, nil))
	read := func() (rows [][]any) {
		answer, err := conn.Query(t.Context(), "SELECT * FROM self")
		if err == nil {
			rows, err = pgx.CollectRows(answer, func(row pgx.CollectableRow) ([]any, error) { return row.Values() })
		}
		if err != nil && stateOf(err) != "0A000" {
			t.Fatal(err)
		}
		return rows
	}
	before := len(read()[0])
	if _, err := conn.Exec(t.Context(), "UPDATE self SET more = 1"); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if rows := read(); len(rows) == 1 && len(rows[0]) == before+1 {
			return
		}
	}
	t.Errorf("the statement still has %d columns", before)
}

// Changes of a transaction wait for COMMIT; a failure leaves only ROLLBACK; savepoints go back.
func TestTransactions(t *testing.T) {
	f := newFake(2)
	conn := connect(t, serve(t, gatewayOf(t, f), ServerOptions{Password: testPassword}, nil))
	for _, step := range []struct {
		query, code string
		status      byte
		count       int64
	}{
		{"BEGIN", "", 'T', 7}, {"UPDATE self SET count = 8", "", 'T', 7}, {"COMMIT", "", 'I', 8}, {"BEGIN", "", 'T', 8}, {"UPDATE self SET count = 9", "", 'T', 8}, {"ROLLBACK", "", 'I', 8},
		{"BEGIN", "", 'T', 8}, {"SELEC", "42601", 'E', 8}, {"SELECT 1", "25P02", 'E', 8}, {"COMMIT", "", 'I', 8},
		{"BEGIN", "", 'T', 8}, {"UPDATE self SET count = 10", "", 'T', 8}, {"SAVEPOINT a", "", 'T', 8}, {"UPDATE self SET count = 11", "", 'T', 8}, {"SELEC", "42601", 'E', 8}, {"ROLLBACK TO a", "", 'T', 8},
		{"RELEASE a", "", 'T', 8}, {"COMMIT", "", 'I', 10}, {"UPDATE self SET count = 12; SELEC", "42601", 'I', 10}, {"UPDATE self SET count = 12; SELECT 1", "", 'I', 12},
		{"BEGIN ISOLATION LEVEL REPEATABLE READ; SHOW transaction_isolation; COMMIT", "", 'I', 12}, {"", "", 'I', 12}, {"-- nothing", "", 'I', 12},
	} {
		_, err := conn.PgConn().Exec(t.Context(), step.query).ReadAll()
		if stateOf(err) != step.code || conn.PgConn().TxStatus() != step.status || f.self["count"] != step.count {
			t.Fatalf("%s: %v, status %c, count %v", step.query, err, conn.PgConn().TxStatus(), f.self["count"])
		}
	}
}

// A wrong password, and none, are refused; and so is a listener that others reach without TLS.
func TestPasswords(t *testing.T) {
	g := gatewayOf(t, newFake(2))
	s := serve(t, g, ServerOptions{Password: testPassword}, nil)
	for _, given := range []string{"password=wrong", "password=''"} {
		if _, err := dial(t, s, given); err == nil || given == "password=wrong" && !strings.Contains(err.Error(), codePassword) {
			t.Errorf("%s: %v", given, err)
		}
	}
	if n := g.Stats().PasswordsRefused; n < 1 {
		t.Errorf("%d passwords were refused", n)
	}
	everywhere, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer everywhere.Close()
	if _, err := g.Serve(everywhere, ServerOptions{Password: testPassword}); !errors.Is(err, ErrNotLoopback) {
		t.Errorf("without TLS on all addresses: %v", err)
	}
	if _, err := g.Serve(everywhere, ServerOptions{TLS: &tls.Config{MinVersion: tls.VersionTLS12}}); !errors.Is(err, ErrNoPassword) {
		t.Errorf("for everybody: %v", err)
	}
}

func TestPasswordFile(t *testing.T) {
	dir := t.TempDir()
	first, err := Password(dir)
	if err != nil || len(first) < 20 {
		t.Fatalf("%q, %v", first, err)
	}
	if again, err := Password(dir); err != nil || again != first {
		t.Errorf("%q, %v", again, err)
	}
	path := filepath.Join(dir, PasswordFile)
	info, err := os.Stat(path)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info.Mode(), err)
	}
	if err := os.Chmod(path, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := Password(dir); err == nil {
		t.Error("a file that others can read was taken")
	}
	if err := errors.Join(os.Chmod(path, 0o600), os.WriteFile(path, []byte("\n"), 0o600)); err != nil {
		t.Fatal(err)
	}
	if _, err := Password(dir); err == nil {
		t.Error("an empty password was taken")
	}
}

// authority makes certificates.
type authority struct {
	key         *ecdsa.PrivateKey
	certificate *x509.Certificate
	number      int64
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: time.Now().Add(time.Hour), IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{key, certificate, 1}
}

func (a *authority) issue(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	a.number++
	template := &x509.Certificate{
		SerialNumber: big.NewInt(a.number), Subject: pkix.Name{CommonName: "127.0.0.1"}, NotAfter: time.Now().Add(time.Hour), IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// Over TLS the password or a certificate lets in; in the clear nobody gets in.
func TestTLS(t *testing.T) {
	known, stranger := newAuthority(t), newAuthority(t)
	pool := x509.NewCertPool()
	pool.AddCert(known.certificate)
	options := ServerOptions{Password: testPassword, TLS: &tls.Config{
		Certificates: []tls.Certificate{known.issue(t)}, ClientCAs: pool, ClientAuth: tls.VerifyClientCertIfGiven, MinVersion: tls.VersionTLS12,
	}}
	s := serve(t, gatewayOf(t, newFake(2)), options, nil)
	if _, err := dial(t, s, ""); err == nil || !strings.Contains(err.Error(), "encrypted") {
		t.Errorf("in the clear: %v", err)
	}
	for _, c := range []struct {
		what, password string
		certificate    *tls.Certificate
		refused        bool
	}{
		{what: "the password", password: testPassword}, {what: "a wrong password", password: "wrong", refused: true}, {what: "nothing", refused: true},
		{what: "a certificate", certificate: ptr(known.issue(t))}, {what: "a certificate of another authority", password: testPassword, certificate: ptr(stranger.issue(t)), refused: true},
	} {
		config, err := pgx.ParseConfig(fmt.Sprintf("host=127.0.0.1 port=%d user=ann password='%s' sslmode=require", s.Addr().(*net.TCPAddr).Port, c.password))
		if err != nil {
			t.Fatal(err)
		}
		config.TLSConfig = &tls.Config{RootCAs: pool, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}
		if c.certificate != nil {
			config.TLSConfig.Certificates = []tls.Certificate{*c.certificate}
		}
		conn, err := pgx.ConnectConfig(t.Context(), config)
		if err == nil {
			var n int64
			err = conn.QueryRow(t.Context(), "SELECT count(*) FROM hosts").Scan(&n)
			_ = conn.Close(context.Background())
		}
		if (err != nil) != c.refused {
			t.Errorf("%s: %v", c.what, err)
		}
	}
}

func ptr[T any](v T) *T { return &v }

// Of a thousand connections that say nothing few are kept, and not for long; a client with a password gets in then.
func TestIdleConnections(t *testing.T) {
	g := gatewayOf(t, newFake(2))
	s := serve(t, g, ServerOptions{Password: testPassword}, func(s *Server) { s.handshakeTime = 3 * time.Second })
	began := time.Now()
	var conns []net.Conn
	for range 1000 {
		conn, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		conns = append(conns, conn)
	}
	refused, kept := 0, HandshakesMax
	for _, conn := range conns {
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		if answer, _ := io.ReadAll(conn); strings.Contains(string(answer), codeConnections) {
			refused++
		}
	}
	kept += kept * int(time.Since(began)/s.handshakeTime) // others come when their time is over
	if stats := g.Stats(); stats.Connections > HandshakesMax || int(stats.HandshakesRefused) < len(conns)-kept || refused < len(conns)-kept {
		t.Errorf("%d connections, %d refused, %d told so", stats.Connections, stats.HandshakesRefused, refused)
	}
	eventually(t, "connections that say nothing go", func() bool { return g.Stats().Connections == 0 })
	connect(t, s)
}

// Clients that have said who they are and are silent are kept up to the limit; the next one is told so.
func TestTooManyClients(t *testing.T) {
	g := gatewayOf(t, newFake(2))
	s := serve(t, g, ServerOptions{Password: testPassword}, func(s *Server) { s.connectionsMax, s.idleTime = 16, 2*time.Second })
	var err error
	count := 0
	for ; err == nil && count < 500; count++ { // where it takes long silent ones go, and others get in
		_, err = dial(t, s, "")
	}
	if went := int(g.Stats().Idle); err == nil || !strings.Contains(err.Error(), codeConnections) || count < 17 || count > 17 && went == 0 {
		t.Errorf("client %d, when %d had gone: %v", count, went, err)
	}
	eventually(t, "all silent clients go", func() bool { return int(g.Stats().Idle) >= count-1 })
	connect(t, s)
}

// A client that asks and never reads is cut off, and what was for it is given back.
func TestClientThatNeverReads(t *testing.T) {
	g := gatewayOf(t, newFake(64))
	s := serve(t, g, ServerOptions{Password: testPassword}, func(s *Server) { s.writeTime = 200 * time.Millisecond })
	conn := connect(t, s)
	raw, err := conn.PgConn().Hijack()
	if err != nil {
		t.Fatal(err)
	}
	defer raw.Conn.Close()
	query := "SELECT zeroblob(100000) FROM hosts" // 13 MB as text, more than sockets hold
	message := append(binary.BigEndian.AppendUint32([]byte{'Q'}, uint32(len(query)+5)), query+"\x00"...)
	for range 4 {
		if _, err := raw.Conn.Write(message); err != nil {
			break
		}
	}
	eventually(t, "nothing is left of it", func() bool { // one after the other
		s := g.Stats()
		return s.Stalled > 0 && s.Connections == 0 && s.Sessions == 0 && s.Results == 0
	})
}

// A message of 500 MB is refused by its length, and the client is told so.
func TestLongMessages(t *testing.T) {
	g := gatewayOf(t, newFake(2))
	s := serve(t, g, ServerOptions{Password: testPassword}, func(s *Server) { s.writeTime = time.Second })
	if _, err := connect(t, s).Exec(t.Context(), "SELECT $1::bytea", make([]byte, 500<<20)); stateOf(err) != codeLimit {
		t.Errorf("a parameter of 500 MB: %v", err)
	}
	if g.Stats().MessagesRefused != 1 {
		t.Errorf("%+v", g.Stats())
	}
}

// Messages that lie about lengths end their connection and nothing else: the library would end the process.
func TestMalformedMessages(t *testing.T) {
	g := gatewayOf(t, newFake(2))
	s := serve(t, g, ServerOptions{Password: testPassword}, nil)
	for name, body := range map[string][]byte{
		"a negative length of a value":   {0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xfe, 0, 0},
		"a length beyond the message":    {0, 0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0},
		"more values than there are":     {0, 0, 0, 0, 0xff, 0xff},
		"names without an end":           {'a', 'b'},
		"formats that are not there":     {0, 0, 0, 9},
		"an end that is missing":         {0, 0, 0, 0, 0, 0},
		"more behind what the count has": {0, 0, 0, 0, 0, 0, 0, 0, 7},
	} {
		raw, err := connect(t, s).PgConn().Hijack()
		if err != nil {
			t.Fatal(err)
		}
		message := append(binary.BigEndian.AppendUint32([]byte{'B'}, uint32(len(body)+4)), body...)
		if _, err := raw.Conn.Write(message); err != nil {
			t.Fatal(err)
		}
		_ = raw.Conn.SetReadDeadline(time.Now().Add(time.Minute))
		answer, err := io.ReadAll(raw.Conn)
		if err != nil || !strings.Contains(string(answer), codeProtocol) {
			t.Errorf("%s: %q, %v", name, answer, err)
		}
		_ = raw.Conn.Close()
	}
	for _, beginning := range []string{"\x00\x00\x00\x08\x04\xd2\x16\x30" + "\x00\x00\x00\x08\x04\xd2\x16\x30" + "\x00\x00\x00\x08\x04\xd2\x16\x30" + "\x00\x00\x00\x08\x04\xd2\x16\x30" + "\x00\x00\x00\x08\x04\xd2\x16\x30", "\x7f\xff\xff\xff\x00\x03\x00\x00", "GET / HTTP/1.1\r\n\r\n"} {
		conn, err := net.Dial("tcp", s.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		_, _ = conn.Write([]byte(beginning))
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := io.ReadAll(conn); errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("%q is waited for", beginning)
		}
		_ = conn.Close()
	}
	connect(t, s)
}

// FuzzBound holds that what is let through to the library has lengths that are right.
func FuzzBound(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 0, 1, 0, 1, 0, 0, 0, 2, 'h', 'i', 0, 1, 0, 0})
	f.Add([]byte{0, 0, 0, 0, 0, 1, 0xff, 0xff, 0xff, 0xff, 0, 0})
	f.Fuzz(func(t *testing.T, body []byte) {
		if !boundProperly(body) {
			return
		}
		values := 0
		for range 2 {
			body = body[strings.IndexByte(string(body), 0)+1:]
		}
		formats := int(binary.BigEndian.Uint16(body))
		body = body[2+2*formats:]
		values = int(binary.BigEndian.Uint16(body))
		body = body[2:]
		for range values {
			n := int32(binary.BigEndian.Uint32(body))
			if n < -1 {
				t.Fatal("a negative length")
			}
			body = body[4+max(int(n), 0):]
		}
		if len(body) != 2+2*int(binary.BigEndian.Uint16(body)) {
			t.Fatal("the end is elsewhere")
		}
	})
}

// A client cancels its statement by another connection.
func TestCancel(t *testing.T) {
	s := serve(t, gatewayOf(t, newFake(64)), ServerOptions{Password: testPassword}, nil)
	conn := connect(t, s)
	ended := make(chan error, 1)
	go func() {
		_, err := conn.PgConn().Exec(context.Background(), "SELECT count(*) FROM hosts a, hosts b, hosts c, hosts d, hosts e").ReadAll()
		ended <- err
	}()
	for {
		if err := conn.PgConn().CancelRequest(t.Context()); err != nil {
			t.Fatal(err)
		}
		select {
		case err := <-ended:
			if stateOf(err) != codeCanceled || !strings.Contains(err.Error(), "was canceled") { // and has not computed for too long
				t.Errorf("%v", err)
			}
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}

// A client cancels what waits for other members, and so does a server that closes.
func TestWaitsEnd(t *testing.T) {
	node := newFake(2)
	s := serve(t, gatewayOf(t, node), ServerOptions{Password: testPassword}, nil)
	conn := connect(t, s)
	ended := make(chan error, 1)
	ask := func() {
		go func() {
			_, err := conn.PgConn().Exec(context.Background(), "SELECT count(*) FROM zone_tree('/us/sf')").ReadAll()
			ended <- err
		}()
		eventually(t, "it waits for others", func() bool { return node.waiting.Load() == 1 })
	}
	ask()
	if err := conn.PgConn().CancelRequest(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; stateOf(err) != codeCanceled {
		t.Fatalf("%v", err)
	}
	ask()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	if <-ended == nil {
		t.Error("the statement was done")
	}
}

// Prepared statements are bounded.
func TestTooManyPreparedStatements(t *testing.T) {
	conn := connect(t, serve(t, gatewayOf(t, newFake(2)), ServerOptions{Password: testPassword}, nil))
	var err error
	for i := range PreparedMax + 1 {
		if _, err = conn.Prepare(t.Context(), fmt.Sprintf("s%d", i), fmt.Sprintf("SELECT %d", i)); err != nil {
			break
		}
	}
	if stateOf(err) != codeLimit {
		t.Errorf("%v", err)
	}
	for i := range 2 * PreparedMax { // those that are given back do not count
		name := fmt.Sprintf("s%d", i)
		if _, err := conn.Exec(t.Context(), `DEALLOCATE "`+name+`"`, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Prepare(t.Context(), name, fmt.Sprintf("SELECT %d", i)); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if i >= PreparedMax {
			continue
		}
		if _, err := conn.Exec(t.Context(), `DEALLOCATE "`+name+`"`, pgx.QueryExecModeSimpleProtocol); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := conn.Exec(t.Context(), "DEALLOCATE ALL", pgx.QueryExecModeSimpleProtocol); err != nil {
		t.Fatal(err)
	}
	for i := range PreparedMax - 1 {
		if _, err := conn.Prepare(t.Context(), fmt.Sprintf("t%d", i), "SELECT 1"); err != nil {
			t.Fatal(err)
		}
	}
}

// A closed server leaves nothing behind.
func TestClose(t *testing.T) {
	g := gatewayOf(t, newFake(2))
	s := serve(t, g, ServerOptions{Password: testPassword}, nil)
	connect(t, s)
	if err := s.Close(); err != nil {
		t.Fatal(err)
	}
	if late := s.admit(nil); late == nil || late.Code != codeShutdown {
		t.Errorf("a connection that was accepted just before: %v", late)
	}
	if stats := g.Stats(); stats.Connections != 0 || stats.Sessions != 0 {
		t.Errorf("%+v", stats)
	}
}
