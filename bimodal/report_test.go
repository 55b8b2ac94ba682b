package bimodal

import (
	"errors"
	"testing"

	"spinglass/protocol"
	"spinglass/wire"
)

// reportingDigest tells how four members fare with three of its streams.
func reportingDigest() *Digest {
	d := sampleDigest()
	d.Reporters = []protocol.NodeID{7, 1 << 63, 9}
	d.Samples = []Sample{
		{Entry: 0, Own: Lag{Packets: 300, Growth: growthScale}},
		{Entry: 5, Reports: []Report{{Reporter: 2, Age: 0, Lag: Lag{Packets: lagMax}}, {Reporter: 0, Age: reportAgeMax}}},
		{Entry: 31, Own: Lag{Packets: 1}, Reports: []Report{{Reporter: 1, Age: 3, Lag: Lag{Packets: 70_000, Growth: 12}}}},
	}
	return d
}

func TestReportsRefused(t *testing.T) {
	for name, change := range map[string]func(*Digest){
		"reporter out of the table": func(d *Digest) { d.Samples[1].Reports[0].Reporter = 3 },
		"reporter of zero":          func(d *Digest) { d.Reporters[0] = 0 },
		"report of long ago":        func(d *Digest) { d.Samples[1].Reports[1].Age = reportAgeMax + 1 },
		"sample of no entry":        func(d *Digest) { d.Samples[2].Entry = len(d.Entries) },
		"lag beyond the limit":      func(d *Digest) { d.Samples[0].Own.Packets = lagMax + 1 },
		"growth beyond the whole":   func(d *Digest) { d.Samples[0].Own.Growth = growthScale + 1 },
		"too many reporters":        func(d *Digest) { d.Reporters = make([]protocol.NodeID, reportersMax+1) },
		"too many reports":          func(d *Digest) { d.Samples[1].Reports = make([]Report, sampleReportsMax+1) },
	} {
		digest, decoder := reportingDigest(), Decoder{}
		change(digest)
		if _, err := decoder.Decode(wire.KindDigest, digest.Append(nil)); !errors.Is(err, wire.ErrRange) {
			t.Errorf("%s: error %v, want %v", name, err, wire.ErrRange)
		}
	}
	var decoder Decoder
	if _, err := decoder.Decode(wire.KindDigest, []byte{digestReports, 0, 0, 0, 0, 0}); !errors.Is(err, wire.ErrRange) {
		t.Errorf("an empty part of reports: %v", err)
	}
}
