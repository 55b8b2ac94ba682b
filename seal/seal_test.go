package seal

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"spinglass/wire"
)

func someKey(t testing.TB) Key {
	t.Helper()
	keys, err := Derive(bytes.Repeat([]byte{7}, SecretSize), true)
	if err != nil {
		t.Fatal(err)
	}
	return keys.Send
}

func sealOne(t testing.TB, s *Sealer, frames []byte) []byte {
	t.Helper()
	b, err := s.Seal(nil, frames)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestEachEndOpensWhatTheOtherSeals(t *testing.T) {
	secret := make([]byte, SecretSize)
	a, err1 := Derive(secret, true)
	b, err2 := Derive(secret, false)
	if err1 != nil || err2 != nil || a.Send != b.Receive || b.Send != a.Receive {
		t.Fatal("the ends do not match", err1, err2)
	}
	if a.Send == a.Receive {
		t.Error("both directions have one key")
	}
	secret[0] = 1
	if c, _ := Derive(secret, true); c.Send == a.Send || c.Receive == a.Receive {
		t.Error("another secret gives the same keys")
	}
	if _, err := Derive(secret[1:], true); err != ErrSecret {
		t.Errorf("short secret: %v", err)
	}
	s, o := NewSealer(a.Send, 0x01020304), NewOpener(b.Receive, 0x01020304)
	for i, size := range []int{0, 1, 100, 1200, 60000} {
		frames := bytes.Repeat([]byte{byte(i + 1)}, size)
		d := sealOne(t, s, frames)
		if len(d) != HeaderSize+size+TagSize {
			t.Errorf("%d bytes of frames make %d", size, len(d))
		}
		if index, err := Index(d); index != 0x01020304 || err != nil || Counter(d) != uint64(i) {
			t.Errorf("index %x, counter %d, %v", index, Counter(d), err)
		}
		if size >= 100 && bytes.Contains(d, frames[:16]) {
			t.Error("frames travel in the clear")
		}
		got, err := o.Open(d)
		if err != nil || !bytes.Equal(got, frames) {
			t.Errorf("%d bytes: %v", size, err)
		}
		if size > 0 && &got[0] != &d[HeaderSize] {
			t.Error("not opened in place")
		}
	}
	// What an end has sealed is not good for itself.
	if _, err := NewOpener(a.Receive, 0x01020304).Open(sealOne(t, s, nil)); err != ErrForged {
		t.Errorf("reflected: %v", err)
	}
	if header := wire.HeaderSize; HeaderSize != header {
		t.Errorf("the header has %d bytes, that of open datagrams %d", HeaderSize, header)
	}
}

// The bytes are fixed: others have to be able to open them.
func TestFormat(t *testing.T) {
	s := NewSealer(someKey(t), 0xa1b2c3d4)
	s.next = 5
	if got, want := fmt.Sprintf("%x", sealOne(t, s, []byte("frames"))), "02a1b2c3d40000000000000005"; got[:26] != want {
		t.Errorf("header %s, want %s", got[:26], want)
	} else if want := "02a1b2c3d400000000000000056751e19c0796916fa90ec15315df42ce98ae22f730f4"; got != want {
		t.Errorf("datagram %s, want %s", got, want)
	}
}

// Every flip of one bit and every truncation is refused, and none of them harms what comes after. A control: undamaged, it is opened.
func TestDamageIsRefused(t *testing.T) {
	s, o := NewSealer(someKey(t), 9), NewOpener(someKey(t), 9)
	original := sealOne(t, s, []byte("some frames"))
	refuse := func(what string, d []byte) {
		if frames, err := o.Open(d); err == nil {
			t.Errorf("%s was opened: %q", what, frames)
		}
	}
	for bit := range len(original) * 8 {
		d := slices.Clone(original)
		d[bit/8] ^= 1 << (bit % 8)
		refuse(fmt.Sprintf("bit %d flipped", bit), d)
	}
	for n := range original {
		refuse(fmt.Sprintf("cut to %d bytes", n), slices.Clone(original[:n]))
	}
	refuse("longer", append(slices.Clone(original), 0))
	if o.window != (window{}) {
		t.Error("what is not authentic has moved the window")
	}
	if frames, err := o.Open(slices.Clone(original)); err != nil || string(frames) != "some frames" {
		t.Errorf("undamaged: %q, %v", frames, err)
	}
}

func TestErrors(t *testing.T) {
	s, o := NewSealer(someKey(t), 9), NewOpener(someKey(t), 9)
	d := sealOne(t, s, []byte("frames"))
	open := func(d []byte) error { _, err := o.Open(slices.Clone(d)); return err }
	other := slices.Clone(d)
	other[4]++
	version := slices.Clone(d)
	version[0] = wire.Version
	far := slices.Clone(d)
	binary.BigEndian.PutUint64(far[5:], 1<<64-1)
	for _, c := range []struct {
		datagram []byte
		want     error
	}{
		{nil, wire.ErrShort}, {d[:SizeMin-1], wire.ErrShort}, {version, wire.ErrVersion}, {other, ErrForged}, {far, ErrForged},
		{d, nil}, {d, ErrReplayed},
	} {
		if err := open(c.datagram); err != c.want {
			t.Errorf("%x: %v, want %v", c.datagram, err, c.want)
		}
	}
	o.window = window{} // the control: without the window the datagram is opened again
	if err := open(d); err != nil {
		t.Errorf("without the window: %v", err)
	}
}

func TestASealerRefusesInTheEnd(t *testing.T) {
	s := NewSealer(someKey(t), 9)
	s.next = PacketsMax - 1
	d := sealOne(t, s, nil)
	if _, err := NewOpener(someKey(t), 9).Open(d); err != nil {
		t.Errorf("the last datagram: %v", err)
	}
	if b, err := s.Seal([]byte("before"), nil); err != ErrExhausted || string(b) != "before" || s.Sealed() != PacketsMax {
		t.Errorf("%q, %v after %d", b, err, s.Sealed())
	}
}

// oracle is a window that remembers everything.
type oracle struct {
	given    map[uint64]bool
	greatest uint64
}

func (o *oracle) has(counter uint64) bool {
	return o.given[counter] || len(o.given) > 0 && counter < o.greatest && o.greatest-counter >= WindowSize
}

func (o *oracle) add(counter uint64) {
	o.given[counter] = true
	o.greatest = max(o.greatest, counter)
}

func TestWindowAgainstAnOracle(t *testing.T) {
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 1))
		var w window
		o := oracle{given: map[uint64]bool{}}
		at := uint64(random.IntN(3)) * 1_000_000
		for range 20_000 {
			switch random.IntN(200) {
			case 0:
				at += uint64(random.IntN(3 * WindowSize)) // a leap
			default:
				at += uint64(random.IntN(4))
			}
			counter := at - min(at, uint64(random.IntN([]int{2, 100, WindowSize + 100}[random.IntN(3)])))
			if w.has(counter) != o.has(counter) {
				t.Fatalf("seed %d: counter %d, greatest %d: %t, want %t", seed, counter, o.greatest, w.has(counter), o.has(counter))
			}
			if !o.has(counter) {
				w.add(counter)
				o.add(counter)
			}
		}
	}
}

func TestNothingIsAllocatedForADatagram(t *testing.T) {
	s, o := NewSealer(someKey(t), 9), NewOpener(someKey(t), 9)
	frames, room := make([]byte, 1200), make([]byte, 0, 2000)
	if n := testing.AllocsPerRun(100, func() {
		d, err := s.Seal(room, frames)
		if err == nil {
			_, err = o.Open(d)
		}
		if err != nil {
			t.Fatal(err)
		}
		if _, err = o.Open(d); err == nil {
			t.Fatal("opened twice")
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

// Nothing but what was sealed is ever opened.
func FuzzOpen(f *testing.F) {
	s := NewSealer(someKey(f), 9)
	f.Add(sealOne(f, s, []byte("frames")), 0, byte(1))
	f.Add([]byte{Version}, 0, byte(0))
	f.Fuzz(func(t *testing.T, b []byte, at int, change byte) {
		o := NewOpener(someKey(t), 9)
		original := sealOne(t, NewSealer(someKey(t), 9), []byte("frames"))
		input := slices.Clone(b)
		if frames, err := o.Open(input); err == nil && !bytes.Equal(b, original) {
			t.Fatalf("opened %x: %q", b, frames)
		}
		d := slices.Clone(original)
		d[uint(at)%uint(len(d))] ^= change
		_, err := NewOpener(someKey(t), 9).Open(d)
		if (err == nil) != (change == 0) {
			t.Fatalf("byte %d changed by %x: %v", at, change, err)
		}
	})
}

func benchmarkSizes(b *testing.B, run func(b *testing.B, size int)) {
	for _, size := range []int{100, 1200, 16 << 10} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			b.SetBytes(int64(size))
			b.ReportAllocs()
			run(b, size)
		})
	}
}

func BenchmarkSeal(b *testing.B) {
	benchmarkSizes(b, func(b *testing.B, size int) {
		s, frames, room := NewSealer(someKey(b), 9), make([]byte, size), make([]byte, 0, size+SizeMin)
		for b.Loop() {
			if _, err := s.Seal(room, frames); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkOpen(b *testing.B) {
	benchmarkSizes(b, func(b *testing.B, size int) {
		d := sealOne(b, NewSealer(someKey(b), 9), make([]byte, size))
		o, work := NewOpener(someKey(b), 9), make([]byte, len(d))
		for b.Loop() {
			copy(work, d)
			o.window.greatest = 0
			if _, err := o.Open(work); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkForged is what a forged datagram costs.
func BenchmarkForged(b *testing.B) {
	benchmarkSizes(b, func(b *testing.B, size int) {
		d := make([]byte, size+SizeMin)
		d[0], d[4] = Version, 9
		o := NewOpener(someKey(b), 9)
		for b.Loop() {
			if _, err := o.Open(d); !errors.Is(err, ErrForged) {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkReplayed is what a datagram costs that was opened before.
func BenchmarkReplayed(b *testing.B) {
	d := sealOne(b, NewSealer(someKey(b), 9), make([]byte, 1200))
	o := NewOpener(someKey(b), 9)
	if _, err := o.Open(slices.Clone(d)); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if _, err := o.Open(d); err != ErrReplayed {
			b.Fatal(err)
		}
	}
}
