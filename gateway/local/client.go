package local

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"syscall"
)

// ErrNoAgent says that no agent listens at the address.
var ErrNoAgent = errors.New("no agent runs")

// ErrAgentLost says that the agent went away in the middle of a stream.
var ErrAgentLost = errors.New("the connection to the agent was lost")

// Client talks to an agent. It is safe for concurrent use.
type Client struct {
	address Address
	token   string
	http    http.Client
}

// NewClient returns a client for the agent at address. For a TCP address it reads the token from the agent's data directory.
func NewClient(address Address, dataDir string) (*Client, error) {
	if err := address.check(); err != nil {
		return nil, err
	}
	c := &Client{address: address}
	if address.network == "tcp" {
		var err error
		if c.token, err = readToken(dataDir); err != nil {
			return nil, err
		}
	}
	dialer := net.Dialer{Timeout: dialTimeout}
	c.http.Transport = &http.Transport{
		DisableCompression: true,
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			return dialer.DialContext(ctx, address.network, address.target)
		},
	}
	return c, nil
}

// Close gives idle connections back.
func (c *Client) Close() { c.http.CloseIdleConnections() }

// Status asks the agent about itself.
func (c *Client) Status(ctx context.Context) (Status, error) {
	var status Status
	err := c.get(ctx, "/v1/status", &status)
	return status, err
}

// Peers asks for the members that the agent knows, itself first.
func (c *Client) Peers(ctx context.Context) ([]Peer, error) {
	var answer peersAnswer
	err := c.get(ctx, "/v1/peers", &answer)
	return answer.Peers, err
}

func (c *Client) get(ctx context.Context, path string, answer any) error {
	return c.getURL(ctx, &url.URL{Path: path}, answer)
}

func (c *Client) getURL(ctx context.Context, target *url.URL, answer any) error {
	response, err := c.do(ctx, http.MethodGet, target, nil)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if err := json.NewDecoder(io.LimitReader(response.Body, answerMax)).Decode(answer); err != nil {
		return fmt.Errorf("answer of the agent: %w", err)
	}
	return nil
}

// do sends a request and returns its answer; one of status 400 or more becomes an error.
func (c *Client) do(ctx context.Context, method string, path *url.URL, body io.Reader) (*http.Response, error) {
	path.Scheme, path.Host = "http", "agent"
	request, err := http.NewRequestWithContext(ctx, method, path.String(), body)
	if err != nil {
		return nil, err
	}
	if c.token != "" {
		request.Header.Set("Authorization", bearer+c.token)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, c.failure(ctx, err)
	}
	if response.StatusCode >= http.StatusBadRequest {
		defer response.Body.Close()
		return nil, refusal(response)
	}
	return response, nil
}

// failure makes one clear error of a request that got no answer.
func (c *Client) failure(ctx context.Context, err error) error {
	var dial *net.OpError
	switch {
	case ctx.Err() != nil:
		return context.Cause(ctx)
	case errors.As(err, &dial) && dial.Op == "dial":
		if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ECONNREFUSED) {
			return fmt.Errorf("%w at %s", ErrNoAgent, c.address)
		}
		return fmt.Errorf("agent at %s: %w", c.address, cause(err))
	}
	var inner *url.Error
	if errors.As(err, &inner) {
		err = inner.Err
	}
	return streamError(err)
}

// streamError makes ErrAgentLost of an error of an established connection.
func streamError(err error) error {
	var op *net.OpError
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, errFrameCut) || errors.As(err, &op) {
		return ErrAgentLost
	}
	return fmt.Errorf("%w: %w", ErrAgentLost, err)
}

// refusal reads the error of an answer.
func refusal(response *http.Response) error {
	refused := &Error{Status: response.StatusCode}
	err := json.NewDecoder(io.LimitReader(response.Body, errorBodyMax)).Decode(refused)
	if err != nil || refused.Message == "" {
		refused.Message = "the agent answered " + response.Status
	}
	return refused
}
