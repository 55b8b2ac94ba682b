package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"
	"unicode/utf8"

	"spinglass"
	"spinglass/examples/ledger/store"
)

// Limits of a member.
const (
	valueMax    = 16 << 10         // bytes of a value
	keyMax      = 256              // bytes of a key
	answerLimit = 10 * time.Second // for a request to be settled
)

// memberSettings are what a member is told.
type memberSettings struct {
	name, listen, http, join, dataDir string
	founds                            bool
}

// runMember runs a member until ctx ends.
func runMember(ctx context.Context, out io.Writer, s memberSettings) error {
	c := spinglass.Config{Name: s.name, Listen: s.listen, DataDir: s.dataDir, First: s.join == ""}
	if s.join != "" {
		c.Join = []string{s.join}
	}
	node, err := spinglass.Start(ctx, c)
	if err != nil {
		return err
	}
	defer node.Close()
	options := []spinglass.GroupOption{spinglass.Replicated(new(store.Ledger))}
	if s.founds { // once: a member that comes back joins
		options = append(options, spinglass.FoundAfter(100*time.Millisecond))
	}
	group, err := node.Group(ctx, "ledger", options...)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", s.http)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler(group), ReadHeaderTimeout: answerLimit}
	stop := context.AfterFunc(ctx, func() { _ = server.Close() })
	defer stop()
	fmt.Fprintf(out, "member %s at http://%s\n", s.name, listener.Addr())
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerLimit)
	defer cancel()
	return node.Leave(leaving)
}

// handler answers clients.
func handler(group *spinglass.Group) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /keys/{key}", func(w http.ResponseWriter, r *http.Request) {
		serve(w, r, group, store.Request{Verb: store.Get, Key: r.PathValue("key")})
	})
	mux.HandleFunc("PUT /keys/{key}", func(w http.ResponseWriter, r *http.Request) {
		serve(w, r, group, store.Request{Verb: store.Put, Key: r.PathValue("key")})
	})
	mux.HandleFunc("POST /keys/{key}", func(w http.ResponseWriter, r *http.Request) {
		serve(w, r, group, store.Request{Verb: store.Swap, Key: r.PathValue("key"), Expected: r.URL.Query().Get("expected")})
	})
	mux.HandleFunc("GET /health", func(w http.ResponseWriter, r *http.Request) {
		status := group.Status()
		if !status.Primary() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		fmt.Fprintln(w, status.Phase)
	})
	mux.HandleFunc("GET /view", func(w http.ResponseWriter, r *http.Request) {
		status := group.Status()
		_ = json.NewEncoder(w).Encode(map[string]any{"view": status.View.ID.String(), "phase": status.Phase, "members": status.View.Members, "applied": status.Applied})
	})
	return mux
}

// serve has a request carried out, and answers when it is settled.
func serve(w http.ResponseWriter, r *http.Request, group *spinglass.Group, request store.Request) {
	if len(request.Key) > keyMax || len(request.Expected) > valueMax {
		http.Error(w, "the key or the value is too long", http.StatusRequestEntityTooLarge)
		return
	}
	value, err := io.ReadAll(http.MaxBytesReader(w, r.Body, valueMax))
	if err != nil {
		http.Error(w, err.Error(), http.StatusRequestEntityTooLarge)
		return
	}
	request.Value = string(value)
	if !utf8.ValidString(request.Key) || !utf8.ValidString(request.Value) || !utf8.ValidString(request.Expected) {
		http.Error(w, "keys and values are UTF-8", http.StatusBadRequest) // others would not come back as they were
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), answerLimit)
	defer cancel()
	result, err := group.Propose(ctx, request.Append())
	switch {
	case errors.Is(err, spinglass.ErrUncertain):
		http.Error(w, err.Error(), http.StatusGatewayTimeout)
		return
	case err != nil:
		http.Error(w, err.Error(), http.StatusServiceUnavailable)
		return
	}
	response := result.(store.Response)
	switch {
	case request.Verb == store.Get && response.Value == "":
		w.WriteHeader(http.StatusNotFound)
	case request.Verb == store.Swap && !response.Done:
		w.WriteHeader(http.StatusConflict)
	}
	_, _ = io.WriteString(w, response.Value) // that of the key before the request
}
