package wire

import (
	"testing"

	"spinglass/protocol"
)

// Kinds that came with a later format are named here on purpose: KindFormat is part of what members of neighbouring versions agree on. What goes to groups all formats know.
func TestKindFormat(t *testing.T) {
	later := map[protocol.Kind]uint64{
		KindBeacon: 2, KindTopicName: 3, KindReceipt: 3, KindZoneDigest: 3, KindZoneDelta: 3, KindFunctionPart: 3, KindZoneAsk: 3, KindZonePiece: 3, KindAccountQuestion: 3,
		KindAccountPiece: 3, KindCredentialRequest: 3, KindCredential: 3,
	}
	for kind := range protocol.Kind(128) {
		want := max(FormatOldest, later[kind])
		if kind >= KindGroupFirst && kind <= KindGroupLast {
			want = 5
		}
		if got := KindFormat(kind); got != want || ToGroups(kind) && got != FormatOldest {
			t.Errorf("kind %d is of format %d, want %d", kind, got, want)
		}
	}
}
