package live

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"strconv"
	"strings"

	"spinglass/protocol"
	"spinglass/wire"
)

// Services of secured connections. What the ends name to each other (ALPN) is a service, a slash and a format, so that they take the latest format that both speak.
const (
	protocolLink   = "spinglass-link"
	protocolStream = "spinglass-stream"
	protocolRelay  = "spinglass-relay"
	// protocolFormats has no format: ends that have none in common agree on it, and tell each other which they speak. So do those of which one wants what the other does not
	// offer. It stays as it is in all formats.
	protocolFormats = "spinglass-formats"
)

// formats are those from one to another that a node speaks.
type formats struct{ oldest, latest uint64 }

// formats returns those of the node: all that this build speaks, but in tests.
func (s *Security) formats() formats {
	if s.spoken != nil {
		return *s.spoken
	}
	return formats{wire.FormatOldest, wire.FormatLatest}
}

// String returns "1 to 2", or "2".
func (f formats) String() string {
	if f.oldest == f.latest {
		return strconv.FormatUint(f.latest, 10)
	}
	return fmt.Sprintf("%d to %d", f.oldest, f.latest)
}

// names returns the names of a service in all formats, latest first.
func (f formats) names(service string) (names []string) {
	for format := f.latest; format >= f.oldest; format-- {
		names = append(names, service+"/"+strconv.FormatUint(format, 10))
	}
	return names
}

// splitProtocol returns the service and the format that a name stands for, format 0 for a name without one.
func splitProtocol(name string) (service string, format uint64) {
	if i := strings.LastIndexByte(name, '/'); i >= 0 {
		if format, err := strconv.ParseUint(name[i+1:], 10, 64); err == nil {
			return name[:i], format
		}
	}
	return name, 0
}

// formatsMax is how many bytes the ends tell each other, without the first that counts them. Later formats may add to what this one reads.
const formatsMax = 255

func (f formats) append(b []byte) []byte {
	start := len(b)
	b = wire.AppendUvarint(wire.AppendUvarint(append(b, 0), f.oldest), f.latest)
	b[start] = byte(len(b) - start - 1)
	return b
}

func readFormats(conn io.Reader) (formats, error) {
	var b [1 + formatsMax]byte
	if _, err := io.ReadFull(conn, b[:1]); err != nil {
		return formats{}, err
	}
	body := b[1 : 1+int(b[0])]
	if _, err := io.ReadFull(conn, body); err != nil {
		return formats{}, err
	}
	r := wire.NewReader(body)
	f := formats{r.Uvarint(), r.Uvarint()}
	if err := r.Err(); err != nil {
		return formats{}, err
	}
	if f.oldest == 0 || f.oldest > f.latest {
		return formats{}, errHello
	}
	return f, nil
}

var errFormats = errors.New("no format in common")

// tellFormats is all that is done with a connection whose ends have no format of a service in common. It returns an error that says so. Who the other end is has not been shown.
func (h *handshakes) tellFormats(conn *tls.Conn, subject string) error {
	own := h.security.formats()
	if _, err := conn.Write(own.append(nil)); err != nil {
		return err
	}
	other, err := readFormats(conn)
	if err != nil {
		return err
	}
	if other.oldest <= own.latest && own.oldest <= other.latest {
		return errNoProtocol // it offers less than it could
	}
	advice := "upgrade the other end"
	if other.oldest > own.latest {
		advice = "upgrade this node"
	}
	return &policyError{fmt.Errorf("%w: the other end speaks %s, this node %s; %s", errFormats, other, own, advice), subject}
}

// understood reports whether a message may go to whoever is at a route: unless there is a link by which its kind is of a format that is not spoken there. As long as there is none it
// waits, and comes back here.
func (n *Node) understood(now protocol.Time, route netip.AddrPort, m protocol.Message) bool {
	format := wire.KindFormat(m.Kind())
	if format <= wire.FormatOldest || n.links == nil {
		return true
	}
	s := n.links.sessionAt(now, route)
	return s == nil || s.format >= format
}

// speaking returns those of the peers by whose links a message may go: its kind is of a format that they speak. There is no link where links are not sealed, and where one is
// only wanted; what waits for one comes back here.
func (n *Node) speaking(now protocol.Time, ids []protocol.NodeID, m protocol.Message) []protocol.NodeID {
	format := wire.KindFormat(m.Kind())
	if format <= wire.FormatOldest || n.links == nil {
		return ids
	}
	var known []protocol.NodeID
	for _, id := range ids {
		if s := n.links.sessionWith(now, id); s != nil && s.format < format {
			n.drop(id, ReasonFormat, 1)
		} else {
			known = append(known, id)
		}
	}
	return known
}
