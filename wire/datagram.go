package wire

import (
	"encoding/binary"
	"hash/crc32"

	"spinglass/protocol"
)

// Version is the first byte of every datagram.
const Version = 1

// HeaderSize is the number of bytes before the first frame: version, checksum, sender.
const HeaderSize = 1 + 4 + 8

// Sizes of datagrams, in bytes of UDP payload.
const (
	// DatagramDefault fits an Ethernet path of 1500 with room for IPv6, UDP, tunnels of up to 80 bytes and the seal of a secured link.
	DatagramDefault = 1344
	// DatagramLoopback is the size within one host, where the interface carries 65 536 bytes. Costs per datagram are then shared by many messages;
	// beyond it there is little left to share, and a lost datagram costs more. Four fill a send of the kernel (65 000 bytes).
	DatagramLoopback = 16250
	// DatagramMin is what every IPv6 path carries.
	DatagramMin = 1232 - 32
	// DatagramMax is the largest datagram that is ever sent or accepted.
	DatagramMax = 65507 - 400
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// BeginDatagram appends the header of a datagram of the given sender to b, checksum still open.
func BeginDatagram(b []byte, sender protocol.NodeID) []byte {
	b = append(b, Version, 0, 0, 0, 0)
	return AppendFixed64(b, uint64(sender))
}

// AppendFrame appends one message as a frame.
func AppendFrame(b []byte, m protocol.Message) []byte {
	b = append(b, byte(m.Kind()))
	b = AppendUvarint(b, uint64(m.Size()))
	return m.Append(b)
}

// FrameSize returns the number of bytes that AppendFrame adds for a message of size bytes.
func FrameSize(size int) int { return 1 + BytesSize(size) }

// FinishDatagram fills in the checksum of datagram, which BeginDatagram began.
func FinishDatagram(datagram []byte) {
	binary.BigEndian.PutUint32(datagram[1:5], crc32.Checksum(datagram[5:], castagnoli))
}

// OpenDatagram checks the header of a datagram and returns its sender and its frames, aliased.
func OpenDatagram(datagram []byte) (sender protocol.NodeID, frames []byte, err error) {
	if err := CheckDatagram(datagram); err != nil {
		return 0, nil, err
	}
	sender, frames = SplitDatagram(datagram)
	return sender, frames, nil
}

// CheckDatagram checks the header of a datagram, of which the checksum is by far the most work.
func CheckDatagram(datagram []byte) error {
	if len(datagram) < HeaderSize {
		return ErrShort
	}
	if datagram[0] != Version {
		return ErrVersion
	}
	if binary.BigEndian.Uint32(datagram[1:5]) != crc32.Checksum(datagram[5:], castagnoli) {
		return ErrChecksum
	}
	if binary.BigEndian.Uint64(datagram[5:13]) == 0 {
		return ErrRange
	}
	return nil
}

// SplitDatagram returns the sender and the frames, aliased, of a datagram that CheckDatagram has passed.
func SplitDatagram(datagram []byte) (sender protocol.NodeID, frames []byte) {
	return protocol.NodeID(binary.BigEndian.Uint64(datagram[5:HeaderSize])), datagram[HeaderSize:]
}

// NextFrame takes the first frame off frames. At the end, and at padding, it returns a nil rest and KindPadding.
func NextFrame(frames []byte) (kind protocol.Kind, body, rest []byte, err error) {
	if len(frames) == 0 || frames[0] == byte(KindPadding) {
		return KindPadding, nil, nil, nil
	}
	r := NewReader(frames[1:])
	body = r.Bytes(DatagramMax)
	if r.err != nil {
		return KindPadding, nil, nil, r.err
	}
	return protocol.Kind(frames[0]), body, r.rest, nil
}
