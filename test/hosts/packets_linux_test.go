package hosts_test

import (
	"encoding/binary"
	"errors"
	"net"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// Sizes of headers.
const (
	virtioSize   = 10 // what the kernel says of a frame: what is left to do for it, checksum and segments
	ethernetSize = 14
	ipMin        = 20
	udpSize      = 8
)

// tap sees the UDP frames that the bridge sends to a host, and can send them again. Frames are kept as they are, with what the kernel says of them: several
// datagrams that travel as one frame do so again.
type tap struct {
	t      *testing.T
	socket int
	mutex  sync.Mutex
	frames [][]byte
}

// tap begins to see what goes to the host.
func (h *host) tap() *tap {
	t := h.net.t
	t.Helper()
	c := &tap{t: t}
	err := h.net.inside(h.net.prefix+"sw", func() (err error) {
		c.socket, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, int(networkShort(unix.ETH_P_ALL)))
		if err != nil {
			return err
		}
		device, err := net.InterfaceByName("ph" + h.namespace[len(h.net.prefix)+1:])
		if err != nil {
			return err
		}
		return errors.Join(
			unix.SetsockoptInt(c.socket, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1),
			unix.SetsockoptInt(c.socket, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 64<<20),
			unix.SetsockoptTimeval(c.socket, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 50_000}),
			unix.Bind(c.socket, &unix.SockaddrLinklayer{Protocol: networkShort(unix.ETH_P_ALL), Ifindex: device.Index}))
	})
	if err != nil {
		t.Fatal(err)
	}
	stop, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		c.read(stop)
	}()
	t.Cleanup(func() {
		close(stop)
		<-ended
		_ = unix.Close(c.socket)
	})
	return c
}

// networkShort puts the more significant byte first.
func networkShort(v uint16) uint16 { return binary.NativeEndian.Uint16([]byte{byte(v >> 8), byte(v)}) }

func (c *tap) read(stop chan struct{}) {
	buffer := make([]byte, virtioSize+ethernetSize+1<<16)
	for {
		select {
		case <-stop:
			return
		default:
		}
		n, from, err := unix.Recvfrom(c.socket, buffer, 0)
		if err != nil {
			continue // the time is up, or the test ends
		}
		if link, ok := from.(*unix.SockaddrLinklayer); !ok || link.Pkttype != unix.PACKET_OUTGOING || payload(buffer[:n]) == nil {
			continue
		}
		c.mutex.Lock()
		c.frames = append(c.frames, slices.Clone(buffer[:n]))
		c.mutex.Unlock()
	}
}

// take returns what was seen since it was last called.
func (c *tap) take() [][]byte {
	time.Sleep(100 * time.Millisecond) // what is on its way
	c.mutex.Lock()
	defer c.mutex.Unlock()
	frames := c.frames
	c.frames = nil
	return frames
}

// send sends a frame to the host.
func (c *tap) send(frame []byte) {
	for {
		_, err := unix.Write(c.socket, frame)
		switch {
		case err == nil:
			return
		case errors.Is(err, unix.ENOBUFS) || errors.Is(err, unix.EINTR):
			time.Sleep(time.Millisecond)
		default:
			c.t.Fatal(err)
		}
	}
}

// ip returns the IP packet of a frame, nil if it is not one with UDP.
func ip(frame []byte) []byte {
	b := frame[min(len(frame), virtioSize+ethernetSize):]
	if len(b) < ipMin+udpSize || b[0]>>4 != 4 || b[9] != unix.IPPROTO_UDP {
		return nil
	}
	return b
}

// payload returns what UDP carries in a frame: one datagram or several of the size that segment returns. It is nil for other frames.
func payload(frame []byte) []byte {
	b := ip(frame)
	if b == nil {
		return nil
	}
	header := int(b[0]&15) * 4
	if header+udpSize > len(b) {
		return nil
	}
	return b[header+udpSize:]
}

// destination returns where a frame with UDP goes to.
func destination(frame []byte) *net.UDPAddr {
	b := ip(frame)
	header := int(b[0]&15) * 4
	return &net.UDPAddr{IP: slices.Clone(b[16:20]), Port: int(binary.BigEndian.Uint16(b[header+2:]))}
}

// datagrams cuts what UDP carries in a frame into datagrams.
func datagrams(frame []byte) (all [][]byte) {
	b := payload(frame)
	segment := len(b)
	if frame[1] != unix.VIRTIO_NET_HDR_GSO_NONE {
		segment = int(binary.NativeEndian.Uint16(frame[4:]))
	}
	for len(b) > segment {
		all = append(all, b[:segment])
		b = b[segment:]
	}
	return append(all, b)
}
