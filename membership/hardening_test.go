package membership

import (
	"testing"
	"time"

	"spinglass/protocol"
	"spinglass/table"
)

// doc.go, contract 6: "PeerDown or PeerLeft; PeerUp again or nothing more". The left mark of an unreachable peer is a sign of life, too.
func TestNothingFollowsPeerLeft(t *testing.T) {
	m := lone(t)
	meet(m, 0, 2)
	m.table.Get(2).State.unreachable = true
	row := peerRow(2, 2)
	row.Left = true
	var out protocol.Output
	m.Receive(1, 2, &Delta{Evidence: versionOf(row, 2), Rows: []RowUpdate{{Row: row, Heartbeat: 2}}}, &out)
	if len(event[protocol.PeerLeft](&out)) != 1 || len(event[protocol.PeerReachable](&out)) != 0 {
		t.Errorf("%+v", out.Effects)
	}
}

// "Reply only to proven addresses": a stranger that asks for rows gets no more than for a digest.
func TestStrangersAskForLittle(t *testing.T) {
	m := lone(t)
	var ids []protocol.NodeID
	for id := protocol.NodeID(2); id < 120; id++ {
		ids = append(ids, id)
	}
	meet(m, 0, ids...)
	datagrams := func(from protocol.NodeID) int {
		var out protocol.Output
		m.Receive(1, from, &Delta{Evidence: versionOf(peerRow(from, 1), 1), WantRows: ids}, &out)
		return len(sent[*Delta](&out))
	}
	if member, stranger := datagrams(2), datagrams(9999); member <= answerDatagramsStranger || stranger != answerDatagramsStranger {
		t.Errorf("a member got %d datagrams, a stranger %d", member, stranger)
	}
}

// "Push, pull-request, pull-reply and hello always have separate quotas": who uses up the answers to digests does not make this member
// unreachable for the others.
func TestProbesAreAnsweredUnderFlood(t *testing.T) {
	m := lone(t)
	meet(m, 0, 2, 3)
	m.answers(2, m.config.AnswerBytes)
	var out protocol.Output
	for range repliesPerRound {
		m.Receive(1, 3, &Probe{Stamp: 7, Evidence: versionOf(peerRow(3, 1), 1)}, &out)
	}
	// One prober gets half, and leaves the rest for others.
	if n := len(sent[*ProbeReply](&out)); n != repliesPerRound/2 || m.Stats().AnswersOverBudget != repliesPerRound/2 {
		t.Errorf("%d of %d probes answered", n, repliesPerRound)
	}
	out.Reset()
	if m.Receive(1, 2, &Probe{Stamp: 7, Evidence: versionOf(peerRow(2, 1), 1)}, &out); len(sent[*ProbeReply](&out)) != 1 {
		t.Error("another prober gets no answer")
	}
}

// Whoever invents versions of the own row makes this member go above them, but no more than once in the time of a heartbeat.
func TestJumpsAreBounded(t *testing.T) {
	m := lone(t)
	meet(m, 0, 2)
	raised, out := 0, protocol.Output{}
	for i := range 1000 {
		claim := m.own.Claim()
		claim.Sequence++
		now := protocol.Time(time.Duration(i) * 10 * time.Millisecond)
		m.Receive(now, 2, &Delta{Evidence: versionOf(peerRow(2, 1), 1), Beats: []Beat{{Claim: claim}}}, &out)
		for _, e := range event[protocol.EpochRaised](&out) {
			if raised++; e.Epoch != m.own.Row().Epoch {
				t.Errorf("siblings are told of epoch %d, the row has %d", e.Epoch, m.own.Row().Epoch)
			}
		}
		out.Reset()
	}
	if raised != 10 {
		t.Errorf("siblings are told of %d jumps", raised)
	}
	if jumps := m.Stats().EpochJumps; jumps != 10 {
		t.Errorf("%d jumps in ten seconds", jumps)
	}
}

// "Remember the dead longer than gossip can carry their rows": a member that was paused for an hour wakes up with the row of one that
// left meanwhile. And "for at least 10*T_fail" holds when vanished members are contacted for a shorter time.
func TestMemoryOutlastsPauses(t *testing.T) {
	c := config()
	c.RecordLife = 2 * time.Hour
	m, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	var out protocol.Output
	m.Start(0, &out)
	meet(m, 0, 2, 3)
	left := peerRow(2, 2)
	left.Left = true
	m.Receive(1, 3, &Delta{Evidence: versionOf(peerRow(3, 1), 1), Rows: []RowUpdate{{Row: left, Heartbeat: 2}}}, &out)
	for m.Deadline() < protocol.Time(time.Hour) {
		m.Timeout(m.Deadline(), &out)
		out.Reset()
	}
	woken := &Digest{Evidence: versionOf(peerRow(3, 1), 9), Held: table.Digest{Claims: []table.Claim{{Owner: 2, Version: peerRow(2, 1).Version(1)}}}}
	m.Receive(protocol.Time(time.Hour), 3, woken, &out)
	for _, delta := range sent[*Delta](&out) {
		if len(delta.WantRows) > 0 {
			t.Errorf("asks for the row of one that left: %v", delta.WantRows)
		}
	}
	if m.gone.get(2) == nil {
		t.Error("who left is forgotten")
	}
	m.config.RecordLife = time.Second
	m.bury(0, record{row: peerRow(4, 1), version: peerRow(4, 1).Version(1)})
	m.contactGone(protocol.Time(5*time.Second), &out)
	m.contactGone(protocol.Time(m.memory())-1, &out)
	if m.gone.get(4) == nil {
		t.Error("the dead are forgotten before 10 T_fail")
	}
}

// When there are too many records, those of members that left go first: the others are contacted, and heal partitions.
func TestRecordsOfTheLeftGoFirst(t *testing.T) {
	g := gone{limit: 2}
	g.put(record{row: peerRow(1, 1), since: 1}, 1)
	g.put(record{row: peerRow(2, 1), since: 2, left: true}, 1)
	g.put(record{row: peerRow(3, 1), since: 3}, 1)
	if g.get(2) != nil || g.get(1) == nil {
		t.Errorf("records %+v", g.records)
	}
}
