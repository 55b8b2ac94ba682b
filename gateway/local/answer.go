package local

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"spinglass"
	"spinglass/astrolabe"
)

// Published tells how much was published.
type Published struct {
	Messages uint64 `json:"published"`
	Bytes    uint64 `json:"bytes"` // of payload
}

// Error is the answer of an agent that refused a request or could not complete it.
type Error struct {
	Status  int    `json:"-"` // of HTTP
	Message string `json:"error"`
	// Published is what was published before publishing failed.
	Published
}

// Error returns the message of the agent.
func (e *Error) Error() string { return e.Message }

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", jsonType)
	w.WriteHeader(status)
	// A client that went away is no concern of the server's.
	_ = json.NewEncoder(w).Encode(v)
}

func writeError(w http.ResponseWriter, status int, err error) {
	writeJSON(w, status, struct {
		Error string `json:"error"`
	}{err.Error()})
}

func notFound(w http.ResponseWriter, r *http.Request) {
	writeError(w, http.StatusNotFound, fmt.Errorf("no such endpoint: %s %s", r.Method, r.URL.Path))
}

// failureStatus returns the status for an error of the node.
func failureStatus(err error) int {
	switch {
	case errors.Is(err, ErrClosing), errors.Is(err, spinglass.ErrClosed), errors.Is(err, spinglass.ErrLimit), errors.Is(err, spinglass.ErrNotRunning):
		return http.StatusServiceUnavailable
	case errors.Is(err, spinglass.ErrUnanswered):
		return http.StatusGatewayTimeout
	case errors.Is(err, spinglass.ErrTooLarge), errors.Is(err, spinglass.ErrRowTooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, spinglass.ErrForbidden):
		return http.StatusForbidden
	case errors.Is(err, spinglass.ErrZone), errors.Is(err, spinglass.ErrRow), errors.Is(err, errNotJoined):
		return http.StatusNotFound
	case errors.Is(err, spinglass.ErrNotPrimary), errors.Is(err, spinglass.ErrUncertain), errors.Is(err, spinglass.ErrEjected):
		return http.StatusServiceUnavailable
	case errors.Is(err, astrolabe.ErrVersion), errors.Is(err, spinglass.ErrMajority):
		return http.StatusConflict
	case errors.Is(err, spinglass.ErrTopic), errors.Is(err, spinglass.ErrConfig), errors.Is(err, spinglass.ErrAttribute), errors.Is(err, spinglass.ErrBlob), errors.Is(err, spinglass.ErrRowName),
		errors.Is(err, spinglass.ErrProgram), errors.Is(err, spinglass.ErrGroup), errors.Is(err, spinglass.ErrFunction):
		return http.StatusBadRequest
	}
	return http.StatusInternalServerError
}
