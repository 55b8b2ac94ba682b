package spinglass

import (
	"errors"
	"testing"

	"spinglass/bimodal"
	"spinglass/wire"
)

func TestDatagramSizeFollowsThePath(t *testing.T) {
	for _, c := range []struct {
		config Config
		want   int
	}{
		{Config{Listen: "127.0.0.1:0"}, wire.DatagramLoopback},
		{Config{Listen: "[::1]:7400"}, wire.DatagramLoopback},
		{Config{Listen: "localhost:7400", Advertise: "127.0.0.1:0"}, wire.DatagramLoopback},
		{Config{Listen: "127.0.0.1:0", Advertise: "10.0.0.5:7400"}, wire.DatagramDefault}, // something forwards from there
		{Config{Listen: ":7400"}, wire.DatagramDefault},
		{Config{Listen: "10.0.0.5:7400"}, wire.DatagramDefault},
		{Config{Listen: "10.0.0.5:7400", DatagramSize: 8900}, 8900},
		{Config{Listen: "127.0.0.1:0", DatagramSize: wire.DatagramMin}, wire.DatagramMin},
	} {
		if got := c.config.datagramSize(); got != c.want {
			t.Errorf("%s, advertised as %q, set to %d: %d, want %d", c.config.Listen, c.config.Advertise, c.config.DatagramSize, got, c.want)
		}
	}
}

func TestDatagramSizeIsChecked(t *testing.T) {
	for size, valid := range map[int]bool{
		0: true, wire.DatagramMin: true, wire.DatagramMax: true, 1: false, wire.DatagramMin - 1: false, wire.DatagramMax + 1: false, -1: false,
	} {
		c := Config{Name: "/a", DatagramSize: size}
		if err := c.check(); (err == nil) != valid || !valid && !errors.Is(err, ErrConfig) {
			t.Errorf("datagram size %d: %v, want valid %v", size, err, valid)
		}
	}
}

func TestRepairBufferIsChecked(t *testing.T) {
	for size, valid := range map[int]bool{
		0: true, RepairBufferMin: true, RepairBufferDefault: true, RepairBufferMax: true, RepairBufferMin - 1: false, RepairBufferMax + 1: false, -1: false,
	} {
		c := Config{Name: "/a", RepairBuffer: size}
		if err := c.check(); (err == nil) != valid || !valid && !errors.Is(err, ErrConfig) {
			t.Errorf("repair buffer of %d bytes: %v, want valid %v", size, err, valid)
		}
	}
	if want := bimodal.DefaultConfig().BufferBytes; RepairBufferDefault != want {
		t.Errorf("the default is %d, that of the protocol %d", RepairBufferDefault, want)
	}
}
