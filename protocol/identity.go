package protocol

import (
	"fmt"
	"strconv"
	"strings"
)

// NodeID names a member for as long as its data directory lives; a member without one gets a new NodeID with each start.
// Zero names nobody. NodeIDs are drawn at random, so that two members of a fleet of a million share one with
// probability 3e-8; the name of a member, not its NodeID, is what people and access rules refer to.
type NodeID uint64

// String returns the NodeID as 16 hexadecimal digits.
func (id NodeID) String() string { return fmt.Sprintf("%016x", uint64(id)) }

// ParseNodeID reads the form that String writes.
func ParseNodeID(s string) (NodeID, error) {
	v, err := strconv.ParseUint(s, 16, 64)
	if err != nil || len(s) != 16 {
		return 0, fmt.Errorf("protocol: node id %q is not 16 hexadecimal digits", s)
	}
	return NodeID(v), nil
}

// Address says where datagrams reach a member, in a form that only the driver interprets: "host:port" for package live,
// any text for package sim. A machine passes addresses on and compares them, and never looks inside.
type Address string

// Limits of names, in bytes.
const (
	NameMax    = 255 // a member's whole path, such as /eu/fra/web-1
	AddressMax = 255
	TopicMax   = 255
)

// CheckName reports why name cannot be the path of a member: it starts with a slash, has no empty component, and each
// component consists of letters, digits, '-', '_' and '.'.
func CheckName(name string) error {
	if len(name) > NameMax {
		return fmt.Errorf("name of %d bytes exceeds the limit of %d", len(name), NameMax)
	}
	if !strings.HasPrefix(name, "/") {
		return fmt.Errorf("name %q does not start with a slash (a name is a path, such as /eu/fra/web-1)", name)
	}
	for component := range strings.SplitSeq(name[1:], "/") {
		if component == "" {
			return fmt.Errorf("name %q has an empty component", name)
		}
		for _, r := range component {
			if !nameRune(r) {
				return fmt.Errorf("name %q holds %q; letters, digits, '-', '_' and '.' are allowed", name, r)
			}
		}
	}
	return nil
}

func nameRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_' || r == '.'
}

// Zone returns the path of the leaf zone that a member's name puts it in: all but the last component ("/" for "/web-1").
func Zone(name string) string {
	i := strings.LastIndexByte(name, '/')
	if i <= 0 {
		return "/"
	}
	return name[:i]
}
