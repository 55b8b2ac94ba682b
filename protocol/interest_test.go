package protocol

import (
	"math/rand/v2"
	"testing"
)

// What was added is wanted, also of joined zones; and with 100 topics few others are.
func TestInterest(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	var a, b Interest
	var added []uint64
	for range 50 {
		x, y := r.Uint64(), r.Uint64()
		a.Add(x)
		b.Add(y)
		added = append(added, x, y)
	}
	alone := a
	a.Join(&b)
	missing := 0
	for _, topic := range added {
		if !a.Wants(topic) {
			t.Errorf("topic %x was added and is not wanted", topic)
		}
		if !alone.Wants(topic) {
			missing++
		}
	}
	if missing < 40 {
		t.Errorf("half of the topics were never added, and only %d are not wanted", missing)
	}
	wrong := 0
	for range 10_000 {
		if a.Wants(r.Uint64()) {
			wrong++
		}
	}
	if wrong < 100 || wrong > 600 {
		t.Errorf("%d of 10000 other topics are wanted, where about 320 should be", wrong)
	}
}

// Members of all builds have to agree on which bits a topic has.
func TestInterestBits(t *testing.T) {
	if first, second := bitsOf(0xffc0_0000_0000_0000); first != 1023 || second != 0 {
		t.Errorf("bits %d and %d", first, second)
	}
	if first, second := bitsOf(0x003f_f000_0000_0000); first != 0 || second != 1023 {
		t.Errorf("bits %d and %d", first, second)
	}
}

// A value of another length is none.
func TestParseInterest(t *testing.T) {
	var i Interest
	i.Add(1 << 60)
	if got, ok := ParseInterest(i[:]); !ok || got != i {
		t.Error("the value of an interest is not parsed")
	}
	for _, length := range []int{0, 8, len(i) - 1, len(i) + 1} {
		if _, ok := ParseInterest(make([]byte, length)); ok {
			t.Errorf("%d bytes are parsed", length)
		}
	}
}
