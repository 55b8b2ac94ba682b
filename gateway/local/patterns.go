package local

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"spinglass"
)

const patternsPath = "/v1/patterns/messages"

// patternsRequest says what a subscription to patterns wants. Other options stand in the query, as for a topic.
type patternsRequest struct {
	Patterns spinglass.Patterns `json:"patterns"`
}

// patterns streams the messages and gaps of the topics that match patterns.
func (s *Server) patterns(w http.ResponseWriter, r *http.Request) {
	o, err := optionsOf(r.URL.Query())
	if err != nil {
		writeError(w, http.StatusBadRequest, err)
		return
	}
	var request patternsRequest
	if !readBody(w, r, "patterns", patternsBodyMax, &s.stats.patternsRefused, &request) {
		return
	}
	_ = http.NewResponseController(w).SetReadDeadline(time.Time{}) // the answer has no end
	s.stream(w, r, func(ctx context.Context) {
		sub, err := s.node.subscribePatterns(ctx, request.Patterns, o)
		s.serveSubscription(ctx, w, "", sub, err)
	})
}

// SubscribePatterns is SubscribeWith for patterns with ratings, of which the most specific one counts that matches a topic. An agent of a version that does not know that refuses it.
func (c *Client) SubscribePatterns(ctx context.Context, patterns spinglass.Patterns, o SubscribeOptions) (*Stream, error) {
	body, err := json.Marshal(patternsRequest{patterns})
	if err != nil {
		return nil, fmt.Errorf("patterns: %w", err)
	}
	if len(body) > patternsBodyMax {
		return nil, fmt.Errorf("patterns: %d bytes exceed the limit of %d", len(body), patternsBodyMax)
	}
	response, err := c.do(ctx, http.MethodPost, &url.URL{Path: patternsPath, RawQuery: o.query().Encode()}, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	return newStream("", response.Body), nil
}
