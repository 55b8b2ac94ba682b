package spinglass

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"spinglass/astrolabe"
	"spinglass/bimodal"
	"spinglass/protocol"
	"spinglass/table"
)

// Row is a row of the table of a zone, as this node holds it.
type Row struct {
	Zone         string             // whose table it is in; "" for the row of the root, which is in none
	Name         string             // of the host, as it is configured, or of the child zone
	Host         bool               // it is of a host; otherwise it is a summary of a zone
	ID           protocol.NodeID    // who made it: the host, or a member that represents the zone
	Addresses    []protocol.Address // of who made it; none for what this node has made of a zone itself
	Attributes   Attrs              // the system's among them, see [SystemAttribute]
	Age          time.Duration      // since the oldest host in it was heard of; for a zone in steps, of 8 s, 16 s, 32 s and so on
	RowsIn       int                // of the zone's own table, that the summary was made of; 1 for a host
	RowsExpected int                // that it should have been made of: those that went without leaving, an hour ago or less, count as well
	Suspect      bool               // its heartbeat has stood still for T_fail
}

// Complete reports whether everything that should is in the row. What is missing is unknown, and not zero.
func (r *Row) Complete() bool { return r.RowsIn >= r.RowsExpected }

// Zones returns the zones whose tables this node holds: those on the way from the root, "/", to its own zone, which is the last.
func (n *Node) Zones(ctx context.Context) (zones []string, err error) {
	err = n.call(ctx, func(protocol.Time, *protocol.Output) { zones = n.stack.Zones() })
	return zones, err
}

// Rows returns the rows of the table of a zone, by name: one for each child zone, and, in the table of a zone of hosts, one for each host. An empty zone is the own one. A table that
// this node does not hold others are asked for; see [Node.Table], which tells more, and has the errors.
func (n *Node) Rows(ctx context.Context, zone string) ([]Row, error) {
	t, err := n.Table(ctx, zone)
	if err != nil {
		return nil, err
	}
	return t.Rows, nil
}

// Get returns one row: that of a host or of a zone; "/" is the summary of all. An empty name is the node's own, and one that does not begin with a slash is of the own zone. The own
// row is as it was set; others see it a moment later. A row that is in none of the tables of this node others are asked for, as by [Node.Table]. Error: [ErrRow] when there is none of the name,
// and those of Table.
func (n *Node) Get(ctx context.Context, name string) (Row, error) {
	switch {
	case name == "":
		name = n.name
	case !strings.HasPrefix(name, "/"):
		name = strings.TrimSuffix(protocol.Zone(n.name), "/") + "/" + name
	}
	var found *astrolabe.RowStatus
	var zones []string
	err := n.call(ctx, func(protocol.Time, *protocol.Output) {
		zones = n.stack.Zones()
		found = n.find(name, zones)
	})
	switch {
	case err != nil:
		return Row{}, err
	case found == nil && n.elsewhere(name, zones):
		return n.getRemote(ctx, name)
	case found == nil:
		return Row{}, fmt.Errorf("%w named %s: neither a host of %s nor a zone in the tables of %s", ErrRow, name, zones[len(zones)-1], strings.Join(zones, ", "))
	}
	return rowOf(found), nil
}

// find returns the row of a name, nil when there is none. It is called on the loop.
func (n *Node) find(name string, zones []string) *astrolabe.RowStatus {
	if name == astrolabe.Root {
		return n.root()
	}
	for _, zone := range slices.Backward(zones) {
		statuses, err := n.statuses(zone)
		if err != nil {
			return nil
		}
		named := slices.DeleteFunc(statuses, func(s astrolabe.RowStatus) bool { return s.Name != name })
		if own := slices.IndexFunc(named, func(s astrolabe.RowStatus) bool { return s.Owner == n.id }); own >= 0 {
			return &named[own] // others may have taken the name as well
		}
		if len(named) > 0 {
			return &named[0]
		}
	}
	return nil
}

// root returns the summary of the whole fleet as a row. It is called on the loop.
func (n *Node) root() *astrolabe.RowStatus {
	s := n.stack.Tables.Root()
	contacts := make([]table.Value, len(s.Contacts))
	for i, c := range s.Contacts {
		contacts[i] = table.String(c.String())
	}
	status := &astrolabe.RowStatus{Name: astrolabe.Root, Owner: n.id, Age: s.Age, RowsIn: s.RowsIn, Expected: s.RowsExpected, Attributes: s.Outputs}
	for _, a := range []struct {
		name  string
		value table.Value
	}{
		{astrolabe.AttributeHosts, table.Int(int64(s.Hosts))}, {astrolabe.AttributeDepth, table.Int(int64(s.Depth))}, {astrolabe.AttributeContacts, table.List(contacts...)},
	} {
		if encoded, err := a.value.Encode(); err == nil {
			status.Attributes = append(status.Attributes, protocol.Attribute{Name: a.name, Value: encoded})
		}
	}
	return status
}

// statuses returns the rows of the table of a zone, with the own row as it was set last, although it may wait to be signed. It is called on the loop.
func (n *Node) statuses(zone string) ([]astrolabe.RowStatus, error) {
	zones := n.stack.Zones()
	if zone == "" {
		zone = zones[len(zones)-1]
	}
	statuses, err := n.stack.Rows(zone)
	if err != nil {
		return nil, fmt.Errorf("%w %s: this node holds those of %s", ErrZone, zone, strings.Join(zones, ", "))
	}
	for i := range statuses {
		s := &statuses[i]
		if !s.Host {
			continue
		}
		s.Name = protocol.ConfiguredName(s.Name)
		if s.Owner == n.id {
			s.Attributes = n.asSet(s.Attributes)
		}
	}
	slices.SortStableFunc(statuses, func(a, b astrolabe.RowStatus) int { return strings.Compare(a.Name, b.Name) })
	return statuses, nil
}

// asSet returns attributes of the own row with those that were set in their places.
func (n *Node) asSet(signed []protocol.Attribute) []protocol.Attribute {
	all := make([]protocol.Attribute, 0, len(n.attributes)+1)
	for _, a := range signed {
		if a.Name == bimodal.InterestAttribute || n.stack.Tables.MadeOfOwn(a.Name) {
			all = append(all, a)
		}
	}
	for name, value := range n.attributes {
		all = append(all, protocol.Attribute{Name: name, Value: value})
	}
	slices.SortFunc(all, func(a, b protocol.Attribute) int { return cmp.Compare(a.Name, b.Name) })
	return all
}

// rowOf returns a row for the application.
func rowOf(s *astrolabe.RowStatus) Row {
	return Row{
		Zone: s.Zone, Name: s.Name, Host: s.Host, ID: s.Owner, Addresses: s.Addresses, Attributes: decodeAttributes(s.Attributes), Age: s.Age, RowsIn: s.RowsIn, RowsExpected: s.Expected,
		Suspect: s.Suspect,
	}
}
