package stack_test

import (
	"errors"
	"slices"
	"testing"

	"spinglass/astrolabe"
	"spinglass/bimodal"
	"spinglass/membership"
	"spinglass/stack"
	"spinglass/vsync"
	"spinglass/wire"
)

// Every kind of message that a machine of a node receives is one that its decoder knows: what is missing there would never arrive over sockets, and nowhere else would it show.
func TestDecoderKnowsAllKinds(t *testing.T) {
	var d stack.Decoder
	for _, kind := range slices.Concat(membership.Kinds(), bimodal.Kinds(), astrolabe.Kinds(), vsync.Kinds()) {
		if _, err := d.Decode(kind, nil); errors.Is(err, wire.ErrKind) {
			t.Errorf("kind %d is not decoded", kind)
		}
	}
	if _, err := d.Decode(wire.KindTest, nil); !errors.Is(err, wire.ErrKind) {
		t.Errorf("a kind that no machine receives is decoded: %v", err)
	}
}
