package local

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// SQLColumn is a column of what a statement gave.
type SQLColumn struct {
	Name string `json:"name"`
	Type string `json:"type"` // as PostgreSQL calls it, such as text, bigint or double precision
}

// SQLResult is what a statement of SQL gave. Values are null, booleans, numbers and strings: bytes are hexadecimal digits behind 0x, and times are in RFC 3339. A client reads numbers as [json.Number].
type SQLResult struct {
	Columns []SQLColumn `json:"columns"`
	Rows    [][]any     `json:"rows"`
	Tag     string      `json:"tag"` // what was done, such as UPDATE 1
}

// sqlRequest is a statement.
type sqlRequest struct {
	Query string `json:"query"`
}

// errNoSQL says that the process that serves has no SQL.
var errNoSQL = errors.New("this agent does not answer SQL")

// sql does a statement.
func (s *Server) sql(w http.ResponseWriter, r *http.Request) {
	if s.options.SQL == nil {
		writeError(w, http.StatusNotFound, errNoSQL)
		return
	}
	var request sqlRequest
	if !readBody(w, r, "SQL", sqlBodyMax, &s.stats.sqlRefused, &request) {
		return
	}
	s.stream(w, r, func(ctx context.Context) {
		result, err := s.options.SQL(ctx, request.Query)
		if err != nil {
			err = told(ctx, err)
			status := failureStatus(err)
			if status == http.StatusInternalServerError {
				status = http.StatusBadRequest
			}
			writeError(w, status, err)
			return
		}
		writeJSON(w, http.StatusOK, result)
	})
}

// SQL asks the agent to do a statement.
func (c *Client) SQL(ctx context.Context, query string) (*SQLResult, error) {
	body, err := json.Marshal(sqlRequest{query})
	if err != nil {
		return nil, err
	}
	if len(body) > sqlBodyMax {
		return nil, fmt.Errorf("SQL: the statement of %d bytes exceeds the limit", len(query))
	}
	response, err := c.do(ctx, http.MethodPost, &url.URL{Path: "/v1/sql"}, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	decoder := json.NewDecoder(io.LimitReader(response.Body, answerMax))
	decoder.UseNumber()
	var result SQLResult
	if err := decoder.Decode(&result); err != nil {
		return nil, fmt.Errorf("answer of the agent: %w", err)
	}
	return &result, nil
}
