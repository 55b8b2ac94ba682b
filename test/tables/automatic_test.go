//go:build unix

package tables

import (
	"context"
	"fmt"
	"testing"
	"time"

	"spinglass"
	"spinglass/internal/memoryfleet"
)

// Twenty nodes without zones in their names, on real sockets, of which eight stand in one zone at most: they spread below /auto by themselves, messages of a topic reach all of them
// meanwhile and afterwards, their tables add up, and each of them goes by the name that it was given.
func TestAutomaticZones(t *testing.T) {
	if testing.Short() {
		t.Skip("takes half a minute: left out with -short")
	}
	const nodes, limit = 20, 8
	authority, err := memoryfleet.New()
	if err != nil {
		t.Fatal(err)
	}
	f := &fleet{t: t, authority: authority}
	t.Cleanup(func() {
		for _, n := range f.nodes {
			_ = n.Close()
		}
	})
	for i := range nodes {
		name := fmt.Sprintf("/m%d", i)
		own, err := authority.Identity(name)
		if err != nil {
			t.Fatal(err)
		}
		c := spinglass.Config{Name: name, Listen: "127.0.0.1:0", First: i == 0, Identity: own, AutomaticLimit: limit}
		for j := range min(i, 3) {
			c.Join = append(c.Join, f.nodes[j].Addr())
		}
		n, err := spinglass.Start(t.Context(), c)
		if err != nil {
			t.Fatal(err)
		}
		f.nodes, f.names = append(f.nodes, n), append(f.names, name)
	}
	ctx := t.Context()
	took := f.until("the fleet", 5*time.Minute, func(i int, n *spinglass.Node) error {
		zones, err := n.Zones(ctx)
		if err != nil {
			return err
		}
		if len(zones) < 3 || zones[1] != "/auto" {
			return fmt.Errorf("%s is in %v", n.Name(), zones)
		}
		return root(ctx, "nmembers", int64(nodes))(i, n)
	})
	t.Logf("20 nodes are spread after %v", took)
	err = f.all(func(_ int, n *spinglass.Node) error {
		rows, err := n.Rows(ctx, "")
		if err != nil {
			return err
		}
		hosts := 0
		for _, row := range rows {
			if row.Host {
				hosts++
			}
			if row.Host && row.ID == n.ID() && row.Name != n.Name() {
				return fmt.Errorf("%s stands in its table as %s", n.Name(), row.Name)
			}
		}
		if hosts == 0 || hosts > limit {
			return fmt.Errorf("%s is in a zone of %d hosts", n.Name(), hosts)
		}
		row, err := n.Get(ctx, n.Name()[1:])
		if err != nil || row.Name != n.Name() || row.Zone != rows[0].Zone {
			return fmt.Errorf("get %s: %+v, %w", n.Name()[1:], row, err)
		}
		peers, err := n.Peers(ctx)
		if err != nil || peers[0].Name != n.Name() || peers[0].Zone != rows[0].Zone {
			return fmt.Errorf("%s finds itself to be %+v, %w", n.Name(), peers[0], err)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	subscriptions := make([]*spinglass.Subscription, nodes)
	for i, n := range f.nodes {
		if subscriptions[i], err = n.Subscribe(ctx, "news"); err != nil {
			t.Fatal(err)
		}
	}
	f.until("what zones and members want", 2*time.Minute, func(_ int, n *spinglass.Node) error { return wants(ctx, n) })
	const messages = 50
	for i := range messages {
		if err := f.nodes[i%nodes].Publish(ctx, "news", fmt.Appendf(nil, "%d", i)); err != nil {
			t.Fatal(err)
		}
	}
	receiving, cancel := context.WithTimeout(ctx, 2*time.Minute)
	defer cancel()
	for i, s := range subscriptions {
		got, from := 0, map[string]bool{}
		for m, err := range s.Messages(receiving) {
			if err != nil {
				t.Fatalf("%s: %v", f.names[i], err)
			}
			from[m.From] = true
			if got++; got == messages {
				break
			}
		}
		if len(from) != nodes || !from["/m0"] {
			t.Errorf("%s has messages from %v", f.names[i], from)
		}
	}
}

// wants checks that a node knows of all zones and hosts in the tables that it keeps that they want something.
func wants(ctx context.Context, n *spinglass.Node) error {
	zones, err := n.Zones(ctx)
	if err != nil {
		return err
	}
	for _, zone := range zones {
		rows, err := n.Rows(ctx, zone)
		if err != nil {
			return err
		}
		for _, row := range rows {
			ofZone, _ := row.Attributes["interest"].(spinglass.Bitmap)
			ofHost, _ := row.Attributes["topics"].([]byte)
			if len(ofZone)+len(ofHost) == 0 {
				return fmt.Errorf("%s does not know that %s in %s wants anything", n.Name(), row.Name, zone)
			}
		}
	}
	return nil
}
