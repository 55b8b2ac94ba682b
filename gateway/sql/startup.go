package sql

import (
	"context"
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"time"
)

// Numbers by which a client begins.
const (
	beginsCancel   = 80877102
	beginsTLS      = 80877103
	beginsGSS      = 80877104
	versionMajor   = 3
	beginningsMax  = 4 // before a client has to say its version
	cancelBodySize = 8
)

// begin reads how a client begins, up to the message that says its version, which the library reads again. It returns nil when nothing more is to be done for the client.
func (s *Server) begin(conn net.Conn) *client {
	c := &client{Conn: conn, server: s, deadline: time.Now().Add(s.handshakeTime)}
	_ = conn.SetDeadline(c.deadline)
	encrypted := false
	for range beginningsMax {
		var head [8]byte
		if _, err := io.ReadFull(c.Conn, head[:]); err != nil {
			s.gateway.stats.handshakesFailed.Add(1)
			return nil
		}
		length, code := binary.BigEndian.Uint32(head[:4]), binary.BigEndian.Uint32(head[4:])
		switch {
		case code == beginsCancel && length == 8+cancelBodySize:
			s.cancel(c)
			return nil
		case code == beginsTLS && s.options.TLS != nil && !encrypted:
			if !s.encrypt(c) {
				s.gateway.stats.handshakesFailed.Add(1)
				return nil
			}
			encrypted = true
		case code == beginsTLS, code == beginsGSS:
			if _, err := c.Conn.Write([]byte{'N'}); err != nil {
				return nil
			}
		case length < 8 || length > startupMax || code>>16 != versionMajor:
			s.gateway.stats.handshakesFailed.Add(1)
			_ = c.end(errorf(codeProtocol, "this is no beginning of version 3 of the protocol"))
			return nil
		case s.options.TLS != nil && !encrypted:
			s.gateway.stats.handshakesFailed.Add(1)
			_ = c.end(errorf(codeAuthorization, "connections here are encrypted: use sslmode=require, or verify-full"))
			return nil
		default:
			return s.greet(c, head[:], int(length))
		}
	}
	s.gateway.stats.handshakesFailed.Add(1)
	return nil
}

// greet reads the rest of the message that says the version.
func (s *Server) greet(c *client, head []byte, length int) *client {
	message := make([]byte, length)
	copy(message, head)
	if _, err := io.ReadFull(c.Conn, message[len(head):]); err != nil {
		s.gateway.stats.handshakesFailed.Add(1)
		return nil
	}
	c.in = message
	_ = c.Conn.SetDeadline(time.Time{})
	return c
}

// encrypt goes on over TLS.
func (s *Server) encrypt(c *client) bool {
	if _, err := c.Conn.Write([]byte{'S'}); err != nil {
		return false
	}
	encrypted := tls.Server(c.Conn, s.options.TLS)
	ctx, cancel := context.WithDeadline(context.Background(), c.deadline)
	defer cancel()
	if err := encrypted.HandshakeContext(ctx); err != nil {
		return false
	}
	c.Conn, c.certified = encrypted, len(encrypted.ConnectionState().VerifiedChains) > 0
	return true
}

// cancel ends the statement of another connection, whose client knows its secret.
func (s *Server) cancel(c *client) {
	var body [cancelBodySize]byte
	if _, err := io.ReadFull(c.Conn, body[:]); err != nil {
		return
	}
	number, secret := int32(binary.BigEndian.Uint32(body[:])), int32(binary.BigEndian.Uint32(body[4:]))
	s.mu.Lock()
	other := s.clients[number]
	s.mu.Unlock()
	if other == nil || other.secret != secret {
		return
	}
	other.mu.Lock()
	defer other.mu.Unlock()
	if other.session != nil {
		other.session.cancel()
	}
}
