package local

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
)

// Groups asks for the groups that the agent is in.
func (c *Client) Groups(ctx context.Context) ([]Group, error) {
	var answer groupsAnswer
	err := c.get(ctx, "/v1/groups", &answer)
	return answer.Groups, err
}

// RecoverGroup has a group go on that the agent is in, without a majority of its view: it is the word of a person that this is gone for good, see [spinglass.Group.Recover]. It returns how the group stands then.
func (c *Client) RecoverGroup(ctx context.Context, name string) (g Group, err error) {
	target := groupURL(name, recoverySuffix)
	target.RawQuery = "majority=lost"
	response, err := c.do(ctx, http.MethodPost, target, nil)
	if err != nil {
		return g, err
	}
	defer response.Body.Close()
	err = json.NewDecoder(io.LimitReader(response.Body, answerMax)).Decode(&g)
	return g, err
}

// GroupStream is what happens in a group.
type GroupStream struct {
	body    io.Closer
	decoder *json.Decoder
}

// JoinGroup has the agent join a group for as long as the stream lasts, which ends with ctx. It returns once the agent looks for the group.
func (c *Client) JoinGroup(ctx context.Context, name string, o GroupOptions) (*GroupStream, error) {
	target := groupURL(name, eventsSuffix)
	target.RawQuery = o.query().Encode()
	response, err := c.do(ctx, http.MethodGet, target, nil)
	if err != nil {
		return nil, err
	}
	return &GroupStream{body: response.Body, decoder: json.NewDecoder(response.Body)}, nil
}

// Next returns the next event. Errors end the stream: [ErrEnded] when the agent ended it, [ErrAgentLost] when the agent is gone.
func (s *GroupStream) Next() (GroupEvent, error) {
	var e GroupEvent
	if err := s.decoder.Decode(&e); err != nil {
		return GroupEvent{}, streamError(err)
	}
	if e.Type == EventEnd {
		return GroupEvent{}, ended(e.Reason)
	}
	return e, nil
}

// Close ends the stream, and has the agent leave the group.
func (s *GroupStream) Close() error { return s.body.Close() }

// Cast casts the messages of body, each written by [AppendFrame], to a group that the agent is in by JoinGroup. It returns when the body has ended and all of it is stable. What was cast before an error is in the [Error] when the agent told it.
func (c *Client) Cast(ctx context.Context, name string, body io.Reader) (Published, error) {
	var done Published
	response, err := c.do(ctx, http.MethodPost, groupURL(name, topicSuffix), body)
	if err != nil {
		if refused, ok := errors.AsType[*Error](err); ok {
			done = refused.Published
		}
		return done, err
	}
	defer response.Body.Close()
	if err := json.NewDecoder(io.LimitReader(response.Body, errorBodyMax)).Decode(&done); err != nil {
		return done, streamError(err)
	}
	return done, nil
}
