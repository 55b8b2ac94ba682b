package sql

import (
	"cmp"
	"database/sql/driver"
	"fmt"
	"math"

	"spinglass"
)

// Numbers (oid) of tables. Those of zones follow each other, so that they stay what they are.
const (
	oidSelf         = 20001
	oidHosts        = 20002
	oidZones        = 20003
	oidOwnRows      = 20004
	oidPeers        = 20005
	oidFunctions    = 20006
	oidCertificates = 20007
	oidStreams      = 20008
	oidZoneTree     = 20009
	oidDepths       = 20100 // zones_0 and on
	oidPaths        = 20200 // "/" and on
)

// rowColumns are those of a row of a zone's table.
var rowColumns = []column{
	{name: "name", kind: kindText, description: "path of the host or of the zone"},
	{name: "id", kind: kindText, description: "identifier of who made the row: the host, or a member that represents the zone"},
	{name: "zone", kind: kindText, description: "whose table the row is in"},
	{name: "host", kind: kindBool, description: "it is of a host, and not a summary of a zone"},
	{name: "self", kind: kindBool, description: "it is of the member that was asked"},
	{name: "suspect", kind: kindBool, description: "it has not been heard of for some time"},
	{name: "complete", kind: kindBool, description: "everything that should is in it; what is missing is unknown, and not zero"},
	{name: "rows_in", kind: kindInt, description: "rows that the summary was made of; 1 for a host"},
	{name: "rows_expected", kind: kindInt, description: "rows that it should have been made of"},
	{name: "age_s", kind: kindFloat, description: "seconds since the oldest host in it was heard of"},
}

// Places of columns that are keys.
const (
	columnPath = 0
	columnID   = 1
)

// attributesColumn comes last in each table of rows.
var attributesColumn = column{name: "attributes", kind: kindJSON, description: "all attributes of the row, as an object"}

// rowShape returns the shape of a table of rows, with columns for attributes.
func rowShape(oid uint32, name, description, what string, words *vocabulary, more ...column) *shape {
	columns := append(append([]column{}, rowColumns...), more...)
	columns = append(columns, words.columns(append(columns, attributesColumn), what)...)
	s := &shape{oid: oid, schema: schemaMain, name: name, description: description, columns: append(columns, attributesColumn), key: []int{0}}
	return s.seal()
}

// keyed sets the primary key.
func (s *shape) keyed(columns ...int) *shape {
	s.key = columns
	return s
}

// rowOf returns a row for a shape of rowShape; more are values of its columns more.
func rowOf(s *shape, r *spinglass.Row, self bool, more ...driver.Value) []driver.Value {
	row := make([]driver.Value, 0, len(s.columns))
	row = append(row, r.Name, r.ID.String(), r.Zone, truth(r.Host), truth(self), truth(r.Suspect), truth(r.Complete()), int64(r.RowsIn), int64(r.RowsExpected), math.Round(r.Age.Seconds()*1000)/1000)
	row = append(row, more...)
	for _, c := range s.columns[len(row):] {
		if c.name == attributesColumn.name {
			break // the last one, but for arguments
		}
		row = append(row, cellOf(r.Attributes[c.name], c.kind))
	}
	return append(row, jsonOf(attributesOf(r)))
}

// addTables adds the tables for clients.
func (c *snapshots) addTables(s *snapshot, t *contents) {
	leaf := t.tables[len(t.tables)-1]
	self := rowShape(oidSelf, "self", "the row of the member that was asked, which UPDATE changes", "the host", &c.hosts)
	s.add(newRelation(self, constantly([][]driver.Value{rowOf(self, &t.self, true)})))
	s.add(c.tableOf(t, rowShape(oidHosts, "hosts", "the hosts of the own zone, "+leaf.Zone, "the host", &c.hosts).keyed(columnID), leaf, true))
	c.addZones(s, t)
	own := rowShape(oidOwnRows, "own_rows", "further rows of the member that was asked, for applications; INSERT, UPDATE and DELETE change them", "the application", &c.rows)
	s.add(newRelation(own, constantly(rowsOf(own, t.rows, t))))
	for _, fixed := range []struct {
		shape *shape
		load  func() ([][]driver.Value, error)
	}{
		{peersShape, lazily(loadTimeout, c.peers)}, {functionsShape, lazily(loadTimeout, c.functions)},
		{certificatesShape, lazily(loadTimeout, c.certificates)}, {streamsShape, lazily(topicsWaitMax, c.streams)},
	} {
		s.add(newRelation(fixed.shape, fixed.load))
	}
	s.add(newRelation(c.zoneTreeShape(), constantly(nil)))
}

// addZones adds zones, and the table of each zone that is held by its depth and by its path.
func (c *snapshots) addZones(s *snapshot, t *contents) {
	depth := column{name: "level", kind: kindInt, description: "levels below the root of the table that the row is in; -1 for the summary of all"}
	zones := rowShape(oidZones, "zones", "the summaries of all zones that the member holds, / among them", "the zone", &c.zones, depth)
	rows := [][]driver.Value{rowOf(zones, &t.root, false, int64(-1))}
	for level, table := range t.tables {
		for i := range table.Rows {
			if r := &table.Rows[i]; !r.Host {
				rows = append(rows, rowOf(zones, r, false, int64(level)))
			}
		}
	}
	s.add(newRelation(zones, constantly(rows)))
	for level, table := range t.tables {
		// Names of hosts may have been taken twice, where nobody certifies them.
		words, what, key := &c.zones, "the zone or host", []int{columnPath, columnID}
		if level == len(t.tables)-1 {
			words, what, key = &c.hosts, "the host", []int{columnID}
		}
		description := fmt.Sprintf("the table of %s", table.Zone)
		s.add(c.tableOf(t, rowShape(oidDepths+uint32(level), fmt.Sprintf("zones_%d", level), description, what, words).keyed(key...), table, false))
		s.add(c.tableOf(t, rowShape(oidPaths+uint32(level), table.Zone, description, what, words).keyed(key...), table, false))
	}
}

// tableOf returns the table of a zone as a relation, of hosts only if so wanted.
func (c *snapshots) tableOf(t *contents, shape *shape, table *spinglass.Table, hosts bool) *relation {
	rows := table.Rows
	if hosts {
		rows, _ = split2(rows)
	}
	return newRelation(shape, constantly(rowsOf(shape, rows, t)))
}

func rowsOf(shape *shape, rows []spinglass.Row, t *contents) [][]driver.Value {
	all := make([][]driver.Value, len(rows))
	for i := range rows {
		all[i] = rowOf(shape, &rows[i], rows[i].Host && rows[i].ID == t.id)
	}
	return all
}

// fixed returns the shape of a table whose columns are always the same.
func fixed(oid uint32, name, description string, key []int, columns ...column) *shape {
	s := &shape{oid: oid, schema: schemaMain, name: name, description: description, columns: columns, key: key}
	return s.seal()
}

var peersShape = fixed(oidPeers, "peers", "the members that this one knows, itself among them", []int{1},
	column{name: "name", kind: kindText, description: "path of the member"},
	column{name: "id", kind: kindText, description: "identifier of the member"},
	column{name: "address", kind: kindText, description: "the first of its addresses"},
	column{name: "zone", kind: kindText, description: "in which it is a host"},
	column{name: "state", kind: kindText, description: "up, suspect, down or left, as this member sees it"},
	column{name: "unreachable", kind: kindBool, description: "it does not answer this member"},
	column{name: "round_trip_ms", kind: kindFloat, description: "milliseconds, smoothed; NULL while it is not measured"},
	column{name: "since", kind: kindTime, description: "since when it is seen in this state"},
	column{name: "self", kind: kindBool, description: "it is the member that was asked"},
	column{name: "format", kind: kindInt, description: "the latest format of messages that it speaks"},
)

var functionsShape = fixed(oidFunctions, "functions", "the programs that make attributes of zones", []int{0, 1},
	column{name: "name", kind: kindText, description: "of the function"},
	column{name: "zone", kind: kindText, description: "that it is for, with all below it"},
	column{name: "version", kind: kindInt, description: "of two of one name and zone the greater one is in force"},
	column{name: "expires", kind: kindTime, description: "when it ends, unless it is renewed"},
	column{name: "program", kind: kindText, description: "empty where it takes earlier versions back"},
	column{name: "outputs", kind: kindText, description: "attributes that it makes, with blanks between them"},
	column{name: "issuer", kind: kindText, description: "key that signed it; NULL where nobody signs"},
)

var certificatesShape = fixed(oidCertificates, "certificates", "the certificates that this member believes: of itself, of the hosts of its zone, and of functions", []int{0, 1},
	column{name: "issuer", kind: kindText, description: "key that signed it"},
	column{name: "serial", kind: kindText, description: "number of it among those of the issuer"},
	column{name: "kind", kind: kindText, description: "zone, member, client or function"},
	column{name: "name", kind: kindText, description: "of the zone, the member, the client or the function"},
	column{name: "scope", kind: kindText, description: "zone that a client or a function is for"},
	column{name: "id", kind: kindText, description: "identifier of the member"},
	column{name: "key", kind: kindText, description: "that it is for"},
	column{name: "not_before", kind: kindTime, description: "the first instant in which it is valid"},
	column{name: "not_after", kind: kindTime, description: "the last one"},
	column{name: "grants", kind: kindText, description: "what its subject may do, with blanks between them"},
	column{name: "revoked", kind: kindBool, description: "it was taken back"},
	column{name: "own", kind: kindBool, description: "it is in the chain of the member that was asked"},
)

var streamsShape = fixed(oidStreams, "streams", "who publishes what, as far as this member has heard", []int{0, 1},
	column{name: "topic", kind: kindText, description: "name of the topic"},
	column{name: "publisher_id", kind: kindText, description: "identifier of the member that publishes"},
	column{name: "publisher", kind: kindText, description: "name of it, or the identifier while the name is not known"},
	column{name: "messages_per_s", kind: kindFloat, description: "as it has announced, to a factor of about 1.5"},
	column{name: "bytes_per_s", kind: kindFloat, description: "of payload, as it has announced"},
	column{name: "subscribed", kind: kindBool, description: "this member gets the messages of the topic"},
	column{name: "received_bytes_per_s", kind: kindFloat, description: "of the topic, from all publishers, that this member has received of late"},
)

// zoneTreeShape returns the shape of the function zone_tree, whose last columns are its arguments.
func (c *snapshots) zoneTreeShape() *shape {
	columns := append([]column{}, rowColumns...)
	columns = append(columns,
		column{name: "level", kind: kindInt, description: "1 for the table that was asked for, 2 for those of the zones in it, and so on"},
		column{name: "table_complete", kind: kindBool, description: "the table that the row is in came with all rows that it should have"},
		column{name: "told_by", kind: kindText, description: "identifier of who told the table"},
	)
	taken := append(columns, attributesColumn, column{name: "path"}, column{name: "levels"})
	attributes := c.zones.columns(taken, "the zone or host")
	attributes = append(attributes, c.hosts.columns(append(taken, attributes...), "the zone or host")...)
	attributes = append(attributes, c.tree.columns(append(taken, attributes...), "the zone or host")...)
	columns = append(append(columns, attributes...), attributesColumn,
		column{name: "path", kind: kindText, description: "zone whose table is wanted", hidden: true},
		column{name: "levels", kind: kindInt, description: "how many levels of tables, 1 when it is left out", hidden: true})
	s := &shape{oid: oidZoneTree, schema: schemaMain, name: "zone_tree", description: "zone_tree(path, levels): the table of any zone, asked for of its members if need be, and of those below it", columns: columns,
		function: true}
	return s.seal()
}

// serialText returns the serial of a certificate as commands show it.
func serialText(serial uint64) string { return fmt.Sprintf("%016x", serial) }

// compareRows orders rows of zone_tree: a table's rows by name, tables from above.
func compareRows(a, b *treeRow) int {
	return cmp.Or(cmp.Compare(a.level, b.level), cmp.Compare(a.row.Zone, b.row.Zone), cmp.Compare(a.row.Name, b.row.Name))
}
