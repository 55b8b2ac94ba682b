package local

import (
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/net/netutil"

	"spinglass"
)

// ErrClosing is why the streams of a server that closes end.
var ErrClosing = errors.New("the agent is stopping")

// Options of a [Server].
type Options struct {
	// Version is what Status tells.
	Version string
	// Logger receives failures of connections; nil discards them.
	Logger *slog.Logger
	// Metrics are served besides those of the node.
	Metrics []prometheus.Collector
	// SQL does statements; nil refuses them.
	SQL func(ctx context.Context, query string) (*SQLResult, error)
}

// Server answers commands on behalf of a node. It is an [http.Handler].
type Server struct {
	node    node
	options Options
	started time.Time
	handler http.Handler
	metrics http.Handler
	http    http.Server

	joined sync.Map // groups, by their names, that commands have the node join

	// streams end when closing is done.
	closing context.Context
	close   context.CancelCauseFunc

	stats struct {
		streams          atomic.Int64
		refused          atomic.Uint64
		setsRefused      atomic.Uint64
		functionsRefused atomic.Uint64
		sqlRefused       atomic.Uint64
		patternsRefused  atomic.Uint64
		unauthorized     atomic.Uint64
	}
}

// New returns a server for node. It does not take the node over: closing it stays with the caller.
func New(n *spinglass.Node, options Options) *Server { return newServer(realNode{n}, options) }

func newServer(n node, options Options) *Server {
	if options.Logger == nil {
		options.Logger = slog.New(slog.DiscardHandler)
	}
	s := &Server{node: n, options: options, started: time.Now()}
	s.closing, s.close = context.WithCancelCause(context.Background())
	mux := http.NewServeMux()
	mux.HandleFunc("GET /v1/status", s.status)
	mux.HandleFunc("GET /v1/peers", s.peers)
	mux.HandleFunc("GET /v1/zones", s.zones)
	mux.HandleFunc("GET /v1/rows", s.rows)
	mux.HandleFunc("GET /v1/row", s.row)
	mux.HandleFunc("PATCH /v1/row", s.set)
	mux.HandleFunc("GET /v1/blob", s.blob)
	mux.HandleFunc("PUT /v1/blob", s.setBlob)
	mux.HandleFunc("GET /v1/functions", s.functions)
	mux.HandleFunc("POST /v1/functions", s.install)
	mux.HandleFunc("POST /v1/functions/trial", s.try)
	mux.HandleFunc("POST /v1/sql", s.sql)
	mux.HandleFunc("GET /v1/topics", s.topics)
	mux.HandleFunc(topicPrefix, s.topic)
	mux.HandleFunc("POST "+patternsPath, s.patterns)
	mux.HandleFunc("GET /v1/groups", s.groups)
	mux.HandleFunc(groupPrefix, s.group)
	mux.HandleFunc("GET /v1/events", s.events)
	s.metrics = s.metricsHandler()
	mux.Handle("GET /metrics", s.metrics)
	mux.HandleFunc("/", notFound)
	s.handler = mux
	s.http = http.Server{
		ReadHeaderTimeout: headerTimeout,
		IdleTimeout:       idleTimeout,
		MaxHeaderBytes:    headerMax,
		ErrorLog:          slog.NewLogLogger(options.Logger.Handler(), slog.LevelWarn),
	}
	return s
}

// ServeHTTP implements [http.Handler]. It asks for no token; Serve does where its listener has one.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// guarded asks for the token, when there is one, before it lets a request pass.
func (s *Server) guarded(token string) http.Handler {
	if token == "" {
		return s
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if authorized(r, token) {
			s.ServeHTTP(w, r)
			return
		}
		s.stats.unauthorized.Add(1)
		w.Header().Set("WWW-Authenticate", "Bearer")
		writeError(w, http.StatusUnauthorized, errors.New("the request does not carry the token of this agent"))
	})
}

// Serve answers requests until the server is closed or the listener fails. After Close it returns nil. It is called once.
func (s *Server) Serve(listener *Listener) error {
	s.http.Handler = s.guarded(listener.token)
	err := s.http.Serve(netutil.LimitListener(net.Listener(listener), connectionsMax))
	if errors.Is(err, http.ErrServerClosed) {
		return nil
	}
	return err
}

// Close ends all streams, telling their clients so, waits a moment for them, and closes the connections and the listener.
func (s *Server) Close() error {
	s.close(ErrClosing)
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
	defer cancel()
	if err := s.http.Shutdown(ctx); err == nil {
		return nil
	}
	return s.http.Close()
}

// streamContext is the context of one stream: it ends with the request and with the server.
func (s *Server) streamContext(r *http.Request) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancelCause(r.Context())
	stop := context.AfterFunc(s.closing, func() { cancel(ErrClosing) })
	return ctx, func() { stop(); cancel(nil) }
}

// stream runs serve unless too many streams are open.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, serve func(ctx context.Context)) {
	defer s.stats.streams.Add(-1)
	if s.stats.streams.Add(1) > streamsMax {
		s.stats.refused.Add(1)
		writeError(w, http.StatusServiceUnavailable, errors.New("too many commands use this agent at the same time"))
		return
	}
	ctx, cancel := s.streamContext(r)
	defer cancel()
	serve(ctx)
}
