package live

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"spinglass/protocol"
)

// Limits of a stream.
const (
	streamCompletionsMax = 4                // completions of one stream: opened, read, written, closed
	streamReadSize       = 64 << 10         // bytes handed over at once
	streamOpenTimeout    = 10 * time.Second // for connecting and greeting
	streamLinger         = 5 * time.Second  // for the peer to take what was written before a close
)

// greetingSize is version, sender and receiver. Both sides send one.
const greetingSize = 1 + 8 + 8

// greetingVersion differs from the first byte of common protocols.
const greetingVersion = 0xe1

var (
	errGreeting   = errors.New("live: not a greeting of a stream to this node")
	errStreamBusy = errors.New("live: a write of the stream is still under way")
	errStreamSize = fmt.Errorf("live: a write to a stream exceeds %d bytes", StreamWriteSizeMax)
)

// stream is a bulk stream. Two goroutines serve it: one opens it and then reads, the other writes.
type stream struct {
	// Of the loop.
	number  uint64
	busy    bool        // a write is under way
	closing bool        // the machine asked for the end
	held    bool        // the machine wants no more for now,
	owed    bool        // and the reader waits for that
	cause   error       // why the loop aborted the stream
	linger  *time.Timer // aborts it when the end takes too long

	peer    protocol.NodeID
	inbound bool          // the peer opened it; the loop chooses its number
	writes  chan []byte   // holds the write under way; closed by the loop to end the stream
	resume  chan struct{} // a token tells that the loop is done with what was read
	failed  chan error    // why writing ended early
	life    context.Context
	abort   context.CancelFunc // closes the connection, whatever it is doing
}

func newStream(lifetime context.Context, number uint64, peer protocol.NodeID) *stream {
	st := &stream{
		number: number, peer: peer, writes: make(chan []byte, 1), resume: make(chan struct{}, 1), failed: make(chan error, 1),
	}
	st.life, st.abort = context.WithCancel(lifetime)
	return st
}

func appendGreeting(b []byte, from, to protocol.NodeID) []byte {
	b = append(b, greetingVersion)
	b = binary.BigEndian.AppendUint64(b, uint64(from))
	return binary.BigEndian.AppendUint64(b, uint64(to))
}

// readGreeting returns who greets. self is whom the greeting must be for.
func readGreeting(conn io.Reader, self protocol.NodeID) (protocol.NodeID, error) {
	var b [greetingSize]byte
	if _, err := io.ReadFull(conn, b[:]); err != nil {
		return 0, err
	}
	from := protocol.NodeID(binary.BigEndian.Uint64(b[1:]))
	to := protocol.NodeID(binary.BigEndian.Uint64(b[9:]))
	if b[0] != greetingVersion || to != self || from == 0 || from == self {
		return 0, errGreeting
	}
	return from, nil
}

// greet exchanges greetings on an outbound connection.
func greet(conn net.Conn, self, peer protocol.NodeID) error {
	if err := conn.SetDeadline(time.Now().Add(streamOpenTimeout)); err != nil {
		return err
	}
	if _, err := conn.Write(appendGreeting(nil, self, peer)); err != nil {
		return err
	}
	from, err := readGreeting(conn, self)
	if err == nil && from != peer {
		err = errGreeting
	}
	if err != nil {
		return err
	}
	return conn.SetDeadline(time.Time{})
}

// answerGreeting exchanges greetings on an inbound connection.
func answerGreeting(conn net.Conn, self protocol.NodeID) (protocol.NodeID, error) {
	if err := conn.SetDeadline(time.Now().Add(streamOpenTimeout)); err != nil {
		return 0, err
	}
	peer, err := readGreeting(conn, self)
	if err != nil {
		return 0, err
	}
	if _, err := conn.Write(appendGreeting(nil, self, peer)); err != nil {
		return 0, err
	}
	return peer, conn.SetDeadline(time.Time{})
}

// serve carries an open stream until both directions have ended.
func (s *streams) serve(st *stream, conn net.Conn) {
	var writing sync.WaitGroup
	writing.Go(func() { s.write(st, conn) })
	err := s.read(st, conn)
	select {
	case err = <-st.failed:
	default:
	}
	s.finish(completion{kind: completionStreamClosed, stream: st, err: err})
	// A peer that has ended its side and takes nothing must not keep a stream for ever.
	_ = conn.SetWriteDeadline(time.Now().Add(s.linger))
	writing.Wait()
}

// read hands over what arrives, one piece at a time: the next read waits until the loop is done with the last, so that a slow machine
// slows its peer down.
func (s *streams) read(st *stream, conn net.Conn) error {
	buffer := make([]byte, streamReadSize)
	for {
		n, err := conn.Read(buffer)
		if n > 0 {
			s.finish(completion{kind: completionStreamRead, stream: st, data: buffer[:n]})
			select {
			case <-st.resume:
			case <-st.life.Done():
				return st.life.Err()
			}
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}

// write writes what the loop gives it, and in the end tells the peer that there is no more.
func (s *streams) write(st *stream, conn net.Conn) {
	for {
		var data []byte
		open := true
		select {
		case data, open = <-st.writes:
		case <-s.lifetime.Done():
			return
		}
		if !open {
			if half, ok := conn.(interface{ CloseWrite() error }); ok {
				_ = half.CloseWrite() // If it fails, the reading side learns why.
			}
			return
		}
		if _, err := conn.Write(data); err != nil {
			st.failed <- err
			st.abort()
			return
		}
		s.finish(completion{kind: completionStreamWritten, stream: st})
	}
}
