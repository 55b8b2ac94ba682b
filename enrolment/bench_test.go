package enrolment

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"spinglass/identity"
	"spinglass/protocol"
)

// BenchmarkJoin is one join over loopback, with all that it makes durable.
func BenchmarkJoin(b *testing.B) {
	for _, members := range []int{1, 1000, 10000} {
		b.Run(fmt.Sprint(members), func(b *testing.B) {
			o := newOffice(b)
			fill(b, o.authority, members)
			token := o.token(b, identity.TokenUsesMax)
			c := o.client(1 << 40)
			id := protocol.NodeID(1 << 40)
			for b.Loop() {
				if _, err := c.Join(context.Background(), token, "/lab/joining", id); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// fill makes a register of as many members, without the durable write of each.
func fill(b *testing.B, a *Authority, members int) {
	b.Helper()
	folder := a.store.authorityFolder()
	st, err := readState(folder, a.store.now())
	if err != nil {
		b.Fatal(err)
	}
	for i := range members {
		key := must[identity.PrivateKey](b)(identity.GenerateKey(entropy(uint64(i))))
		terms := a.terms(st.now, a.Life)
		if _, err := st.IssueMember(terms, fmt.Sprintf("/lab/m%d", i), protocol.NodeID(i+100), key.Public(), identity.MemberGrants()); err != nil {
			b.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(folder, registerFile.name), st.Register().Append(nil), 0o600); err != nil {
		b.Fatal(err)
	}
}
