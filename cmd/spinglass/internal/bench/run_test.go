package bench

import "testing"

func TestRawDatagramsCarryWhatTheFleetSends(t *testing.T) {
	for _, c := range []struct {
		size, limit, datagram int
		messages              float64
	}{
		{100, 1344, 1300, 13},
		{1344, 1344, 1344, 1},
		{1345, 1344, 673, 0.5},
		{7168, 16250, 14336, 2},
		{1 << 20, 16250, 16132, 1.0 / 65},
	} {
		if datagram, messages := rawDatagram(c.size, c.limit); datagram != c.datagram || messages != c.messages {
			t.Errorf("messages of %d bytes, datagrams of at most %d: %v in one of %d, want %v in one of %d",
				c.size, c.limit, messages, datagram, c.messages, c.datagram)
		}
	}
}
