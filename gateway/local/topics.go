package local

import (
	"context"
	"fmt"
	"math"
	"net/http"

	"spinglass"
	"spinglass/protocol"
)

// Topic is what an agent knows of a topic. Rates are a second; those of publishers are what they have announced, powers of two.
type Topic struct {
	Name       string           `json:"name"`
	Publishers []TopicPublisher `json:"publishers"`
	Subscribed bool             `json:"subscribed"`           // by the agent, for any of its commands or for itself
	Received   float64          `json:"received_bytes_per_s"` // by the agent of late, in packets of all kinds
}

// TopicPublisher is a member that publishes to a topic.
type TopicPublisher struct {
	ID       string  `json:"id"`
	Name     string  `json:"name"`
	Messages float64 `json:"messages_per_s"`
	Bytes    float64 `json:"bytes_per_s"` // of payload
}

type topicsAnswer struct {
	Topics []Topic `json:"topics"`
}

// topics lists the topics that match a pattern.
func (s *Server) topics(w http.ResponseWriter, r *http.Request) {
	pattern := r.URL.Query().Get("pattern")
	switch {
	case pattern == "":
		pattern = "#"
	case len(pattern) > protocol.TopicMax:
		writeError(w, http.StatusBadRequest, fmt.Errorf("pattern of %d bytes exceeds the limit of %d", len(pattern), protocol.TopicMax))
		return
	}
	s.stream(w, r, func(ctx context.Context) {
		topics, err := s.node.Topics(ctx, pattern)
		if err != nil {
			err = told(ctx, err)
			writeError(w, failureStatus(err), err)
			return
		}
		answer := topicsAnswer{Topics: make([]Topic, len(topics))}
		for i := range topics {
			answer.Topics[i] = topicAnswer(&topics[i])
		}
		writeJSON(w, http.StatusOK, answer)
	})
}

func topicAnswer(t *spinglass.Topic) Topic {
	answer := Topic{Name: t.Name, Subscribed: t.Subscribed, Received: math.Round(t.Received), Publishers: make([]TopicPublisher, len(t.Publishers))}
	for i, p := range t.Publishers {
		answer.Publishers[i] = TopicPublisher{ID: p.ID.String(), Name: p.Name, Messages: p.Messages, Bytes: p.Bytes}
	}
	return answer
}

// Topics asks for the topics that match a pattern; an empty one is all. The agent looks for them for a moment, unless it did so before.
func (c *Client) Topics(ctx context.Context, pattern string) ([]Topic, error) {
	var answer topicsAnswer
	err := c.getURL(ctx, queryURL("/v1/topics", "pattern", pattern), &answer)
	return answer.Topics, err
}
