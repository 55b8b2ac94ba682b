package sim

import (
	"slices"
	"testing"
	"time"

	"spinglass/protocol"
)

func TestPersistIsDurableAtCompletionOnly(t *testing.T) {
	w := New(Config{Cost: Cost{Persist: time.Millisecond}})
	cast(w, 1, actor{})
	do(w, 1, &protocol.Persist{Number: 1, Key: "a", Value: []byte("1")})
	do(w, 1, &protocol.Persist{Number: 2, Key: "b", Value: []byte("2")})
	w.Run(ms(1.5))
	if _, found := w.Disk(1).Get("b"); found {
		t.Error("durable before its completion")
	}
	w.Restart(1, true)
	w.Run(ms(10))
	if value, found := w.Disk(1).Get("a"); !found || string(value) != "1" {
		t.Errorf("a is %q after the crash, want 1", value)
	}
	if _, found := w.Disk(1).Get("b"); found {
		t.Error("a write that a crash overtook is durable")
	}
	if got := actorOf(w, 1).events; len(got) != 0 {
		t.Errorf("the new machine was told %v of the old one's work", got)
	}
	if w.Stats().WorkLost != 1 {
		t.Errorf("%d completions lost, want 1", w.Stats().WorkLost)
	}
}

func TestDiskIsSorted(t *testing.T) {
	w := New(Config{})
	cast(w, 1, actor{})
	for _, key := range []string{"c", "a", "b", "a"} {
		do(w, 1, &protocol.Persist{Key: key, Value: []byte(key + key)})
	}
	w.Run(1)
	var keys []string
	for key := range w.Disk(1).All() {
		keys = append(keys, key)
	}
	if !slices.Equal(keys, []string{"a", "b", "c"}) {
		t.Errorf("keys %v, want a, b, c", keys)
	}
}

func TestPersistValueMustNotChange(t *testing.T) {
	w := New(Config{Cost: Cost{Persist: time.Millisecond}})
	cast(w, 1, actor{})
	value := []byte("value")
	do(w, 1, &protocol.Persist{Key: "a", Value: value})
	w.Run(1)
	value[0] = 'V'
	mustPanic(t, "changed before it was durable", func() { w.Run(seconds(1)) })
}

func TestSignAndVerify(t *testing.T) {
	for _, real := range []bool{false, true} {
		w := New(Config{Seed: 3, Ed25519: real})
		cast(w, 2, actor{})
		do(w, 1, &protocol.Sign{Number: 1, Context: "c", Message: []byte("m")})
		w.Run(1)
		signature := actorOf(w, 1).events[0].(protocol.Signed).Signature
		if len(signature) != 64 {
			t.Fatalf("a signature of %d bytes", len(signature))
		}
		altered := slices.Clone(signature)
		altered[63] ^= 1
		good := protocol.Check{PublicKey: w.PublicKey(1), Context: "c", Message: []byte("m"), Signature: signature}
		for i, checks := range [][]protocol.Check{
			{good},
			{good, good, good},
			{{PublicKey: w.PublicKey(2), Context: "c", Message: []byte("m"), Signature: signature}},
			{{PublicKey: w.PublicKey(1), Context: "d", Message: []byte("m"), Signature: signature}},
			{{PublicKey: w.PublicKey(1), Context: "c", Message: []byte("n"), Signature: signature}},
			{{PublicKey: w.PublicKey(1), Context: "c", Message: []byte("m"), Signature: altered}},
			{{PublicKey: w.PublicKey(1), Context: "cm", Message: nil, Signature: signature}},
			{good, {}},
			{},
		} {
			do(w, 2, &protocol.Verify{Number: uint64(i), Checks: checks})
			w.Run(w.Now() + 1)
			events := actorOf(w, 2).events
			if got, want := events[len(events)-1], (protocol.Verified{Number: uint64(i), Valid: i < 2}); got != want {
				t.Errorf("Ed25519 %v, verification %d: %v, want %v", real, i, got, want)
			}
		}
	}
}

// A host signs with the key that is asked for, be it the latest or not, and with none that it never had.
func TestNewKey(t *testing.T) {
	for _, real := range []bool{false, true} {
		w := New(Config{Seed: 3, Ed25519: real})
		cast(w, 2, actor{})
		first, second := w.PublicKey(1), w.NewKey(1)
		if slices.Equal(first, second) || !slices.Equal(second, w.PublicKey(1)) || slices.Equal(second, w.PublicKey(2)) {
			t.Fatalf("keys %x, %x", first, second)
		}
		for i, key := range [][]byte{first, second, nil, w.PublicKey(2)} {
			do(w, 1, &protocol.Sign{Number: uint64(i), PublicKey: key, Context: "c", Message: []byte("m")})
			w.Run(w.Now() + 1)
			signature := actorOf(w, 1).events[i].(protocol.Signed).Signature
			under := [][]byte{first, second, second, w.PublicKey(2)}[i]
			valid, _ := w.verify([]protocol.Check{{PublicKey: under, Context: "c", Message: []byte("m"), Signature: signature}})
			if valid != (i < 3) {
				t.Errorf("Ed25519 %v, signature %d: valid %v", real, i, valid)
			}
		}
	}
}

// Each check takes the time of one, and what follows the first that does not match takes none.
func TestChecksTakeTime(t *testing.T) {
	w := New(Config{Cost: Cost{Cores: 2, Verify: 2 * time.Millisecond}})
	cast(w, 1, actor{})
	message := []byte("m")
	good := protocol.Check{PublicKey: w.PublicKey(1), Message: message, Signature: ModelSignature(w.PublicKey(1), "", message)}
	w.Command(1, func(_ protocol.Time, _ protocol.Machine, out *protocol.Output) {
		out.Do(&protocol.Verify{Checks: []protocol.Check{good, good, good}})
		out.Do(&protocol.Verify{Checks: []protocol.Check{good, {}, good}})
	})
	w.Run(seconds(1))
	if got := actorOf(w, 1).notified; !slices.Equal(got, []protocol.Time{ms(6), ms(10)}) {
		t.Errorf("verified at %v", got)
	}
}

// "One core or several": with one core verification delays the loop, with three two run beside it.
func TestCores(t *testing.T) {
	for cores, want := range map[int][]protocol.Time{
		1: {ms(8), ms(8), ms(8), ms(8)}, 2: {ms(2), ms(4), ms(6), ms(8)}, 3: {ms(2), ms(2), ms(4), ms(4)},
	} {
		w := New(Config{Cost: Cost{Cores: cores, Verify: 2 * time.Millisecond}})
		cast(w, 1, actor{})
		w.Command(1, func(_ protocol.Time, _ protocol.Machine, out *protocol.Output) {
			for i := range 4 {
				out.Do(&protocol.Verify{Number: uint64(i)})
			}
		})
		w.Run(seconds(1))
		if got := actorOf(w, 1).notified; !slices.Equal(got, want) {
			t.Errorf("%d cores: verified at %v, want %v", cores, got, want)
		}
	}
}

func TestWorkIsBounded(t *testing.T) {
	w := New(Config{Cost: Cost{Cores: 2, Verify: time.Second, Sign: time.Second, Persist: time.Second}})
	cast(w, 1, actor{})
	w.Command(1, func(_ protocol.Time, _ protocol.Machine, out *protocol.Output) {
		for range WorkMax {
			out.Do(&protocol.Verify{})
		}
		out.Do(&protocol.Persist{Number: 1, Key: "k"})
		out.Do(&protocol.Sign{Number: 2})
	})
	w.Run(ms(1))
	want := []protocol.Event{protocol.Persisted{Number: 1, Key: "k", Err: ErrWorkMax}, protocol.Signed{Number: 2}}
	got := actorOf(w, 1).events
	if len(got) != 2 || got[0] != want[0] || got[1].(protocol.Signed).Signature != nil {
		t.Errorf("events %v, want %v", got, want)
	}
	if w.Stats().WorkRefused != 2 {
		t.Errorf("%d refused, want 2", w.Stats().WorkRefused)
	}
}
