package membership

import (
	"testing"
	"time"

	"spinglass/protocol"
)

// "A valid signature is not a quota: bounds hold for authenticated members too": who signs rows without end has few of them verified, and one who is only busy all.
func TestRowsOfOneOwnerAreFew(t *testing.T) {
	s := newSolo(t, nil)
	s.meet(9)
	before := s.checked
	for i := range 1000 {
		s.now = protocol.Time(i) * protocol.Time(2*time.Millisecond)
		s.offer(9, s.row(9, uint64(i+2)), 0, nil)
	}
	if n := s.checked - before; n < 20 || n > rowsBurstOthers+12 {
		t.Errorf("%d rows of one owner were verified in 2 s", n)
	}
	if s.m.Stats().RowsOverRate == 0 {
		t.Error("not counted")
	}
	signed := s.m.Stats().RowsSigned
	for i := range 1000 {
		s.now += protocol.Time(2 * time.Millisecond)
		s.input(func(out *protocol.Output) {
			if err := s.m.SetAttribute(s.now, protocol.Attribute{Name: "load", Value: []byte{2, byte(i), byte(i >> 8)}}, out); err != nil {
				t.Fatal(err)
			}
			s.m.Timeout(s.now, out)
		})
	}
	if n := s.m.Stats().RowsSigned - signed; n < 15 || n > rowsBurstOwn+12 {
		t.Errorf("the own row was signed %d times in 2 s", n)
	}
	s.now += protocol.Time(time.Second)
	s.input(func(out *protocol.Output) { s.m.Timeout(s.now, out) })
	if value := s.m.Self().Attribute("load"); string(value) != string([]byte{2, 999 & 0xff, 999 >> 8}) {
		t.Errorf("the last change is not told: %x", value)
	}
}
