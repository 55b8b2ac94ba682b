package sql

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"os"
	"sync"
	"time"
)

// client is a connection whose messages are looked at before the protocol's library gets them: it takes a length from a client as it is, and a wrong one would end the process. It bounds messages, silence and
// whoever takes nothing, and gathers what is written until the server waits for the client.
type client struct {
	net.Conn
	server    *Server
	number    int32
	secret    int32
	certified bool // by a certificate

	mu       sync.Mutex // of session, which cancel needs
	session  *session
	results  []*result // that are not known to have gone
	deadline time.Time // of the handshake; zero when it is done

	in    []byte // what the library has not read yet
	space []byte // where messages are read into
	out   []byte
	ended bool
}

// address is what the library tells of a connection: the client itself can be found by it.
type address struct {
	net.Addr
	client *client
}

// RemoteAddr implements net.Conn.
func (c *client) RemoteAddr() net.Addr { return &address{c.Conn.RemoteAddr(), c} }

// Read implements io.Reader, a message at a time.
func (c *client) Read(p []byte) (int, error) {
	if len(c.in) == 0 {
		if err := c.flush(); err != nil {
			return 0, err
		}
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	n := copy(p, c.in)
	c.in = c.in[n:]
	return n, nil
}

// headerSize is that of a message: a byte that says what it is, and four for the length of the rest with themselves.
const headerSize = 5

// next reads a message.
func (c *client) next() error {
	until := c.deadline
	if until.IsZero() {
		until = time.Now().Add(c.server.idleTime)
	}
	_ = c.Conn.SetReadDeadline(until)
	var header [headerSize]byte
	if _, err := io.ReadFull(c.Conn, header[:]); err != nil {
		return c.silent(err)
	}
	length := int64(binary.BigEndian.Uint32(header[1:])) - 4
	if length < 0 || length > MessageMax-headerSize {
		return c.tooLong(length)
	}
	if c.space == nil {
		c.space = make([]byte, MessageMax)
	}
	message := c.space[:headerSize+length]
	copy(message, header[:])
	if _, err := io.ReadFull(c.Conn, message[headerSize:]); err != nil {
		return c.silent(err)
	}
	if message[0] == 'B' && !boundProperly(message[headerSize:]) {
		c.server.gateway.stats.messagesRefused.Add(1)
		return c.end(errorf(codeProtocol, "a malformed message"))
	}
	c.in = message
	return nil
}

// silent tells a client that was silent for too long, and returns why it goes.
func (c *client) silent(err error) error {
	if !errors.Is(err, os.ErrDeadlineExceeded) {
		return io.EOF
	}
	if !c.deadline.IsZero() {
		c.server.gateway.stats.handshakesFailed.Add(1)
		return c.end(errorf(codeAuthorization, "the client did not say who it is within %v", c.server.handshakeTime))
	}
	c.server.gateway.stats.idle.Add(1)
	return c.end(errorf(codeIdle, "terminating connection: nothing was asked for %v", c.server.idleTime))
}

// tooLong refuses a message. What comes of it is read for a moment, so that the client gets to know.
func (c *client) tooLong(length int64) error {
	c.server.gateway.stats.messagesRefused.Add(1)
	err := c.end(errorf(codeLimit, "a message of %d bytes exceeds the limit of %d", length, MessageMax))
	_ = c.Conn.SetReadDeadline(time.Now().Add(WriteTime))
	_, _ = io.CopyN(io.Discard, c.Conn, max(length, 0))
	return err
}

// end tells the client why the connection ends.
func (c *client) end(reason *Error) error {
	if !c.ended {
		c.ended = true
		c.out = appendError(c.out, reason)
		_ = c.flush()
	}
	return io.EOF
}

// boundProperly reports whether the lengths in a Bind message are those of what is there.
func boundProperly(body []byte) bool {
	for range 2 { // the names of portal and statement
		at := bytes.IndexByte(body, 0)
		if at < 0 {
			return false
		}
		body = body[at+1:]
	}
	formats, body, ok := uint16Of(body)
	if !ok || len(body) < 2*formats {
		return false
	}
	values, body, ok := uint16Of(body[2*formats:])
	if !ok || values > ParametersMax {
		return false
	}
	for range values {
		if len(body) < 4 {
			return false
		}
		length := int32(binary.BigEndian.Uint32(body))
		body = body[4:]
		if length < -1 || int(length) > len(body) {
			return false
		}
		body = body[max(length, 0):]
	}
	results, body, ok := uint16Of(body)
	return ok && len(body) == 2*results
}

func uint16Of(b []byte) (int, []byte, bool) {
	if len(b) < 2 {
		return 0, nil, false
	}
	return int(binary.BigEndian.Uint16(b)), b[2:], true
}

// versionPrefix is how the library begins to tell its version, which is none of PostgreSQL's.
var versionPrefix = []byte("server_version\x00")

// Write implements io.Writer. The library writes a message at a time.
func (c *client) Write(p []byte) (int, error) {
	if len(p) > headerSize && p[0] == 'S' && bytes.HasPrefix(p[headerSize:], versionPrefix) {
		value := append(append([]byte{}, versionPrefix...), serverVersion+"\x00"...)
		c.out = append(appendHeader(c.out, 'S', len(value)), value...)
		return len(p), nil
	}
	c.out = append(c.out, p...)
	if len(c.out) >= writeBuffer {
		return len(p), c.flush()
	}
	return len(p), nil
}

// flush sends what was gathered. A client that takes nothing of it for too long is cut off.
func (c *client) flush() error {
	if len(c.out) == 0 {
		return nil
	}
	_ = c.Conn.SetWriteDeadline(time.Now().Add(c.server.writeTime))
	_, err := c.Conn.Write(c.out)
	c.out = c.out[:0]
	if cap(c.out) > 2*writeBuffer {
		c.out = nil
	}
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.server.gateway.stats.stalled.Add(1)
	}
	return err
}

// Close implements io.Closer.
func (c *client) Close() error {
	_ = c.flush()
	err := c.Conn.Close()
	c.server.forget(c)
	return err
}

// appendHeader appends the header of a message.
func appendHeader(b []byte, message byte, length int) []byte {
	return binary.BigEndian.AppendUint32(append(b, message), uint32(length+4))
}

// appendError appends the message that ends a connection.
func appendError(b []byte, e *Error) []byte {
	var body []byte
	for _, field := range []struct {
		letter byte
		text   string
	}{{'S', "FATAL"}, {'V', "FATAL"}, {'C', e.Code}, {'M', e.Message}} {
		body = append(append(append(body, field.letter), field.text...), 0)
	}
	body = append(body, 0)
	return append(appendHeader(b, 'E', len(body)), body...)
}
