package astrolabe

import (
	"cmp"
	"math/bits"
	"slices"
	"time"

	"spinglass/gravity"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/table"
)

// The attributes of every zone's row.
const (
	AttributeHosts        = "nmembers"      // int: hosts that the row stands for
	AttributeDepth        = "depth"         // int: levels of zones below
	AttributeContacts     = "contacts"      // list of strings, see Contact.String
	AttributeRowsIn       = "rows_in"       // int: rows that the summary was made of
	AttributeRowsExpected = "rows_expected" // int: rows that it should have been made of
	AttributeAge          = "age_s"         // int: seconds since the oldest host was heard of, 0 below 8, else a power of two that is not greater
	AttributeInputs       = "inputs"        // bytes: a digest of what the summary was made of, where rows are signed
)

// Summary is what the table of a zone comes to.
type Summary struct {
	Hosts        int
	Depth        int
	Contacts     []Contact
	RowsIn       int
	RowsExpected int
	Age          time.Duration        // see AttributeAge
	Interest     *gravity.Sketch      // nil where nothing is wanted; it is immutable
	Outputs      []protocol.Attribute // of functions, sorted by name
	Inputs       [DigestSize]byte     // see AttributeInputs; zero where rows are not signed
}

func (s *Summary) clone() Summary {
	c := *s
	c.Contacts, c.Outputs = slices.Clone(s.Contacts), slices.Clone(s.Outputs)
	return c
}

// attributes returns the attributes of a row with the summary, sorted by name.
func (s *Summary) attributes() []protocol.Attribute {
	contacts := make([]table.Value, len(s.Contacts))
	for i, c := range s.Contacts {
		contacts[i] = table.String(c.String())
	}
	all := []protocol.Attribute{
		{Name: AttributeAge, Value: encode(table.Int(int64(s.Age / time.Second)))},
		{Name: AttributeContacts, Value: encode(table.List(contacts...))},
		{Name: AttributeDepth, Value: encode(table.Int(int64(s.Depth)))},
		{Name: AttributeInterest, Value: encode(bitmap(s.Interest))},
		{Name: AttributeHosts, Value: encode(table.Int(int64(s.Hosts)))},
		{Name: AttributeRowsExpected, Value: encode(table.Int(int64(s.RowsExpected)))},
		{Name: AttributeRowsIn, Value: encode(table.Int(int64(s.RowsIn)))},
	}
	if s.Inputs != (inputsDigest{}) {
		all = slices.Insert(all, 3, protocol.Attribute{Name: AttributeInputs, Value: encode(table.Bytes(s.Inputs[:]))})
	}
	for _, output := range s.Outputs {
		i, _ := slices.BinarySearchFunc(all, output.Name, func(a protocol.Attribute, name string) int { return cmp.Compare(a.Name, name) })
		all = slices.Insert(all, i, output)
	}
	return all
}

func encode(v table.Value) []byte {
	b, err := v.Encode()
	if err != nil {
		panic(err) // all values here are within the limits
	}
	return b
}

// attribute returns the value of an attribute of a row, the zero Value when it has none.
func attribute(row *table.Row, name string) table.Value {
	b, ok := row.Attribute(name)
	if !ok {
		return table.Value{}
	}
	v, err := table.DecodeValue(b)
	if err != nil {
		return table.Value{}
	}
	return v
}

// count returns an attribute that counts something: 0 where there is none, or none of use.
func count(row *table.Row, name string) int {
	v, _ := attribute(row, name).Int()
	return int(min(max(v, 0), 1<<40))
}

// ageShown is the least age that a summary tells.
const ageShown = 8 * time.Second

// shownAge returns an age as a summary tells it: in steps, so that rows do not change all the time.
func shownAge(age time.Duration) time.Duration {
	if age < ageShown {
		return 0
	}
	return time.Second << (bits.Len64(uint64(age/time.Second)) - 1)
}

// input is a row that is summarised.
type input struct {
	row  *table.Row
	rank uint64
	age  time.Duration
	host bool
}

// summarize makes the summary of a zone of its rows.
func summarize(inputs []input, expected, representatives int, barred []protocol.NodeID) Summary {
	s := Summary{RowsIn: len(inputs), RowsExpected: expected}
	var interest gravity.Sketch
	for i := range inputs {
		in := &inputs[i]
		s.Age = max(s.Age, in.age)
		if in.host {
			s.Hosts++
			addHost(&interest, in.row)
			continue
		}
		s.Hosts += count(in.row, AttributeHosts)
		addZone(&interest, in.row)
		s.Depth = max(s.Depth, count(in.row, AttributeDepth)+1)
	}
	if interest != (gravity.Sketch{}) {
		s.Interest = new(interest)
	}
	s.Age = shownAge(s.Age)
	s.Contacts = firstContacts(inputs, representatives, barred)
	return s
}

// firstContacts returns the contacts of a zone: the first ones of its rows, in the order of their ranks, then the second ones, and so on, without those that are barred.
func firstContacts(inputs []input, n int, barred []protocol.NodeID) []Contact {
	order := slices.Clone(inputs)
	if len(barred) > 0 {
		order = slices.DeleteFunc(order, func(in input) bool { return in.host && slices.Contains(barred, in.row.Owner) })
	}
	slices.SortFunc(order, func(a, b input) int {
		return cmp.Or(cmp.Compare(a.rank, b.rank), cmp.Compare(a.row.Owner, b.row.Owner))
	})
	var contacts []Contact
	lists := make([][]Contact, 0, n)
	for i := range order[:min(n, len(order))] {
		if order[i].host {
			lists = append(lists, []Contact{contactOf(order[i].row)})
		} else {
			lists = append(lists, contactsOf(order[i].row))
		}
	}
	for turn := 0; turn < RepresentativesMax && len(contacts) < n; turn++ {
		for _, list := range lists {
			if turn < len(list) && len(contacts) < n && !slices.Contains(barred, list[turn].ID) && !slices.ContainsFunc(contacts, func(c Contact) bool { return c.ID == list[turn].ID }) {
				contacts = append(contacts, list[turn])
			}
		}
	}
	return contacts
}

// fingerprint is a hash of what a summary is made of.
type fingerprint uint64

func (f *fingerprint) add(v uint64) {
	h := (uint64(*f) ^ v) * 0x9e3779b97f4a7c15
	*f = fingerprint(h ^ h>>32)
}

// summed is a zone of the own path with what its table comes to.
type summed struct {
	zone        string
	depth       int // 0 for the root
	summary     Summary
	fingerprint fingerprint // of what it was made of
	forms       *readable   // nil without functions
	audited                 // where rows are signed
}

// compute brings the summaries of the own path up to date, from the hosts up, each only where what it is made of has changed.
func (m *Machine) compute(now protocol.Time) {
	last := len(m.levels) - 1
	m.computeHosts(now, &m.levels[last].child)
	for i := last; i > 0; i-- {
		m.computeZone(m.levels[i], &m.levels[i-1].child)
	}
	m.computeZone(m.levels[0], &m.root)
}

// computeHosts makes the summary of the hosts of the own zone.
func (m *Machine) computeHosts(now protocol.Time, z *summed) {
	hosts, f, oldest := m.hostsNow()
	expected := hosts + m.config.Hosts.Missing(now, m.config.Expect)
	if z.stale(f, oldest, expected) {
		m.settle(z, m.hostInputs(), expected)
	}
}

// hostsNow returns how many hosts of the own zone are summarised, a fingerprint of their rows, and the silence of the one that was not heard for longest.
func (m *Machine) hostsNow() (count int, f fingerprint, oldest time.Duration) {
	f = fingerprint(m.functions.changes)
	for h := range m.hostsIn {
		f.add(uint64(h.Row.Owner))
		f.add(h.Row.Epoch<<32 ^ h.Row.Sequence)
		f.add(hostRank(&h))
		oldest = max(oldest, h.Silence)
		count++
	}
	return count, f, oldest
}

// hostInputs returns the rows of the hosts of the own zone.
func (m *Machine) hostInputs() []input {
	inputs := make([]input, 0, m.config.Hosts.Len())
	for h := range m.hostsIn {
		inputs = append(inputs, input{row: h.Row, rank: hostRank(&h), age: h.Silence, host: true})
	}
	return inputs
}

// hostsIn goes through the hosts of the own zone that are summarised.
func (m *Machine) hostsIn(yield func(membership.Host) bool) {
	table := m.config.Hosts
	out := table.Own() == nil
	for i := range table.Len() {
		h := table.Host(i)
		if h.State == membership.StateLeft || out && h.Row.Owner == m.config.Self {
			continue
		}
		if !yield(h) { // by value: a pointer would have each host allocated in each round
			return
		}
	}
}

// hostRank is the order in which hosts become contacts. Those that are suspected of being down come last.
func hostRank(h *membership.Host) uint64 {
	if h.State == membership.StateUp {
		return 0
	}
	return 1
}

// computeZone makes the summary of the zone of a table. The own child zone goes into it as it is computed here.
func (m *Machine) computeZone(l *level, z *summed) {
	if !l.others() && l.own == join(l.zone, hosts) { // the hosts are all there is
		z.summary, z.fingerprint, z.audited = l.child.summary, l.child.fingerprint, l.child.audited
		z.summary.RowsExpected += l.expected() - 1
		return
	}
	f, oldest := m.zonesNow(l)
	if expected := l.expected(); z.stale(f, oldest, expected) {
		m.settle(z, m.zoneInputs(l), expected)
	}
}

// zonesNow chooses the feeds of the child zones of a table, and returns a fingerprint of them, with the own one, and the age of the oldest of the others.
func (m *Machine) zonesNow(l *level) (f fingerprint, oldest time.Duration) {
	f = fingerprint(m.functions.changes)
	l.aged = l.aged && slices.ContainsFunc(l.rows, func(e *entry) bool { return count(e.Row(), AttributeAge) > 0 })
	for c := range l.children {
		feed := c.choose(protocol.Time(feedPatience * m.config.Round))
		if feed == nil || c.zone() == l.own {
			continue
		}
		row := feed.Row()
		oldest = max(oldest, m.ageOf(l, feed))
		f.add(uint64(row.Owner))
		f.add(row.Epoch<<32 ^ row.Sequence)
	}
	f.add(uint64(l.child.fingerprint))
	return f, oldest
}

// ageOf returns for how long the oldest host that a row of a child zone stands for was not heard of.
func (m *Machine) ageOf(l *level, feed *entry) time.Duration {
	age := m.awake.Sub(feed.Advanced())
	if l.aged {
		age += time.Duration(count(feed.Row(), AttributeAge)) * time.Second
	}
	return age
}

// zoneInputs returns the feeds of the child zones of a table, the own one as it is computed here.
func (m *Machine) zoneInputs(l *level) []input {
	inputs := make([]input, 0, len(l.rows)+1)
	for c := range l.children {
		if feed := c.feed(); feed != nil && c.zone() != l.own {
			inputs = append(inputs, input{row: feed.Row(), rank: rankOf(c.zone()), age: m.ageOf(l, feed)})
		}
	}
	return append(inputs, input{row: m.ownRow(l), rank: rankOf(l.own), age: l.child.summary.Age})
}

// stale notes what a summary is to be made of, and reports whether that has changed.
func (z *summed) stale(f fingerprint, oldest time.Duration, expected int) bool {
	f.add(uint64(expected))
	f.add(uint64(shownAge(oldest)))
	same := z.fingerprint == f && f != 0
	z.fingerprint = f
	return !same
}

// settle makes a summary anew.
func (m *Machine) settle(z *summed, inputs []input, expected int) {
	z.summary = summarize(inputs, expected, m.config.Representatives, m.barred())
	z.summary.Outputs = m.evaluate(z, inputs)
	m.accountFor(z, inputs)
	m.stats.Computed++
}

// ownRow returns the row of the own child zone as it is summarised, not as it is sent.
func (m *Machine) ownRow(l *level) *table.Row {
	row := &table.Row{Owner: m.config.Self, Name: l.own}
	if m.notary == nil {
		row.Attributes = l.child.summary.attributes()
	} else { // as others see it: what is audited is made of the same for all
		fitAttributes(row, l.child.summary, m.config.RowLimit, true)
	}
	return row
}

// expected returns how many child zones there are, or were not long ago.
func (l *level) expected() int {
	return l.present() + len(l.lost)
}

// present returns how many child zones there are, the own one among them.
func (l *level) present() int {
	n := l.zones()
	if len(l.childOf(l.own)) == 0 {
		n++
	}
	return n
}
