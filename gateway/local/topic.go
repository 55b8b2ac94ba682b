package local

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"

	"spinglass/protocol"
)

const (
	topicPrefix = "/v1/topics/"
	topicSuffix = "/messages"
)

// topic serves the messages of the topic in the path. The pattern {topic} of http.ServeMux would not do: it takes the segment
// %2F, the topic named "/", for the end of the path.
func (s *Server) topic(w http.ResponseWriter, r *http.Request) {
	name, ok := cutTopic(r.URL.EscapedPath())
	if !ok {
		notFound(w, r)
		return
	}
	if len(name) > protocol.TopicMax {
		writeError(w, http.StatusBadRequest, fmt.Errorf("topic of %d bytes exceeds the limit of %d", len(name), protocol.TopicMax))
		return
	}
	var serve func(context.Context, http.ResponseWriter, *http.Request, string)
	switch r.Method {
	case http.MethodPost:
		serve = s.publish
	case http.MethodGet:
		serve = s.subscribe
	default:
		w.Header().Set("Allow", "GET, POST")
		writeError(w, http.StatusMethodNotAllowed, errors.New("a topic is published to with POST and subscribed to with GET"))
		return
	}
	s.stream(w, r, func(ctx context.Context) { serve(ctx, w, r, name) })
}

// cutTopic returns the topic of an escaped path.
func cutTopic(path string) (string, bool) {
	segment, ok := strings.CutSuffix(strings.TrimPrefix(path, topicPrefix), topicSuffix)
	if !ok || segment == "" || strings.Contains(segment, "/") {
		return "", false
	}
	name, err := url.PathUnescape(segment)
	return name, err == nil
}

// topicURL returns the address of the messages of a topic.
func topicURL(topic string) *url.URL {
	escaped := url.PathEscape(topic)
	if strings.Trim(topic, ".") == "" {
		escaped = strings.ReplaceAll(escaped, ".", "%2E") // "." and ".." would be taken for steps of the path
	}
	return &url.URL{Path: topicPrefix + topic + topicSuffix, RawPath: topicPrefix + escaped + topicSuffix}
}
