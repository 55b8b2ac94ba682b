package local

import (
	"bufio"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"

	"spinglass"
	"spinglass/protocol"
)

// Media types of the streams.
const (
	framesType = "application/vnd.spinglass.frames"
	linesType  = "application/x-ndjson"
	jsonType   = "application/json"
)

// Kinds of frames of a subscription.
const (
	frameMessage = 1
	frameGap     = 2
	frameEnd     = 3
	frameMatch   = 4 // a message of a topic that is not the one subscribed to, since that is a pattern
)

// Errors of reading frames.
var (
	errFrameLength = errors.New("malformed length of a frame")
	errFrameCut    = errors.New("the stream ends inside a frame")
	errFrameBody   = errors.New("malformed frame")
)

// tooLongError says that a frame exceeds the limit of its stream.
type tooLongError struct {
	length uint64
	limit  int
}

func (e *tooLongError) Error() string {
	return fmt.Sprintf("message of %d bytes exceeds the limit of %d", e.length, e.limit)
}

// AppendFrame appends one frame of a publishing stream: the length of payload and payload.
func AppendFrame(b, payload []byte) []byte {
	return append(binary.AppendUvarint(b, uint64(len(payload))), payload...)
}

// readFrame reads one frame into buffer, grown as needed, and returns its content. It ends with io.EOF between frames.
func readFrame(reader *bufio.Reader, buffer []byte, limit int) ([]byte, error) {
	length, err := readLength(reader)
	if err != nil {
		return buffer[:0], err
	}
	if length > uint64(limit) {
		return buffer[:0], &tooLongError{length: length, limit: limit}
	}
	buffer = buffer[:0]
	// A declared length is believed only as far as its bytes arrive.
	for len(buffer) < int(length) {
		start := len(buffer)
		step := min(int(length)-start, growStep)
		buffer = slices.Grow(buffer, step)[:start+step]
		if _, err := io.ReadFull(reader, buffer[start:]); err != nil {
			return buffer[:0], cutError(err)
		}
	}
	return buffer, nil
}

func readLength(reader *bufio.Reader) (uint64, error) {
	if _, err := reader.Peek(1); err != nil {
		return 0, err
	}
	var length uint64
	for shift := 0; shift < 64; shift += 7 {
		b, err := reader.ReadByte()
		if err != nil {
			return 0, cutError(err)
		}
		length |= uint64(b&0x7f) << shift
		if b < 0x80 {
			if b == 0 && shift > 0 || shift == 63 && b > 1 {
				return 0, errFrameLength // not the shortest form, or more than 64 bits
			}
			return length, nil
		}
	}
	return 0, errFrameLength
}

func cutError(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return errFrameCut
	}
	return err
}

// appendMessage appends the frame of a message of a subscription to a topic, or a pattern.
func appendMessage(b []byte, subscribed string, m *spinglass.Message) []byte {
	length := 1 + uvarintSize(uint64(len(m.From))) + len(m.From) + 8 + uvarintSize(m.Sequence) + len(m.Payload)
	if m.Topic == subscribed {
		b = binary.AppendUvarint(b, uint64(length))
		b = append(b, frameMessage)
	} else {
		b = binary.AppendUvarint(b, uint64(length+uvarintSize(uint64(len(m.Topic)))+len(m.Topic)))
		b = append(b, frameMatch)
		b = append(binary.AppendUvarint(b, uint64(len(m.Topic))), m.Topic...)
	}
	b = binary.AppendUvarint(b, uint64(len(m.From)))
	b = append(b, m.From...)
	b = binary.BigEndian.AppendUint64(b, uint64(m.FromID))
	b = binary.AppendUvarint(b, m.Sequence)
	return append(b, m.Payload...)
}

func uvarintSize(v uint64) int {
	n := 1
	for ; v >= 0x80; v >>= 7 {
		n++
	}
	return n
}

// gapBody and endBody are the JSON objects of their frames.
type (
	gapBody struct {
		Topic  string `json:"topic,omitempty"` // where it is not the one subscribed to
		From   string `json:"from"`
		FromID string `json:"id"`
		First  uint64 `json:"first"`
		Last   uint64 `json:"last"`
		Count  uint64 `json:"count"`
		Reason string `json:"reason"`
	}
	endBody struct {
		Error string `json:"error,omitempty"`
	}
)

func appendGap(b []byte, subscribed string, g *spinglass.Gap) []byte {
	topic := g.Topic
	if topic == subscribed {
		topic = ""
	}
	return appendJSON(b, frameGap, gapBody{
		Topic: topic, From: g.From, FromID: g.FromID.String(), First: g.First, Last: g.Last, Count: g.Count, Reason: g.Reason,
	})
}

func appendEnd(b []byte, reason error) []byte {
	var end endBody
	if reason != nil {
		end.Error = reason.Error()
	}
	return appendJSON(b, frameEnd, end)
}

func appendJSON(b []byte, kind byte, body any) []byte {
	encoded, err := json.Marshal(body)
	if err != nil {
		panic("local: a frame of strings and numbers cannot be encoded: " + err.Error())
	}
	b = binary.AppendUvarint(b, uint64(1+len(encoded)))
	b = append(b, kind)
	return append(b, encoded...)
}

// parseMatch reads the topic that the body of a frameMatch begins with, which it aliases, and returns the rest.
func parseMatch(body []byte) (topic, rest []byte, err error) {
	length, n := binary.Uvarint(body)
	if n <= 0 || length > protocol.TopicMax || int(length) > len(body)-n {
		return nil, nil, errFrameBody
	}
	return body[n : n+int(length)], body[n+int(length):], nil
}

// parseMessage reads the body of a message frame. author and payload alias it.
func parseMessage(body []byte) (author []byte, id protocol.NodeID, sequence uint64, payload []byte, err error) {
	length, n := binary.Uvarint(body)
	if n <= 0 || length > protocol.NameMax || int(length)+8 > len(body)-n {
		return nil, 0, 0, nil, errFrameBody
	}
	author, body = body[n:n+int(length)], body[n+int(length):]
	id, body = protocol.NodeID(binary.BigEndian.Uint64(body)), body[8:]
	sequence, n = binary.Uvarint(body)
	if n <= 0 {
		return nil, 0, 0, nil, errFrameBody
	}
	return author, id, sequence, body[n:], nil
}

// parseGap reads the body of a gap frame.
func parseGap(topic string, body []byte) (*spinglass.Gap, error) {
	var g gapBody
	if err := json.Unmarshal(body, &g); err != nil {
		return nil, errFrameBody
	}
	id, err := protocol.ParseNodeID(g.FromID)
	if err != nil {
		return nil, errFrameBody
	}
	if g.Topic != "" {
		topic = g.Topic
	}
	return &spinglass.Gap{
		Topic: topic, From: g.From, FromID: id, First: g.First, Last: g.Last, Count: g.Count, Reason: g.Reason,
	}, nil
}
