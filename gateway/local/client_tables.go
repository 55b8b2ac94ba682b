package local

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/url"
)

// Zones asks for the zones whose tables the agent holds, from the root to its own.
func (c *Client) Zones(ctx context.Context) ([]string, error) {
	var answer zonesAnswer
	err := c.get(ctx, "/v1/zones", &answer)
	return answer.Zones, err
}

// Rows asks for the table of a zone; an empty one is the agent's own.
func (c *Client) Rows(ctx context.Context, zone string) ([]Row, error) {
	table, err := c.Table(ctx, zone)
	return table.Rows, err
}

// Table asks for the table of a zone, with who told it; an empty zone is the agent's own.
func (c *Client) Table(ctx context.Context, zone string) (Table, error) {
	var table Table
	err := c.getURL(ctx, queryURL("/v1/rows", "zone", zone), &table)
	return table, err
}

// Row asks for one row, of a host of the agent's zone or of a zone; an empty name is the agent's own.
func (c *Client) Row(ctx context.Context, name string) (Row, error) {
	var row Row
	err := c.getURL(ctx, queryURL("/v1/row", "name", name), &row)
	return row, err
}

// Set sets attributes of the agent's row, and removes those whose value is nil.
func (c *Client) Set(ctx context.Context, attributes Attributes) error {
	return c.SetRow(ctx, "", attributes)
}

// SetRow does the same with another row that the agent keeps; an empty name is its own.
func (c *Client) SetRow(ctx context.Context, row string, attributes Attributes) error {
	body, err := json.Marshal(setRequest{attributes})
	if err != nil {
		return err
	}
	response, err := c.do(ctx, http.MethodPatch, queryURL("/v1/row", "row", row), bytes.NewReader(body))
	if err != nil {
		return err
	}
	return response.Body.Close()
}

// queryURL returns the address of an endpoint with one value, unless that is empty.
func queryURL(path, key, value string) *url.URL {
	target := &url.URL{Path: path}
	if value != "" {
		target.RawQuery = url.Values{key: {value}}.Encode()
	}
	return target
}
