package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"spinglass"
	"spinglass/identity"
)

// Function is a program that makes attributes of the rows of zones, as an agent holds it.
type Function struct {
	Name    string    `json:"name"`
	Zone    string    `json:"zone"` // that it is for, with all below it
	Version uint64    `json:"version"`
	Expires time.Time `json:"expires"`
	Program string    `json:"program"`           // empty: it takes earlier versions back
	Outputs []string  `json:"outputs,omitempty"` // attributes that it makes
	Issuer  string    `json:"issuer,omitempty"`  // key that signed it
}

// Trial is what a program makes of the rows of a zone.
type Trial struct {
	Outputs  Attributes `json:"outputs"` // that are not NULL
	Null     []string   `json:"null"`    // that are
	Rows     int        `json:"rows"`    // of the zone's table
	Steps    int        `json:"steps"`   // that an evaluation takes at most
	Warnings []Warning  `json:"warnings"`
}

// Warning is something that a program says and that its author hardly means.
type Warning struct {
	Line    int    `json:"line"`
	Column  int    `json:"column"` // in characters, from 1
	Message string `json:"message"`
}

type functionsAnswer struct {
	Functions []Function `json:"functions"`
}

// installRequest has either a chain or what would stand in the certificate.
type installRequest struct {
	Name    string    `json:"name,omitempty"`
	Zone    string    `json:"zone,omitempty"`
	Version uint64    `json:"version,omitempty"`
	Expires time.Time `json:"expires,omitzero"`
	Program string    `json:"program"`
	Chain   []byte    `json:"chain,omitempty"` // encoded
}

type trialRequest struct {
	Zone    string `json:"zone"`
	Program string `json:"program"`
}

func (s *Server) functions(w http.ResponseWriter, r *http.Request) {
	functions, err := s.node.Functions(r.Context())
	if err != nil {
		writeError(w, failureStatus(err), err)
		return
	}
	answer := functionsAnswer{Functions: make([]Function, len(functions))}
	for i := range functions {
		f := &functions[i]
		answer.Functions[i] = Function{Name: f.Name, Zone: f.Zone, Version: f.Version, Expires: f.Expires, Program: f.Program, Outputs: f.Outputs}
		if leaf := f.Chain.Leaf(); leaf != nil {
			answer.Functions[i].Issuer = leaf.Issuer.String()
		}
	}
	writeJSON(w, http.StatusOK, answer)
}

// install has the node put a function in force.
func (s *Server) install(w http.ResponseWriter, r *http.Request) {
	var request installRequest
	if !readBody(w, r, "function", functionBodyMax, &s.stats.functionsRefused, &request) {
		return
	}
	f := spinglass.Function{Name: request.Name, Zone: request.Zone, Version: request.Version, Expires: request.Expires, Program: request.Program}
	if len(request.Chain) > 0 {
		var err error
		if f.Chain, err = identity.DecodeChain(request.Chain); err != nil {
			writeError(w, http.StatusBadRequest, fmt.Errorf("chain of the function: %w", err))
			return
		}
	}
	if err := s.node.Install(r.Context(), &f); err != nil {
		writeError(w, failureStatus(err), err)
		return
	}
	writeJSON(w, http.StatusOK, struct{}{})
}

// try shows what a program would make.
func (s *Server) try(w http.ResponseWriter, r *http.Request) {
	var request trialRequest
	if !readBody(w, r, "program", functionBodyMax, &s.stats.functionsRefused, &request) {
		return
	}
	trial, err := s.node.TryFunction(r.Context(), request.Zone, request.Program)
	if err != nil {
		writeError(w, failureStatus(err), err)
		return
	}
	answer := Trial{Outputs: Attributes(trial.Outputs), Null: append([]string{}, trial.Null...), Rows: trial.Rows, Steps: trial.Steps, Warnings: make([]Warning, len(trial.Warnings))}
	for i, warning := range trial.Warnings {
		answer.Warnings[i] = Warning(warning)
	}
	writeJSON(w, http.StatusOK, answer)
}

// readBody reads the JSON object of a request. When it is longer than the limit, which is counted, or no such object, it answers so and returns false.
func readBody(w http.ResponseWriter, r *http.Request, what string, limit int64, refused *atomic.Uint64, into any) bool {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout)) // a recorder of tests has none
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, limit))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if _, long := errors.AsType[*http.MaxBytesError](err); long {
		refused.Add(1)
		writeError(w, http.StatusRequestEntityTooLarge, fmt.Errorf("%s: the request exceeds the limit of %d bytes", what, limit))
		return false
	}
	if err != nil {
		writeError(w, http.StatusBadRequest, fmt.Errorf("%s: %w", what, err))
		return false
	}
	return true
}
