package sql

import (
	"context"
	"database/sql/driver"
	"errors"
	"slices"
	"strings"
	"sync"
	"time"

	"spinglass"
	"spinglass/identity"
	"spinglass/protocol"
)

// node is what a gateway needs of a [spinglass.Node].
type node interface {
	ID() protocol.NodeID
	Name() string
	Zones(ctx context.Context) ([]string, error)
	Table(ctx context.Context, zone string) (*spinglass.Table, error)
	Get(ctx context.Context, name string) (spinglass.Row, error)
	Set(ctx context.Context, attributes spinglass.Attrs) error
	SetRow(ctx context.Context, row string, attributes spinglass.Attrs) error
	Functions(ctx context.Context) ([]spinglass.Function, error)
	Peers(ctx context.Context) ([]spinglass.Peer, error)
	Topics(ctx context.Context, pattern string) ([]spinglass.Topic, error)
	Certificates(ctx context.Context) ([]spinglass.Certificate, error)
}

// snapshot is everything that can be asked for, as it was at one instant. It is shared by all sessions; tables that are rarely asked for are made when they are.
type snapshot struct {
	taken     time.Time
	relations map[string]*relation // by schema and name with a dot between
	order     []*relation          // in the order in which clients list them
	oids      map[uint32]*relation
}

func keyOf(schema, name string) string { return schema + "." + strings.ToLower(name) }

func (s *snapshot) add(r *relation) {
	s.relations[keyOf(r.schema, r.name)] = r
	s.order = append(s.order, r)
	s.oids[r.oid] = r
}

// snapshots takes snapshots, and keeps the last one for SnapshotAge.
type snapshots struct {
	node  node
	stats *stats

	hosts, zones, rows, tree vocabulary // columns of tables of hosts, of zones, of the rows of applications, and of what zone_tree brought

	mu      sync.Mutex
	current *snapshot
	taking  chan struct{} // is closed when the snapshot that is being taken is there
	changed bool          // rows have been changed since that one was begun
}

func newSnapshots(n node, s *stats) *snapshots {
	c := &snapshots{node: n, stats: s}
	c.hosts.stats, c.zones.stats, c.rows.stats, c.tree.stats = s, s, s, s
	return c
}

// get returns a snapshot that is not older than SnapshotAge. However many ask, one is taken.
func (c *snapshots) get(ctx context.Context) (*snapshot, error) {
	for {
		c.mu.Lock()
		if s := c.current; s != nil && time.Since(s.taken) < SnapshotAge {
			c.mu.Unlock()
			return s, nil
		}
		if taking := c.taking; taking != nil {
			c.mu.Unlock()
			select {
			case <-taking:
				continue
			case <-ctx.Done():
				return nil, nodeError(ctx.Err())
			}
		}
		c.taking, c.changed = make(chan struct{}), false
		c.mu.Unlock()
		return c.renew()
	}
}

// renew takes a snapshot for all who wait for one. It has them go on whatever happens, also when it is a fault.
func (c *snapshots) renew() (s *snapshot, err error) {
	defer func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		if s != nil && !c.changed {
			c.current = s
		}
		close(c.taking)
		c.taking = nil
	}()
	return c.take()
}

// drop has the next statement see what was changed.
func (c *snapshots) drop() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.current, c.changed = nil, true
}

// contents is what the node tells for a snapshot.
type contents struct {
	id     protocol.NodeID
	name   string
	zones  []string // whose tables it holds, from the root
	tables []*spinglass.Table
	root   spinglass.Row
	self   spinglass.Row
	rows   []spinglass.Row // of its applications
}

// take asks the node. It does not end with whoever asked first, since others wait for the same.
func (c *snapshots) take() (*snapshot, error) {
	ctx, cancel := context.WithTimeout(context.Background(), loadTimeout)
	defer cancel()
	taken := time.Now()
	contents, err := c.ask(ctx)
	if err != nil {
		return nil, nodeError(err)
	}
	c.stats.snapshots.Add(1)
	s := &snapshot{taken: taken, relations: map[string]*relation{}, oids: map[uint32]*relation{}}
	c.addTables(s, contents)
	addCatalog(s)
	return s, nil
}

func (c *snapshots) ask(ctx context.Context) (*contents, error) {
	t := &contents{id: c.node.ID(), name: c.node.Name()}
	var err error
	if t.zones, err = c.node.Zones(ctx); err != nil {
		return nil, err
	}
	for _, zone := range t.zones {
		table, err := c.node.Table(ctx, zone)
		if err != nil {
			return nil, err
		}
		t.tables = append(t.tables, table)
		hosts, zones := split2(table.Rows)
		c.hosts.learn(hosts)
		c.zones.learn(zones)
	}
	if t.root, err = c.node.Get(ctx, "/"); err != nil {
		return nil, err
	}
	c.zones.learn([]spinglass.Row{t.root})
	if t.self, err = c.node.Get(ctx, ""); err != nil {
		return nil, err
	}
	c.hosts.learn([]spinglass.Row{t.self})
	if t.rows, err = ownRows(ctx, c.node); err != nil {
		return nil, err
	}
	c.rows.learn(t.rows)
	return t, nil
}

// ownRows returns the rows of a member's applications. A member without such rows has no table of them.
func ownRows(ctx context.Context, n node) ([]spinglass.Row, error) {
	own, err := n.Table(ctx, n.Name())
	switch {
	case errors.Is(err, spinglass.ErrZone):
		return nil, nil
	case err != nil:
		return nil, err
	}
	return own.Rows, nil
}

// split2 returns the rows of hosts and those of zones.
func split2(rows []spinglass.Row) (hosts, zones []spinglass.Row) {
	for i := range rows {
		if rows[i].Host {
			hosts = append(hosts, rows[i])
		} else {
			zones = append(zones, rows[i])
		}
	}
	return hosts, zones
}

// lazily returns a load that asks the node when the table is asked for first.
func lazily(wait time.Duration, ask func(ctx context.Context) ([][]driver.Value, error)) func() ([][]driver.Value, error) {
	return func() ([][]driver.Value, error) {
		ctx, cancel := context.WithTimeout(context.Background(), wait)
		defer cancel()
		rows, err := ask(ctx)
		if err != nil {
			return nil, nodeError(err)
		}
		return rows, nil
	}
}

// peers loads the table of members.
func (c *snapshots) peers(ctx context.Context) ([][]driver.Value, error) {
	peers, err := c.node.Peers(ctx)
	if err != nil {
		return nil, err
	}
	rows := make([][]driver.Value, len(peers))
	for i := range peers {
		p := &peers[i]
		var roundTrip driver.Value
		if p.RoundTrip > 0 {
			roundTrip = float64(p.RoundTrip) / float64(time.Millisecond)
		}
		rows[i] = []driver.Value{p.Name, p.ID.String(), p.Address, p.Zone, string(p.State), truth(p.Unreachable), roundTrip, stamp(p.Since), truth(p.Self), int64(p.Format)}
	}
	return rows, nil
}

// stamp returns an instant as it stands in tables, NULL for none.
func stamp(t time.Time) driver.Value {
	if t.IsZero() {
		return nil
	}
	return t.UTC().Format(timeLayout)
}

// functions loads the table of functions.
func (c *snapshots) functions(ctx context.Context) ([][]driver.Value, error) {
	functions, err := c.node.Functions(ctx)
	if err != nil {
		return nil, err
	}
	rows := make([][]driver.Value, len(functions))
	for i := range functions {
		f := &functions[i]
		var issuer driver.Value
		if leaf := f.Chain.Leaf(); leaf != nil {
			issuer = leaf.Issuer.String()
		}
		rows[i] = []driver.Value{f.Name, f.Zone, int64(f.Version), stamp(f.Expires), f.Program, strings.Join(f.Outputs, " "), issuer}
	}
	return rows, nil
}

// streams loads the table of who publishes what.
func (c *snapshots) streams(ctx context.Context) ([][]driver.Value, error) {
	topics, err := c.node.Topics(ctx, "#")
	if err != nil {
		return nil, err
	}
	var rows [][]driver.Value
	for i := range topics {
		for _, p := range topics[i].Publishers {
			rows = append(rows, []driver.Value{topics[i].Name, p.ID.String(), p.Name, p.Messages, p.Bytes, truth(topics[i].Subscribed), topics[i].Received})
		}
	}
	return rows, nil
}

// certificates loads the table of certificates.
func (c *snapshots) certificates(ctx context.Context) ([][]driver.Value, error) {
	certificates, err := c.node.Certificates(ctx)
	if err != nil {
		return nil, err
	}
	rows := make([][]driver.Value, len(certificates))
	for i := range certificates {
		rows[i] = certificateRow(&certificates[i])
	}
	return rows, nil
}

func certificateRow(c *spinglass.Certificate) []driver.Value {
	var id, scope, key driver.Value
	if c.NodeID != 0 {
		id = c.NodeID.String()
	}
	if c.Scope != "" {
		scope = c.Scope
	}
	if c.Key != (identity.PublicKey{}) {
		key = c.Key.String()
	}
	grants := make([]string, len(c.Grants))
	for i, g := range c.Grants {
		grants[i] = g.String()
	}
	slices.Sort(grants)
	return []driver.Value{
		c.Issuer.String(), serialText(c.Serial), c.Kind.String(), c.Name, scope, id, key, instantOf(c.NotBefore), instantOf(c.NotAfter), strings.Join(grants, " "), truth(c.Revoked), truth(c.Own),
	}
}

func instantOf(t identity.Instant) driver.Value {
	return time.Unix(int64(t), 0).UTC().Format(timeLayout)
}
