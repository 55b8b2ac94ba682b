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

// Names below /auto are given by the system, and the limit of zones there is bounded by that of all zones.
func TestAutomaticZonesAreChecked(t *testing.T) {
	for name, valid := range map[string]bool{"/a": true, "/automatic": true, "/eu/auto/a": true, "/auto": false, "/auto/a": false, "/auto/3/a": false} {
		c := Config{Name: name}
		if err := c.check(); (err == nil) != valid || !valid && !errors.Is(err, ErrConfig) {
			t.Errorf("%s: %v, want valid %v", name, err, valid)
		}
	}
	for _, c := range []struct{ automatic, zone, want int }{
		{0, 0, AutomaticLimitDefault}, {0, 1000, AutomaticLimitDefault}, {200, 1000, 200}, {200, 0, 128}, {0, 32, 32}, {0, 4, 0}, {AutomaticLimitMin, 0, AutomaticLimitMin},
	} {
		config := Config{Name: "/a", AutomaticLimit: c.automatic, ZoneLimit: c.zone}
		if wire.FormatLatest < wire.FormatAutomatic {
			c.want = 0
		}
		if err := config.check(); err != nil || config.automaticLimit() != c.want {
			t.Errorf("%d in zones of %d: %d, %v, want %d", c.automatic, c.zone, config.automaticLimit(), err, c.want)
		}
	}
	for _, limit := range []int{-1, 1, AutomaticLimitMin - 1, ZoneLimitMax + 1} {
		c := Config{Name: "/a", AutomaticLimit: limit}
		if err := c.check(); !errors.Is(err, ErrConfig) {
			t.Errorf("automatic limit %d: %v", limit, err)
		}
	}
}
