package traditional_test

import (
	"bytes"
	"testing"

	"spinglass/lab/traditional"
	"spinglass/protocol"
)

// Whatever decodes has one encoding, and no member is harmed by it.
func FuzzDecode(f *testing.F) {
	f.Add(uint8(traditional.KindData), []byte{1, 0, 1, 1, 0, 0, 'x'})
	f.Add(uint8(traditional.KindRow), []byte{1, 0, 0, 0, 0, 3, 1, 2, 3})
	f.Add(uint8(traditional.KindFlush), []byte{1, 0, 0, 1, 0, 1, 2})
	f.Add(uint8(traditional.KindCut), []byte{1, 0, 0, 1, 0, 6, 0, 0, 0, 0, 0, 9})
	f.Add(uint8(traditional.KindView), []byte{2, 1, 1, 1, 0, 3, 1, 2, 3})
	f.Fuzz(func(t *testing.T, kind uint8, body []byte) {
		m, err := new(traditional.Decoder).Decode(protocol.Kind(kind), body)
		if err != nil {
			return
		}
		if again := m.Append(nil); !bytes.Equal(again, body) || m.Size() != len(body) {
			t.Fatalf("%x decodes and encodes to %x, of %d bytes", body, again, m.Size())
		}
		for self := protocol.NodeID(1); self <= 3; self++ {
			c := traditional.DefaultConfig()
			c.Self, c.Members, c.Order = self, []protocol.NodeID{1, 2, 3}, traditional.OrderTotal
			member, err := traditional.New(c)
			if err != nil {
				t.Fatal(err)
			}
			var out protocol.Output
			member.Start(0, &out)
			for now := protocol.Time(0); now < 5; now++ {
				member.Receive(now, self%3+1, m, &out)
				if now == 2 {
					if err := member.Send(now, []byte("message"), &out); err != nil && err != traditional.ErrBlocked {
						t.Fatal(err)
					}
				}
			}
			for range 100 {
				member.Timeout(member.Deadline(), &out)
				out.Reset()
			}
		}
	})
}
