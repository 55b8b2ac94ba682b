package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"

	"spinglass"
)

// errNone says that no host of the fleet has enough.
var errNone = errors.New("no host has enough")

// discover returns a host with so many of something at least. The attribute is one that a function sums up in the rows of zones, as program does; so a zone without it has no such host below it, and is
// left alone, and of the others those that have most are looked into first.
func discover(ctx context.Context, out io.Writer, node *spinglass.Node, zone, attribute string, want int64) (spinglass.Row, error) {
	rows, err := node.Rows(ctx, zone)
	if err != nil {
		return spinglass.Row{}, err
	}
	have := func(r spinglass.Row) int64 {
		n, _ := r.Attributes[attribute].(int64)
		return n
	}
	rows = slices.DeleteFunc(rows, func(r spinglass.Row) bool { return have(r) < want })
	slices.SortStableFunc(rows, func(a, b spinglass.Row) int { return cmp.Compare(have(b), have(a)) })
	for _, r := range rows {
		fmt.Fprintf(out, "table %s: %s has %s=%d\n", zone, r.Name, attribute, have(r))
	}
	failed := error(errNone)
	for _, r := range rows {
		if r.Host {
			return r, nil
		}
		host, err := discover(ctx, out, node, r.Name, attribute, want)
		if err == nil {
			return host, nil
		}
		failed = errors.Join(failed, err) // a summary is a moment old: what it promises may be gone, and another zone has it
	}
	return spinglass.Row{}, failed
}
