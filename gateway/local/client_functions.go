package local

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"

	"spinglass/identity"
)

// Functions asks for the functions that the agent holds, by name and zone.
func (c *Client) Functions(ctx context.Context) ([]Function, error) {
	var answer functionsAnswer
	err := c.get(ctx, "/v1/functions", &answer)
	return answer.Functions, err
}

// Install has the agent put the function of a certificate in force, whose program is given.
func (c *Client) Install(ctx context.Context, chain identity.Chain, program string) error {
	return c.post(ctx, "/v1/functions", installRequest{Program: program, Chain: chain.Append(nil)}, nil)
}

// TryFunction evaluates a program over the rows of a zone.
func (c *Client) TryFunction(ctx context.Context, zone, program string) (Trial, error) {
	var trial Trial
	err := c.post(ctx, "/v1/functions/trial", trialRequest{zone, program}, &trial)
	return trial, err
}

// post sends a JSON object and reads the answer into another one, unless that is nil.
func (c *Client) post(ctx context.Context, path string, request, answer any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	response, err := c.do(ctx, http.MethodPost, &url.URL{Path: path}, bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if answer == nil {
		return nil
	}
	if err := json.NewDecoder(io.LimitReader(response.Body, answerMax)).Decode(answer); err != nil {
		return fmt.Errorf("answer of the agent: %w", err)
	}
	return nil
}
