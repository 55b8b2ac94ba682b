package bimodal

import (
	"math/rand/v2"
	"testing"

	"spinglass/protocol"
)

// repairsTo returns how many repairs were sent to each peer.
func (s *solo) repairsTo() map[protocol.NodeID]int {
	count := map[protocol.NodeID]int{}
	for _, e := range s.out.Effects {
		if _, ok := e.Message.(*Repair); ok && e.Kind == protocol.EffectSend {
			count[e.To]++
		}
	}
	return count
}

// A requester that asks for more than the budget, round after round, does not delay one that asks for little.
func TestRequestersTakeTurns(t *testing.T) {
	s := soloMachine(t, nil)
	for seq := range uint64(1000) {
		s.receive(packet(seq + 1))
	}
	const hog, modest = protocol.NodeID(100), protocol.NodeID(101)
	s.up(hog, 0, 0)
	s.up(modest, 0, 0)
	s.rounds(1)
	delayed, hogs := 0, 0
	for round := range uint64(15) {
		s.carried, s.carriedMean = 0, 0
		s.rounds(1)
		hogs += s.repairsTo()[hog]
		s.out.Reset()
		s.Receive(s.now, hog, ask(s.round, Range{round*50 + 1, round*50 + 100}), &s.out)
		s.Receive(s.now, modest, ask(s.round, Range{1000 - round, 1000 - round}), &s.out)
		if s.repairsTo()[modest] != 1 {
			delayed++
		}
		hogs += s.repairsTo()[hog]
	}
	if delayed > 1 { // before they were seen to be two
		t.Errorf("the modest requester had to wait in %d of 15 rounds", delayed)
	}
	if least := 15 * (64 << 10) / 1050 / requesterPart; hogs < least {
		t.Errorf("%d repairs to the other, want at least %d", hogs, least)
	}
}

// When there is no room for more to wait, who waits for the most gives way.
func TestTheLongestLineGivesWay(t *testing.T) {
	s := soloMachine(t, nil)
	for seq := range uint64(RequestNumbersMax) {
		s.receive(packet(seq + 1))
	}
	s.up(100, 0, 0)
	s.budget = 0
	for range repairsMax / RequestNumbersMax {
		s.receive(ask(s.round, Range{1, RequestNumbersMax}))
	}
	s.out.Reset()
	s.Receive(s.now, 100, ask(s.round, Range{1, 500}), &s.out)
	if stats := s.Stats(); s.dropped(ReasonRepairs) || s.peers[100].line.length != 500 || stats.RepairsDisplaced == 0 || stats.RepairsWaiting > repairsMax {
		t.Errorf("%d of 500 wait, %d gave way: %+v", s.peers[100].line.length, stats.RepairsDisplaced, stats)
	}
	s.receive(ask(s.round, Range{1, RequestNumbersMax}))
	if s.peers[100].line.length != 500 {
		t.Error("the longest line grew at the cost of another")
	}
	s.Notify(s.now, protocol.PeerLeft{Peer: &protocol.Peer{ID: other}}, &s.out)
	if got := s.Stats().RepairsWaiting; got != 500 {
		t.Errorf("%d wait when the others have left", got)
	}
}

// The queue agrees with a list for each requester, whatever happens.
func TestRepairQueueAgreesWithLists(t *testing.T) {
	r := rand.New(rand.NewPCG(6, 6))
	for range 50 {
		var q repairQueue
		peers, lists := make([]*peer, 5), make([][]uint64, 5)
		for i := range peers {
			peers[i] = &peer{id: protocol.NodeID(i + 1)}
		}
		for step := range uint64(400) {
			i := r.IntN(len(peers))
			switch l := &peers[i].line; {
			case r.IntN(40) == 0:
				q.leave(peers[i])
				lists[i] = nil
			case r.IntN(30) == 0 && len(q.turns) > 1:
				before := make([]int, len(peers))
				for j, p := range peers {
					before[j] = p.line.length
				}
				q.displace(l)
				for j, p := range peers {
					if p.line.length < before[j] && j == i {
						t.Fatal("who asked gave way itself")
					}
					lists[j] = lists[j][:p.line.length]
				}
			case r.IntN(2) == 0:
				q.push(repair{to: peers[i], seq: step, round: 1})
				lists[i] = append(lists[i], step)
			case l.length > 0:
				if got := q.items[l.first-1].seq; got != lists[i][0] {
					t.Fatalf("first of line %d is %d, want %d", i, got, lists[i][0])
				}
				q.pop(l)
				lists[i] = lists[i][1:]
			}
			sum := 0
			for j, p := range peers {
				at := p.line.first
				for _, want := range lists[j] {
					if q.items[at-1].seq != want {
						t.Fatalf("line %d differs", j)
					}
					at = q.items[at-1].next
				}
				if p.line.length != len(lists[j]) || at != 0 && len(lists[j]) > 0 {
					t.Fatalf("line %d has %d items, want %d", j, p.line.length, len(lists[j]))
				}
				sum += len(lists[j])
			}
			if q.length != sum || len(q.items) > 400 {
				t.Fatalf("%d items wait, want %d", q.length, sum)
			}
		}
	}
}
