package wire_test

import (
	"bytes"
	"testing"

	"spinglass/wire"
)

func TestMessagesAreWhatAPacketCarries(t *testing.T) {
	var all wire.Messages
	var body []byte
	want := [][]byte{[]byte("one"), {}, bytes.Repeat([]byte("x"), 5000), []byte("four")}
	for _, message := range want {
		all.Add(message)
		body = wire.AppendRecord(body, wire.Record{Kind: wire.RecordWhole, Data: message})
	}
	if all.Len() != len(want) || !bytes.Equal(all.Records, body) {
		t.Fatalf("%d messages of %d bytes, want %d of %d", all.Len(), len(all.Records), len(want), len(body))
	}
	for i := range want {
		if got := all.Message(i); !bytes.Equal(got, want[i]) {
			t.Errorf("message %d has %d bytes, want %d", i, len(got), len(want[i]))
		}
	}
	for _, c := range []struct{ from, count, room, next int }{
		{0, 9, 4, 1}, {0, 9, 5, 2}, {0, 1, 5, 1}, {0, 9, 3, 0}, {2, 9, 5003, 3}, {2, 9, 5002, 2}, {1, 9, 1 << 20, 4}, {1, 2, 1 << 20, 3}, {3, 9, 5, 4},
	} {
		run, next := all.Run(c.from, c.count, c.room)
		count, rest := wire.SkipMessages(run, wire.MessageMax)
		if next != c.next || count != c.next-c.from || len(rest) != 0 || len(run) > c.room {
			t.Errorf("%d from %d in %d bytes: up to %d, %d messages in %d bytes; want up to %d", c.count, c.from, c.room, next, count, len(run), c.next)
		}
	}
	if all.Reset(); all.Len() != 0 || len(all.Records) != 0 {
		t.Error("messages are left after Reset")
	}
}
