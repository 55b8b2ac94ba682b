package astrolabe_test

import (
	"math"
	"testing"

	"spinglass/astrolabe"
	"spinglass/protocol"
	"spinglass/table"
)

// "Reply only to proven addresses; before proof at most as many bytes as came in": who is not known gets one datagram where links prove nothing, and nobody gets more
// than a quarter of what a round may send, so that one who asks for all leaves something for others. The control is a host.
func TestAnswersAreShared(t *testing.T) {
	f := formed(t, 1, 0)
	m := f.tables(7)
	nothing := table.Digest{Last: math.MaxUint64}
	ask := func(from protocol.NodeID) (datagrams, bytes int) {
		var out protocol.Output
		d := &astrolabe.Digest{Zone: "/eu/2", Told: true, Held: []astrolabe.Held{{Depth: 1, Digest: nothing}, {Depth: 0, Digest: nothing}}}
		m.Receive(f.world.Now(), from, d, &out)
		for _, e := range out.Effects {
			if e.Message != nil {
				datagrams++
				bytes += e.Message.Size()
			}
		}
		return datagrams, bytes
	}
	if err := f.install(7, &astrolabe.Function{Name: "f", Scope: "/eu", Version: 1, Expires: 3600, Program: loads}); err != nil {
		t.Fatal(err)
	}
	if datagrams, _ := ask(12345); datagrams != 1 {
		t.Errorf("who is not known gets %d datagrams", datagrams)
	}
	most := 0
	for range 10 {
		datagrams, bytes := ask(f.ids[8])
		if most += bytes; datagrams == 0 {
			break
		}
	}
	if limit := astrolabe.AnswerBytesDefault / 4; most < limit/2 || most > limit+1344 {
		t.Errorf("a host that asks for all gets %d bytes in a round, a quarter is %d", most, limit)
	}
	if datagrams, _ := ask(f.ids[9]); datagrams < 2 {
		t.Errorf("another one gets %d datagrams then", datagrams)
	}
}
