package wire

// Messages are messages one behind the other in the form in which packets carry them, so that a run of them is packed by copying it once. The zero
// value is empty.
type Messages struct {
	Records []byte // whole messages
	Ends    []int  // where each record ends
}

// Add appends a message, which is copied.
func (m *Messages) Add(message []byte) {
	m.Records = AppendRecord(m.Records, Record{Kind: RecordWhole, Data: message})
	m.Ends = append(m.Ends, len(m.Records))
}

// Len returns how many messages there are.
func (m *Messages) Len() int { return len(m.Ends) }

// Message returns message number i, from 0, aliased.
func (m *Messages) Message(i int) []byte {
	message, _ := NextMessage(m.Records[m.begin(i):m.Ends[i]])
	return message
}

// Bytes returns how many bytes the messages from number i to before number end take, with the lengths that lead them.
func (m *Messages) Bytes(i, end int) int {
	if end <= i {
		return 0
	}
	return m.Ends[end-1] - m.begin(i)
}

// Run returns the records of the messages from number i on that fit into room bytes together, at most count of them, and the number behind.
func (m *Messages) Run(i, count, room int) (records []byte, next int) {
	begin := m.begin(i)
	last := min(i+count, len(m.Ends))
	for next = i; next < last && m.Ends[next]-begin <= room; next++ {
	}
	if next == i {
		return nil, i
	}
	return m.Records[begin:m.Ends[next-1]], next
}

// Reset forgets all messages, and keeps the memory.
func (m *Messages) Reset() { m.Records, m.Ends = m.Records[:0], m.Ends[:0] }

func (m *Messages) begin(i int) int {
	if i == 0 {
		return 0
	}
	return m.Ends[i-1]
}
