package sql

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgtype"
	wire "github.com/jeroenrinzema/psql-wire"
	wireerrors "github.com/jeroenrinzema/psql-wire/errors"
	"github.com/jeroenrinzema/psql-wire/pkg/buffer"
	"github.com/jeroenrinzema/psql-wire/pkg/types"
)

// ServerOptions are those of [Gateway.Serve].
type ServerOptions struct {
	// Password is what clients have to know, unless they have a certificate that TLS.ClientCAs know. Empty lets in only those with certificates.
	Password string
	// TLS has every connection encrypted. It is needed where the listener is not on loopback. A client certificate that is verified stands for the password (ClientAuth: tls.VerifyClientCertIfGiven).
	TLS *tls.Config
}

// Errors of Serve.
var (
	ErrNotLoopback = errors.New("an address that is not loopback needs TLS")
	ErrNoPassword  = errors.New("there is neither a password nor a way to know clients by certificates")
)

// Server answers clients of the PostgreSQL protocol.
type Server struct {
	gateway  *Gateway
	options  ServerOptions
	verifier *verifier
	listener net.Listener
	wire     *wire.Server
	accepted chan net.Conn
	closing  chan struct{}
	lifetime context.Context // of statements
	end      context.CancelFunc
	// These are ConnectionsMax, WriteTime, IdleTime and HandshakeTime but in tests.
	connectionsMax                     int
	writeTime, idleTime, handshakeTime time.Duration

	mu         sync.Mutex
	clients    map[int32]*client
	conns      map[net.Conn]bool
	handshakes int
	working    sync.WaitGroup
}

// Serve answers the clients of a listener until the server is closed. The listener is closed with it.
func (g *Gateway) Serve(listener net.Listener, options ServerOptions) (*Server, error) {
	s, err := g.server(listener, options)
	if err != nil {
		return nil, err
	}
	s.start()
	return s, nil
}

// server makes a server that does not answer yet.
func (g *Gateway) server(listener net.Listener, options ServerOptions) (*Server, error) {
	if options.TLS == nil && !loopback(listener.Addr()) {
		return nil, fmt.Errorf("%w: %s", ErrNotLoopback, listener.Addr())
	}
	if options.Password == "" && (options.TLS == nil || options.TLS.ClientCAs == nil) {
		return nil, ErrNoPassword
	}
	s := &Server{
		gateway: g, options: options, listener: listener, accepted: make(chan net.Conn), closing: make(chan struct{}), clients: map[int32]*client{}, conns: map[net.Conn]bool{},
		connectionsMax: ConnectionsMax, writeTime: WriteTime, idleTime: IdleTime, handshakeTime: HandshakeTime,
	}
	s.lifetime, s.end = context.WithCancel(context.Background())
	var err error
	if s.verifier, err = newVerifier(options.Password); err != nil {
		return nil, err
	}
	if s.wire, err = s.library(); err != nil {
		return nil, err
	}
	return s, nil
}

// start has the server answer.
func (s *Server) start() {
	s.working.Go(s.accept)
	s.working.Go(func() { _ = s.wire.Serve(s) }) // it ends when the server closes
}

// loopback reports whether an address is for this machine only.
func loopback(a net.Addr) bool {
	if a.Network() == "unix" {
		return true
	}
	at, err := netip.ParseAddrPort(a.String())
	return err == nil && at.Addr().Unmap().IsLoopback()
}

// library makes the server of the library that speaks the protocol.
func (s *Server) library() (*wire.Server, error) {
	return wire.NewServer(s.parse,
		wire.Logger(slog.New(slog.DiscardHandler)), wire.MessageBufferSize(MessageMax), wire.SessionAuthStrategy(s.authenticate), wire.ExtendTypes(extendTypes),
		wire.BackendKeyData(func(ctx context.Context) (int32, int32) { c := clientOf(ctx); return c.number, c.secret }),
		wire.TxStatus(func(ctx context.Context) types.ServerStatus {
			return types.ServerStatus(clientOf(ctx).session.transaction.status())
		}),
		wire.GlobalParameters(wire.Parameters{
			"DateStyle": "ISO, MDY", "TimeZone": "UTC", "IntervalStyle": "postgres", "integer_datetimes": "on", "standard_conforming_strings": "on", "application_name": "", "in_hot_standby": "off",
			"default_transaction_read_only": "off",
		}),
		wire.Statements(func() wire.StatementCache {
			return &boundedStatements{StatementCache: wire.DefaultStatementCacheFn(), stats: &s.gateway.stats, names: map[string]bool{}}
		}),
		wire.Portals(func() wire.PortalCache {
			return &boundedPortals{PortalCache: wire.DefaultPortalCacheFn(), stats: &s.gateway.stats, names: map[string]bool{}}
		}),
	)
}

// extendTypes has values of the catalog's types written as texts.
func extendTypes(m *pgtype.Map) {
	for _, k := range []*kind{kindChar, kindVector} {
		m.RegisterType(&pgtype.Type{Name: k.internal, OID: k.oid, Codec: pgtype.TextCodec{}})
	}
	m.RegisterType(&pgtype.Type{Name: kindTime.internal, OID: kindTime.oid, Codec: &timeCodec{}})
}

// timeCodec writes times as texts in the form of PostgreSQL, which old clients know best.
type timeCodec struct{ pgtype.TimestamptzCodec }

// PlanEncode implements pgtype.Codec.
func (c *timeCodec) PlanEncode(m *pgtype.Map, oid uint32, format int16, value any) pgtype.EncodePlan {
	if _, ok := value.(time.Time); ok && format == pgtype.TextFormatCode {
		return timeText{}
	}
	return c.TimestamptzCodec.PlanEncode(m, oid, format, value)
}

type timeText struct{}

// Encode implements pgtype.EncodePlan.
func (timeText) Encode(value any, buffer []byte) ([]byte, error) {
	at, ok := value.(time.Time)
	if !ok {
		return nil, errType
	}
	return at.UTC().AppendFormat(buffer, "2006-01-02 15:04:05.999999+00"), nil
}

// accept takes connections, and has each begin in a goroutine of its own.
func (s *Server) accept() {
	for {
		conn, err := s.listener.Accept()
		if err != nil {
			select {
			case <-s.closing:
				return
			default:
			}
			if errors.Is(err, net.ErrClosed) {
				return
			}
			s.gateway.logger.Warn("a client of SQL was not accepted", "error", err)
			time.Sleep(acceptPause) // such as no files left
			continue
		}
		if refused := s.admit(conn); refused != nil {
			s.working.Go(func() { s.refuse(conn, refused) })
			continue
		}
		s.working.Go(func() { s.greetOrDrop(conn) })
	}
}

// acceptPause is waited for when the system does not give a connection.
const acceptPause = 100 * time.Millisecond

// admit counts a connection, or says why there is no room for it.
func (s *Server) admit(conn net.Conn) *Error {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.lifetime.Err() != nil: // it was accepted just before the server closed, which has closed all that it knew of
		return errorf(codeShutdown, "the server is closed")
	case len(s.conns) >= s.connectionsMax:
		s.gateway.stats.connectionsRefused.Add(1)
		return errorf(codeConnections, "sorry, too many clients already: the limit is %d", s.connectionsMax)
	case s.handshakes >= HandshakesMax:
		s.gateway.stats.handshakesRefused.Add(1)
		return errorf(codeConnections, "sorry, %d clients are saying who they are already", HandshakesMax)
	}
	s.conns[conn] = true
	s.handshakes++
	s.gateway.stats.connections.Add(1)
	return nil
}

// refuse tells a client why it is not let in.
func (s *Server) refuse(conn net.Conn, why *Error) {
	_ = conn.SetDeadline(time.Now().Add(refusalsTime))
	_, _ = conn.Write(appendError(nil, why))
	_ = conn.Close()
}

// greetOrDrop has a client begin, and hands it to the library.
func (s *Server) greetOrDrop(conn net.Conn) {
	c := s.begin(conn)
	if c == nil {
		s.mu.Lock()
		s.handshakes--
		s.mu.Unlock()
		s.drop(conn)
		return
	}
	var random [8]byte
	rand.Read(random[:]) // never fails
	c.secret = int32(binary.BigEndian.Uint32(random[:]))
	s.mu.Lock()
	for c.number = int32(binary.BigEndian.Uint32(random[4:]) >> 1); c.number == 0 || s.clients[c.number] != nil; c.number++ {
	}
	s.clients[c.number] = c
	s.mu.Unlock()
	select {
	case s.accepted <- c:
	case <-s.closing:
		_ = c.Close()
	}
}

// drop closes a connection that the library has not seen.
func (s *Server) drop(conn net.Conn) {
	_ = conn.Close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.conns[conn] {
		delete(s.conns, conn)
		s.gateway.stats.connections.Add(-1)
	}
}

// forget ends what is kept of a client.
func (s *Server) forget(c *client) {
	s.mu.Lock()
	if s.clients[c.number] == c {
		delete(s.clients, c.number)
	} else {
		s.mu.Unlock()
		return
	}
	if !c.deadline.IsZero() {
		s.handshakes--
	}
	s.mu.Unlock()
	raw := c.Conn
	if encrypted, ok := raw.(*tls.Conn); ok {
		raw = encrypted.NetConn()
	}
	s.drop(raw)
	c.mu.Lock()
	session := c.session
	c.session = nil
	c.mu.Unlock()
	c.forgetResults()
	if session != nil {
		session.close()
	}
}

// Accept implements net.Listener for the library, which gets clients that have begun.
func (s *Server) Accept() (net.Conn, error) {
	select {
	case conn := <-s.accepted:
		return conn, nil
	case <-s.closing:
		return nil, net.ErrClosed
	}
}

// Addr returns where the server listens.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// Close ends all connections and the listener. It is called once.
func (s *Server) Close() error {
	s.mu.Lock()
	select {
	case <-s.closing:
		s.mu.Unlock()
		return nil
	default:
	}
	close(s.closing)
	s.end()
	err := s.listener.Close()
	for conn := range s.conns {
		_ = conn.Close()
	}
	s.mu.Unlock()
	_ = s.wire.Close()
	s.wire.Wait()
	s.working.Wait()
	return err
}

// clientOf returns the client of a connection of the library.
func clientOf(ctx context.Context) *client { return wire.RemoteAddress(ctx).(*address).client }

// Numbers of the steps of an authentication.
const (
	authenticationOK       = 0
	authenticationSASL     = 10
	authenticationContinue = 11
	authenticationFinal    = 12
)

// authenticate finds out whether a client may ask, and makes its session.
func (s *Server) authenticate(ctx context.Context, writer *buffer.Writer, reader *buffer.Reader) (context.Context, error) {
	c := clientOf(ctx)
	if !c.certified {
		if err := s.challenge(writer, reader); err != nil {
			return ctx, s.dismiss(writer, err)
		}
	}
	user := wire.AuthenticatedUsername(ctx)
	session, err := newSession(s.gateway, user)
	if err != nil {
		return ctx, s.dismiss(writer, err)
	}
	c.mu.Lock()
	c.session = session
	c.mu.Unlock()
	s.mu.Lock()
	s.handshakes--
	c.deadline = time.Time{}
	s.mu.Unlock()
	session.settings["application_name"] = firstOf(wire.ClientParameters(ctx)[wire.ParamApplicationName])
	s.gateway.logger.Debug("a client of SQL is connected", "user", user, "address", c.Conn.RemoteAddr().String(), "certificate", c.certified)
	writer.Start(types.ServerAuth)
	writer.AddInt32(authenticationOK)
	return ctx, writer.End()
}

// dismiss tells a client why it is not let in.
func (s *Server) dismiss(writer *buffer.Writer, err error) error {
	known := errorf(codeAuthorization, "%v", err)
	errors.As(err, &known)
	if known.Code == codePassword {
		s.gateway.stats.passwordsRefused.Add(1)
	} else {
		s.gateway.stats.handshakesFailed.Add(1)
	}
	_ = wire.WriteUnterminatedError(writer, wireerrors.WithSeverity(wireError(known), wireerrors.LevelFatal))
	return err
}

// challenge has the client prove that it knows the password.
func (s *Server) challenge(writer *buffer.Writer, reader *buffer.Reader) error {
	if s.options.Password == "" {
		return errorf(codeAuthorization, "a client certificate is needed here")
	}
	writer.Start(types.ServerAuth)
	writer.AddInt32(authenticationSASL)
	writer.AddString(scramMechanism)
	writer.AddNullTerminate()
	writer.AddNullTerminate()
	if err := writer.End(); err != nil {
		return err
	}
	e := exchange{verifier: s.verifier}
	first, err := readFirst(reader)
	if err != nil {
		return err
	}
	answer, err := e.start(first)
	if err != nil {
		return err
	}
	if err := writeStep(writer, authenticationContinue, answer); err != nil {
		return err
	}
	proof, err := readProof(reader)
	if err != nil {
		return err
	}
	final, ok, err := e.finish(proof)
	switch {
	case err != nil:
		return err
	case !ok:
		return errorf(codePassword, "password authentication failed")
	}
	return writeStep(writer, authenticationFinal, final)
}

func writeStep(writer *buffer.Writer, step int32, text string) error {
	writer.Start(types.ServerAuth)
	writer.AddInt32(step)
	writer.AddString(text)
	return writer.End()
}

// readFirst reads the message that names the mechanism, and has the first step.
func readFirst(reader *buffer.Reader) (string, error) {
	if err := readPasswordMessage(reader); err != nil {
		return "", err
	}
	mechanism, err := reader.GetString()
	if err != nil || mechanism != scramMechanism {
		return "", errProof
	}
	length, err := reader.GetInt32()
	if err != nil || length < 0 || int(length) != len(reader.Msg) {
		return "", errProof
	}
	return string(reader.Msg), nil
}

func readProof(reader *buffer.Reader) (string, error) {
	if err := readPasswordMessage(reader); err != nil {
		return "", err
	}
	return string(reader.Msg), nil
}

func readPasswordMessage(reader *buffer.Reader) error {
	kind, _, err := reader.ReadTypedMsg()
	if err == nil && kind != types.ClientPassword {
		err = errProof
	}
	return err
}
