package relay

import (
	"encoding/binary"
	"errors"

	"spinglass/protocol"
	"spinglass/wire"
)

// Kind is what a frame is.
type Kind byte

// The kinds of frames. Their numbers are part of encodings and stay.
const (
	KindDatagrams Kind = 1 // datagrams of one size, the last may be shorter
	KindAbsent    Kind = 2 // to a client: the member is not there, or has just left
	KindPing      Kind = 3 // asks the other end for a pong
	KindPong      Kind = 4
	KindOpen      Kind = 5 // begins a stream
	KindAccept    Kind = 6 // it is there
	KindData      Kind = 7 // bytes of a stream
	KindCredit    Kind = 8 // so many bytes more may be sent
	KindClose     Kind = 9 // the stream has ended, in both directions
)

// Reason tells why a stream has ended.
type Reason byte

// The reasons. Their numbers are part of encodings and stay.
const (
	ReasonEnded   Reason = 0 // an end has closed it
	ReasonAbsent  Reason = 1 // the member is not there
	ReasonRefused Reason = 2 // beyond a limit
	ReasonBroken  Reason = 3 // something of it could not be carried
)

// Sizes of encodings.
const (
	HeaderSize   = 1 + 8 + 3
	streamSize   = 4 + 1 // number, and which end has opened it
	BodyMax      = 2 + DatagramsSizeMax
	creditSize   = streamSize + 4
	closeSize    = streamSize + 1
	datagramsMin = 2 + 1
)

// Errors of frames.
var (
	ErrFrameSize = errors.New("relay: frame of a size that its kind does not have")
	ErrFrame     = errors.New("relay: malformed frame")
)

// Header is what stands before the body of a frame.
type Header struct {
	Kind Kind
	Peer protocol.NodeID // to the gateway: for whom; from it: from whom; 0: the gateway, or nobody
	Size int             // of the body
}

// Frame is one frame.
type Frame struct {
	Kind    Kind
	Peer    protocol.NodeID
	Segment int    // bytes of each datagram but the last; 0 when there is one
	Stream  uint32 // number of a stream, which the end that opened it has chosen
	Opener  bool   // the sender of the frame has opened the stream
	Credit  int    // 1 to Window
	Reason  Reason
	Data    []byte // datagrams, or bytes of a stream; aliases what was decoded
}

// sizes returns which sizes the body of a kind may have.
func (k Kind) sizes() (least, most int, known bool) {
	switch k {
	case KindDatagrams:
		return datagramsMin, BodyMax, true
	case KindAbsent, KindPing, KindPong:
		return 0, 0, true
	case KindOpen, KindAccept:
		return streamSize, streamSize, true
	case KindData:
		return streamSize + 1, streamSize + DataMax, true
	case KindCredit:
		return creditSize, creditSize, true
	case KindClose:
		return closeSize, closeSize, true
	}
	return 0, BodyMax, false
}

// DecodeHeader decodes HeaderSize bytes. Frames of unknown kinds are to be skipped, so that later versions may have some.
func DecodeHeader(b []byte) (h Header, known bool, err error) {
	if len(b) != HeaderSize {
		return Header{}, false, wire.ErrShort
	}
	h = Header{Kind: Kind(b[0]), Peer: protocol.NodeID(binary.BigEndian.Uint64(b[1:])), Size: int(b[9])<<16 | int(binary.BigEndian.Uint16(b[10:]))}
	least, most, known := h.Kind.sizes()
	if h.Size < least || h.Size > most {
		return Header{}, known, ErrFrameSize
	}
	return h, known, nil
}

// Decode decodes the body of a frame of a known kind.
func (h Header) Decode(body []byte) (Frame, error) {
	f := Frame{Kind: h.Kind, Peer: h.Peer}
	if len(body) != h.Size {
		return Frame{}, ErrFrameSize
	}
	r := wire.NewReader(body)
	switch h.Kind {
	case KindDatagrams:
		if b := r.Take(2); b != nil {
			f.Segment = int(binary.BigEndian.Uint16(b))
		}
		f.Data = r.Take(r.Len())
		if size := len(f.Data); size == 0 || f.Segment > 0 && (f.Segment >= size || f.Count() > DatagramsCountMax) {
			r.Fail(ErrFrame)
		}
	case KindAbsent, KindPing, KindPong:
	default:
		h.decodeStream(&r, &f)
	}
	if err := r.Done(); err != nil {
		return Frame{}, err
	}
	return f, nil
}

func (h Header) decodeStream(r *wire.Reader, f *Frame) {
	if b := r.Take(4); b != nil {
		f.Stream = binary.BigEndian.Uint32(b)
	}
	opener := r.Byte()
	f.Opener = opener == 1
	if opener > 1 {
		r.Fail(ErrFrame)
	}
	switch h.Kind {
	case KindOpen, KindAccept:
		if f.Opener != (h.Kind == KindOpen) {
			r.Fail(ErrFrame)
		}
	case KindData:
		f.Data = r.Take(r.Len())
	case KindCredit:
		if b := r.Take(4); b != nil {
			f.Credit = int(binary.BigEndian.Uint32(b))
		}
		if f.Credit < 1 || f.Credit > Window {
			r.Fail(ErrFrame)
		}
	case KindClose:
		if f.Reason = Reason(r.Byte()); f.Reason > ReasonBroken {
			r.Fail(ErrFrame)
		}
	default:
		r.Fail(ErrFrame)
	}
}

// Count returns how many datagrams a frame has.
func (f *Frame) Count() int {
	if f.Segment == 0 {
		return 1
	}
	return (len(f.Data) + f.Segment - 1) / f.Segment
}

// size returns the length of the body.
func (f *Frame) size() int {
	switch f.Kind {
	case KindDatagrams:
		return 2 + len(f.Data)
	case KindOpen, KindAccept:
		return streamSize
	case KindData:
		return streamSize + len(f.Data)
	case KindCredit:
		return creditSize
	case KindClose:
		return closeSize
	}
	return 0
}

// Size returns how many bytes Append adds.
func (f *Frame) Size() int { return HeaderSize + f.size() }

// Append encodes a frame, which keeps to the limits.
func (f *Frame) Append(b []byte) []byte {
	b = wire.AppendFixed64(append(b, byte(f.Kind)), uint64(f.Peer))
	size := f.size()
	b = binary.BigEndian.AppendUint16(append(b, byte(size>>16)), uint16(size))
	switch f.Kind {
	case KindDatagrams:
		return append(binary.BigEndian.AppendUint16(b, uint16(f.Segment)), f.Data...)
	case KindAbsent, KindPing, KindPong:
		return b
	}
	b = binary.BigEndian.AppendUint32(b, f.Stream)
	if f.Opener {
		b = append(b, 1)
	} else {
		b = append(b, 0)
	}
	switch f.Kind {
	case KindData:
		b = append(b, f.Data...)
	case KindCredit:
		b = binary.BigEndian.AppendUint32(b, uint32(f.Credit))
	case KindClose:
		b = append(b, byte(f.Reason))
	}
	return b
}
