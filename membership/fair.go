package membership

import "spinglass/protocol"

// favours are what a member does for others in a round. Each has a limit, which senders share: one that asks for all of it leaves something for others.
type favours struct {
	answers protocol.Share // bytes
	replies protocol.Share // probes answered
}

// portions are what one sender has had of each.
type portions struct {
	answers protocol.Portion
	replies *protocol.Portion // nil before the first probe: where datagrams are not lost few are ever probed
}

// ofReplies returns what a sender has had of the probes answered.
func (p *portions) ofReplies() *protocol.Portion {
	if p.replies == nil {
		p.replies = new(protocol.Portion)
	}
	return p.replies
}

func newFavours(c *Config) favours {
	return favours{answers: protocol.Share{Limit: c.AnswerBytes}, replies: protocol.Share{Limit: repliesPerRound}}
}

func (f *favours) begin() {
	f.answers.Begin()
	f.replies.Begin()
}

// portions returns what a sender has had. All who are no members are one.
func (m *Machine) portions(from protocol.NodeID) *portions {
	e := m.table.Get(from)
	if e == nil {
		return &m.strangers
	}
	if e.State.portions == nil {
		e.State.portions = new(portions)
	}
	return e.State.portions
}

// mayAnswer reports whether something may be sent in answer to a sender. What is sent then may be more than is left.
func (m *Machine) mayAnswer(to protocol.NodeID) bool {
	return m.favours.answers.Ask(&m.portions(to).answers, 1) == protocol.Granted
}

// answers accounts for so many bytes that are sent in answer.
func (m *Machine) answers(to protocol.NodeID, bytes int) {
	m.favours.answers.Spend(&m.portions(to).answers, bytes)
}
