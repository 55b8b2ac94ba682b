package astrolabe

import (
	"slices"

	"spinglass/protocol"
	"spinglass/table"
)

// Settled is what the tables of a fleet come to when nothing has changed for long. Experiments begin with it.
type Settled struct {
	representatives int
	zones           map[string]*settledZone
}

type settledZone struct {
	hosts    []*table.Row // that stand directly in it
	children []string
	rows     []*table.Row // of its representatives, in the table above
	summary  Summary
}

// Settle makes the tables of a fleet of its members' rows.
func Settle(hosts []*table.Row, representatives int) *Settled {
	s := &Settled{representatives: representatives, zones: make(map[string]*settledZone)}
	for _, row := range hosts {
		zones := path(protocol.Zone(row.Name))
		zones = zones[:len(zones)-1]
		for i, zone := range zones {
			if s.zones[zone] != nil {
				continue
			}
			s.zones[zone] = &settledZone{}
			if i > 0 {
				above := s.zones[zones[i-1]]
				above.children = append(above.children, zone)
			}
		}
		z := s.zones[zones[len(zones)-1]]
		z.hosts = append(z.hosts, row)
	}
	s.settle(Root, hosts)
	return s
}

// settle makes the summary of a zone and of all below it, and the rows of its representatives.
func (s *Settled) settle(zone string, hosts []*table.Row) {
	z := s.zones[zone]
	slices.Sort(z.children)
	var inputs []input
	for _, row := range z.hosts {
		inputs = append(inputs, input{row: row, host: true})
	}
	if len(z.children) > 0 && len(z.hosts) > 0 {
		panic("astrolabe: a zone of hosts and of zones is not for experiments")
	}
	for _, child := range z.children {
		s.settle(child, hosts)
		inputs = append(inputs, input{row: s.zones[child].rows[0], rank: rankOf(child)})
	}
	z.summary = summarize(inputs, len(inputs), s.representatives, nil)
	attributes := z.summary.attributes()
	for _, c := range z.summary.Contacts {
		z.rows = append(z.rows, &table.Row{Owner: c.ID, Epoch: 1, Sequence: 1, Name: zone, Addresses: c.Addresses, Attributes: attributes})
	}
}

// Hosts returns the rows of the members of a zone.
func (s *Settled) Hosts(zone string) []*table.Row { return s.zones[zone].hosts }

// Known returns the rows that a member of a zone holds, beside those of its zone's members.
func (s *Settled) Known(zone string) (rows []*table.Row) {
	for _, above := range path(zone)[:len(path(zone))-1] {
		for _, child := range s.zones[above].children {
			rows = append(rows, s.zones[child].rows...)
		}
	}
	return rows
}

// know begins with rows that are taken at their word.
func (m *Machine) know(rows []*table.Row) {
	if len(rows) == 0 {
		return
	}
	own := make([]*table.Row, 0, len(rows))
	for _, l := range m.levels {
		own = own[:0]
		for _, row := range rows {
			if l.contains(row.Name) {
				own = append(own, row)
			}
		}
		m.stats.RowsRefused += uint64(l.table.Load(m.awake, own, 1))
		l.rows = slices.Grow(l.rows, l.table.Len())
		for i := range l.table.Len() {
			e := l.table.At(i)
			l.enter(e)
			if row := e.Row(); row.Owner == m.config.Self {
				l.issued = &issued{entry: e, epoch: row.Epoch, sequence: row.Sequence, beat: 1}
				l.table.Exempt(m.config.Self)
			}
		}
	}
}
