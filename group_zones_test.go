package spinglass_test

import (
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"spinglass"
)

// Members of a group may be in different zones: they join and are given the state, carry out commands in one order, and go on without one that crashed, though membership watches those of the own zone only.
func TestGroupAcrossZones(t *testing.T) {
	for _, signed := range []bool{false, true} {
		t.Run(fmt.Sprintf("signed=%v", signed), func(t *testing.T) {
			t.Parallel()
			nodes := regionsOf(t, spinglass.Config{FailTimeout: time.Second}, signed, "/a/n1", "/a/n2", "/b/n1", "/b/n2")
			machines := make([]*journal, len(nodes))
			groups := make([]*spinglass.Group, len(nodes))
			for i, n := range nodes {
				machines[i] = &journal{}
				if i == 0 {
					groups[i] = foundGroup(t, n, "ledger", spinglass.Replicated(machines[i]))
				} else {
					groups[i] = joinGroup(t, n, "ledger", spinglass.Replicated(machines[i]))
				}
				if _, err := groups[i].Propose(within(t), fmt.Append(nil, "first of ", i)); err != nil {
					t.Fatalf("%s: %v", n.Name(), err)
				}
			}
			const each = 20
			propose := func(members []*spinglass.Group) {
				var all sync.WaitGroup
				for i, g := range members {
					all.Go(func() {
						for k := range each {
							if _, err := g.Propose(within(t), fmt.Append(nil, i, ".", k)); err != nil {
								t.Errorf("member %d: %v", i, err)
								return
							}
						}
					})
				}
				all.Wait()
			}
			propose(groups)
			equal := func(count, members int) {
				for i := range members {
					await(t, fmt.Sprintf("member %d has carried out %d commands", i, count), func() bool { return len(machines[i].text()) == count })
				}
				for i := range members {
					if !slices.Equal(machines[i].text(), machines[0].text()) {
						t.Errorf("members 0 and %d have carried out other commands, or in another order", i)
					}
				}
			}
			equal(len(nodes)*(each+1), len(nodes))
			if err := nodes[3].Close(); err != nil {
				t.Fatal(err)
			}
			propose(groups[:3])
			await(t, "who crashed is out", func() bool { return len(groups[0].View().Members) == 3 })
			equal(len(nodes)*(each+1)+3*each, 3)
		})
	}
}
