package stack

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"spinglass/astrolabe"
	"spinglass/bimodal"
	"spinglass/membership"
	"spinglass/protocol"
)

// samples has a message of each class.
var samples = [Classes]protocol.Message{
	ClassPush: &bimodal.Packet{}, ClassRequest: &bimodal.Poll{}, ClassReply: &bimodal.Repair{}, ClassMembership: &membership.Probe{},
}

func defaultQuota(t testing.TB) *quota {
	n, err := newQuota(Quotas{}.withDefaults(&Config{}))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

func (n *quota) up(ids ...protocol.NodeID) {
	for _, id := range ids {
		n.Notify(0, protocol.PeerUp{Peer: &protocol.Peer{ID: id}}, nil)
	}
}

// offer sends so many messages of a class at a time, and returns how many are taken up.
func (n *quota) offer(now protocol.Time, from protocol.NodeID, class Class, messages int) (taken int) {
	for range messages {
		if n.refuses(now, from, samples[class]) == "" {
			taken++
		}
	}
	return taken
}

func TestEveryMessageHasItsClass(t *testing.T) {
	for class, messages := range [Classes][]protocol.Message{
		ClassPush: {&bimodal.Packet{}, &bimodal.Relay{}, &bimodal.Order{}, &bimodal.Shared{}},
		ClassRequest: {
			&bimodal.Digest{}, &bimodal.Request{}, &bimodal.Poll{}, &bimodal.OrderRequest{}, &bimodal.MulticastProbe{}, &bimodal.TopicName{}, &astrolabe.Digest{}, &astrolabe.Ask{},
			&astrolabe.AccountQuestion{},
		},
		ClassReply: {
			&bimodal.Repair{}, &bimodal.Digest{Answer: true}, &bimodal.MulticastHeard{}, &bimodal.TopicName{Name: "t"}, &bimodal.Receipt{}, &membership.Certificates{}, &astrolabe.Piece{},
			&astrolabe.AccountPiece{},
		},
		ClassMembership: {
			&membership.Digest{}, &membership.Delta{}, &membership.Probe{}, &membership.ProbeReply{}, &membership.Summary{}, &membership.NoticePart{}, &membership.Beacon{},
			&membership.CredentialRequest{}, &astrolabe.Delta{}, &astrolabe.FunctionPart{},
		},
	} {
		for _, m := range messages {
			if got := classOf(m); got != Class(class) {
				t.Errorf("%T is of class %d, want %d", m, got, class)
			}
		}
	}
	kinds := append(append(membership.Kinds(), bimodal.Kinds()...), astrolabe.Kinds()...)
	if len(kinds) != 29 { // as many as above, where a digest and a name stand twice
		t.Errorf("%d kinds of messages", len(kinds))
	}
}

// "Push, pull-request, pull-reply and hello always have separate quotas." "A valid signature is not a quota: bounds hold for authenticated members too." A flood
// of one class by one member is cut; other classes lose nothing by it, nor do others of that class, even if several flood. The control has no classes.
func TestAFloodOfOneClassLeavesTheOthers(t *testing.T) {
	for flooded := range Class(Classes) {
		n := defaultQuota(t)
		const flooders, honest = 8, 30
		for id := range protocol.NodeID(flooders + honest) {
			n.up(id + 1)
		}
		for period := range 5 {
			now := protocol.Time(period) * protocol.Time(QuotaPeriodDefault)
			all, taken := n.shares[flooded].Limit, 0
			for id := range protocol.NodeID(flooders) {
				got := n.offer(now, id+1, flooded, all)
				if got > n.shares[flooded].Source {
					t.Errorf("class %d: %d of one flooder are taken up", flooded, got)
				}
				taken += got
			}
			if taken > all || period == 0 && taken < all/4 {
				t.Errorf("class %d: %d of the flood are taken up, of %d", flooded, taken, all)
			}
			for class := range Class(Classes) {
				for id := range protocol.NodeID(honest) {
					if got := n.offer(now, flooders+1+id, class, 10); got != 10 && period > 0 {
						t.Fatalf("a flood of class %d leaves %d of 10 of class %d", flooded, got, class)
					}
				}
			}
		}
		if n.stats.Refused[flooded] == 0 {
			t.Errorf("class %d: nothing is counted", flooded)
		}
	}

	// The control: neither classes nor sources.
	shared, everybody := protocol.Share{Limit: pushAll + requestAll + replyAll + membershipAll}, protocol.Portion{}
	shared.Begin()
	for range shared.Limit {
		shared.Take(&everybody, 1)
	}
	if shared.Take(&everybody, 1) == protocol.Granted {
		t.Error("a limit that all share leaves something")
	}
}

// Those whom nobody knows are a few sources: invented senders leave members half of what there is.
func TestStrangersAreFewSources(t *testing.T) {
	n := defaultQuota(t)
	n.up(1)
	now := protocol.Time(0)
	for period := range 10 {
		now = now.Add(QuotaPeriodDefault)
		taken := 0
		for id := range protocol.NodeID(10 * requestAll) {
			taken += n.offer(now, 1000+id, ClassRequest, 1)
		}
		got := n.offer(now, 1, ClassRequest, 50)
		if got != 50 && period > 0 || taken > requestAll/2 && period > 3 {
			t.Errorf("period %d: %d strangers are heard, and %d of 50 messages of a member", period, taken, got)
		}
	}
	n.Notify(0, protocol.PeerDown{Peer: &protocol.Peer{ID: 1}}, nil)
	n.up(2)
	if n.offer(now, 1, ClassRequest, 1) != 0 || n.offer(now, 2, ClassRequest, 1) != 1 || len(n.sources) != 1 {
		t.Error("a member that went counts as one still, or a new one does not")
	}
}

// Honest traffic stays below the quotas: 200 000 packets a second of one publisher among others, and what two members with the greatest fanout and most polls
// say to each other in rounds of a millisecond.
func TestHonestTrafficIsBelowTheQuotas(t *testing.T) {
	n := defaultQuota(t)
	n.up(1, 2, 3)
	for ms := range 1000 {
		now := protocol.Time(ms) * protocol.Time(time.Millisecond)
		if n.offer(now, 1, ClassPush, 200) != 200 || n.offer(now, 2, ClassPush, 200) != 200 || n.offer(now, 2, ClassReply, 200) != 200 {
			t.Fatalf("packets of a publisher are refused after %v", now)
		}
	}
	fast, err := newQuota(Quotas{}.withDefaults(&Config{Bimodal: bimodal.Config{Round: time.Millisecond}, Membership: membership.Config{Round: time.Millisecond}}))
	if err != nil {
		t.Fatal(err)
	}
	fast.up(1)
	for ms := range 1000 {
		now := protocol.Time(ms) * protocol.Time(time.Millisecond)
		if fast.offer(now, 1, ClassRequest, 17+100+117) != 234 || fast.offer(now, 1, ClassMembership, 100) != 100 {
			t.Fatalf("what rounds of a millisecond bring is refused after %v", now)
		}
	}
}

func TestQuotasAreChecked(t *testing.T) {
	good := Quotas{}.withDefaults(&Config{})
	for want, spoil := range map[string]func(*Quotas){
		"stack: Quotas.Period is 0s":      func(q *Quotas) { q.Period = 0 },
		"stack: a quota of 3 messages":    func(q *Quotas) { q.Reply.All = 3 },
		"stack: a quota of 2048 messages": func(q *Quotas) { q.Membership.Source = 0 },
	} {
		q := good
		spoil(&q)
		c := Config{Membership: membership.Config{Self: 1, Name: "/a", Rand: rand.New(rand.NewPCG(1, 1))}, Bimodal: bimodal.DefaultConfig(), Quotas: q}
		c.Bimodal.Self, c.Bimodal.Rand, c.Tables.Rand = 1, rand.New(rand.NewPCG(1, 2)), rand.New(rand.NewPCG(1, 3))
		if _, err := New(c); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("error %v, want %s", err, want)
		}
	}
}

func TestPeersBeyondTheLimitAreStrangers(t *testing.T) {
	n := defaultQuota(t)
	for id := range protocol.NodeID(sourcesMax + 5) {
		n.up(id + 1)
	}
	if len(n.sources) != sourcesMax || n.stats.Crowded != 5 {
		t.Errorf("%d sources, %d crowded", len(n.sources), n.stats.Crowded)
	}
	n.up(1)
	if n.stats.Crowded != 5 {
		t.Error("a known peer counts as crowded")
	}
}

// What the quota costs each message: a run of one sender, and senders by turns.
func BenchmarkQuota(b *testing.B) {
	for name, senders := range map[string]int{"run": 1, "turns": 64} {
		b.Run(name, func(b *testing.B) {
			n := defaultQuota(b)
			for id := range 64 {
				n.up(protocol.NodeID(id + 1))
			}
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				i++
				n.refuses(protocol.Time(i)*1000, protocol.NodeID(i%senders+1), samples[ClassPush])
			}
		})
	}
}
