package protocol_test

import (
	"strings"
	"testing"

	"spinglass/protocol"
)

func TestCheckName(t *testing.T) {
	for name, valid := range map[string]bool{
		"/a": true, "/eu/fra/web-1": true, "/a_b.c/0": true,
		"": false, "a": false, "/": false, "/a/": false, "//a": false, "/a b": false, "/ä": false, "/a\n": false,
		"/" + strings.Repeat("x", protocol.NameMax-1): true,
		"/" + strings.Repeat("x", protocol.NameMax):   false,
	} {
		if err := protocol.CheckName(name); (err == nil) != valid {
			t.Errorf("CheckName(%.20q) = %v, want valid %v", name, err, valid)
		}
	}
}

func TestZone(t *testing.T) {
	for name, zone := range map[string]string{"/a": "/", "/lab/a1": "/lab", "/eu/fra/web-1": "/eu/fra"} {
		if got := protocol.Zone(name); got != zone {
			t.Errorf("Zone(%q) = %q, want %q", name, got, zone)
		}
	}
}

func TestParseNodeID(t *testing.T) {
	id := protocol.NodeID(0xfedcba9876543210)
	if got, err := protocol.ParseNodeID(id.String()); err != nil || got != id {
		t.Fatalf("ParseNodeID(%s) = %v, %v", id, got, err)
	}
	for _, s := range []string{"", "1", "fedcba987654321", "fedcba98765432100", "gedcba9876543210", "-edcba9876543210"} {
		if _, err := protocol.ParseNodeID(s); err == nil {
			t.Errorf("ParseNodeID(%q) gave no error", s)
		}
	}
}
