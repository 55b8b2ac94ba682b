package seal

import (
	"fmt"
	"slices"
	"testing"

	"spinglass/protocol"
	"spinglass/wire"
)

func groupPair(t testing.TB, generation uint64, sender protocol.NodeID) (*GroupSealer, *GroupOpener) {
	t.Helper()
	key := GroupKey{Generation: generation, Secret: [SecretSize]byte{7}}
	s, err1 := NewGroupSealer(key, sender)
	o, err2 := NewGroupOpener(key, sender, 0)
	if err1 != nil || err2 != nil {
		t.Fatal(err1, err2)
	}
	return s, o
}

func TestGroupDatagrams(t *testing.T) {
	for _, generation := range []uint64{6, 7} {
		s, o := groupPair(t, generation, 0x0102030405060708)
		original, err := s.Seal(nil, []byte("some frames"))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := fmt.Sprintf("%x", original[:HeaderSize]), fmt.Sprintf("%02x010203040506070800000000", 4+generation%2); got != want {
			t.Errorf("header %s, want %s", got, want)
		}
		if sender, odd, err := Group(original); sender != 0x0102030405060708 || odd != (generation == 7) || err != nil {
			t.Errorf("%v, %t, %v", sender, odd, err)
		}
		for bit := range len(original) * 8 {
			d := slices.Clone(original)
			d[bit/8] ^= 1 << (bit % 8)
			if _, err := o.Open(d); err == nil {
				t.Errorf("bit %d flipped: opened", bit)
			}
		}
		for n := range original {
			if _, err := o.Open(slices.Clone(original[:n])); err == nil {
				t.Errorf("cut to %d bytes: opened", n)
			}
		}
		if _, err := NewOpener(someKey(t), 9).Open(slices.Clone(original)); err != wire.ErrVersion {
			t.Errorf("as the datagram of a session: %v", err)
		}
		if frames, err := o.Open(slices.Clone(original)); err != nil || string(frames) != "some frames" {
			t.Errorf("undamaged: %q, %v", frames, err)
		}
		if _, err := o.Open(slices.Clone(original)); err != ErrReplayed {
			t.Errorf("again: %v", err)
		}
		o.window = window{} // the control
		if _, err := o.Open(slices.Clone(original)); err != nil {
			t.Errorf("again, without the window: %v", err)
		}
		s.next = PacketsMax
		if _, err := s.Seal(nil, nil); err != ErrExhausted {
			t.Errorf("beyond the last: %v", err)
		}
	}
	// What was sealed before the key was given is refused; what comes after is not.
	key := GroupKey{Generation: 6, Secret: [SecretSize]byte{7}}
	before, _ := groupPair(t, 6, 9)
	late, err := NewGroupOpener(key, 9, 3)
	for i := range 5 {
		d, _ := before.Seal(nil, nil)
		if _, err := late.Open(d); (err == nil) != (i >= 3) {
			t.Errorf("datagram %d by a key given after 3: %v", i, err)
		}
	}
	if err != nil {
		t.Error(err)
	}
	s, _ := groupPair(t, 6, 0)
	d, _ := s.Seal(nil, nil)
	if _, _, err := Group(d); err != wire.ErrRange {
		t.Errorf("from nobody: %v", err)
	}
}
