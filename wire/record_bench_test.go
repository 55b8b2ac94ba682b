package wire_test

import (
	"fmt"
	"testing"

	"spinglass/wire"
)

// BenchmarkMessages is what a receiver does with each message of a packet of 16 kB: checking, and taking.
func BenchmarkMessages(b *testing.B) {
	for _, size := range []int{16, 100, 1024} {
		var body []byte
		count := 0
		for ; len(body)+size < wire.DatagramLoopback; count++ {
			body = wire.AppendRecord(body, wire.Record{Data: make([]byte, size)})
		}
		b.Run(fmt.Sprintf("check/%d", size), func(b *testing.B) {
			for n := 0; n < b.N; n += count {
				if got, _, whole, err := wire.CheckBody(body, wire.MessageMax); got != count || !whole || err != nil {
					b.Fatal(got, whole, err)
				}
			}
		})
		b.Run(fmt.Sprintf("take/%d", size), func(b *testing.B) {
			for n := 0; n < b.N; n += count {
				for rest := body; len(rest) > 0; {
					_, rest = wire.NextMessage(rest)
				}
			}
		})
	}
}
