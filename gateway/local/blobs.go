package local

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"spinglass"
)

// blobType is that of the body of a blob.
const blobType = "application/octet-stream"

// blob answers with the value that an attribute of a row names by its hash.
func (s *Server) blob(w http.ResponseWriter, r *http.Request) {
	name, err := pathOf(r, "name")
	if err != nil {
		writeError(w, http.StatusBadRequest, err)
		return
	}
	data, err := s.node.Blob(r.Context(), name, r.URL.Query().Get("attribute"))
	if err != nil {
		writeError(w, failureStatus(err), err)
		return
	}
	w.Header().Set("Content-Type", blobType)
	_, _ = w.Write(data) // a client that went away is no concern of the server's
}

// setBlob keeps the body for an attribute of the node's own row.
func (s *Server) setBlob(w http.ResponseWriter, r *http.Request) {
	_ = http.NewResponseController(w).SetReadDeadline(time.Now().Add(bodyTimeout)) // a recorder of tests has none
	data, err := io.ReadAll(http.MaxBytesReader(w, r.Body, spinglass.BlobMax))
	if _, long := errors.AsType[*http.MaxBytesError](err); long {
		s.stats.setsRefused.Add(1)
		writeError(w, http.StatusRequestEntityTooLarge, fmt.Errorf("blob: more than the limit of %d bytes", spinglass.BlobMax))
		return
	}
	if err != nil {
		writeError(w, http.StatusBadRequest, fmt.Errorf("blob: %w", err))
		return
	}
	if err := s.node.SetBlob(r.Context(), r.URL.Query().Get("attribute"), data); err != nil {
		writeError(w, failureStatus(err), err)
		return
	}
	writeJSON(w, http.StatusOK, struct{}{})
}

// SetBlob has the agent keep data for an attribute of its row, which becomes its hash.
func (c *Client) SetBlob(ctx context.Context, attribute string, data []byte) error {
	response, err := c.do(ctx, http.MethodPut, queryURL("/v1/blob", "attribute", attribute), bytes.NewReader(data))
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// Blob asks for the value that an attribute of a row names by its hash.
func (c *Client) Blob(ctx context.Context, name, attribute string) ([]byte, error) {
	response, err := c.do(ctx, http.MethodGet, &url.URL{Path: "/v1/blob", RawQuery: url.Values{"name": {name}, "attribute": {attribute}}.Encode()}, nil)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	data, err := io.ReadAll(io.LimitReader(response.Body, spinglass.BlobMax))
	if err != nil {
		return nil, streamError(err)
	}
	return data, nil
}
