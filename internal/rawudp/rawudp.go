package rawudp

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"sync"
	"sync/atomic"
	"time"

	"spinglass/internal/window"
)

const (
	// DatagramMax is the largest datagram that can be measured, in bytes.
	DatagramMax = 65000

	segmentsMax   = 64      // datagrams in one system call
	bufferMax     = 65000   // bytes in one system call
	socketBuffer  = 8 << 20 // bytes, as wished for
	aheadBytes    = 1 << 20 // that the sender may be ahead of the slowest receiver
	stallMax      = 20 * time.Millisecond
	controlLength = 128 // bytes of ancillary data
)

// Options of a measurement.
type Options struct {
	Receivers    int
	DatagramSize int // bytes of UDP payload, 1 to DatagramMax
	Duration     time.Duration
}

// Result of a measurement.
type Result struct {
	Datagrams uint64  // that arrived, at all receivers together
	Lost      uint64  // that were sent and did not arrive
	Seconds   float64 // that it took
	GSO, GRO  bool    // what the kernel granted
}

// fanout is one measurement under way.
type fanout struct {
	options   Options
	sender    *net.UDPConn
	receivers []*net.UDPConn
	targets   []netip.AddrPort
	window    *window.Window
	arrived   atomic.Uint64
	gso, gro  bool
}

// Measure runs a measurement until its duration is over or ctx ends.
func Measure(ctx context.Context, options Options) (Result, error) {
	if options.Receivers < 1 || options.DatagramSize < 1 || options.DatagramSize > DatagramMax {
		return Result{}, fmt.Errorf("rawudp: %d receivers of datagrams of %d bytes cannot be measured", options.Receivers, options.DatagramSize)
	}
	f := &fanout{options: options}
	defer f.close()
	if err := f.open(); err != nil {
		return Result{}, fmt.Errorf("rawudp: %w", err)
	}
	var receiving sync.WaitGroup
	for i := range f.receivers {
		receiving.Go(func() { f.receive(i) })
	}
	start := time.Now()
	ctx, cancel := context.WithTimeout(ctx, options.Duration)
	defer cancel()
	lost, err := f.send(ctx)
	result := Result{Datagrams: f.arrived.Load(), Lost: lost, Seconds: time.Since(start).Seconds(), GSO: f.gso, GRO: f.gro}
	f.close()
	receiving.Wait()
	return result, err
}

func (f *fanout) open() error {
	loopback := &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)}
	var err error
	if f.sender, err = net.ListenUDP("udp4", loopback); err != nil {
		return err
	}
	GrowBuffers(f.sender, socketBuffer)
	f.gso, f.gro = SupportsSegment(f.sender), true
	for range f.options.Receivers {
		conn, err := net.ListenUDP("udp4", loopback)
		if err != nil {
			return err
		}
		GrowBuffers(conn, socketBuffer)
		f.gro = EnableCoalescing(conn) && f.gro
		f.receivers = append(f.receivers, conn)
		f.targets = append(f.targets, conn.LocalAddr().(*net.UDPAddr).AddrPort())
	}
	f.window = window.New(len(f.receivers), uint64(max(aheadBytes/f.options.DatagramSize, 2*segmentsMax)))
	return nil
}

func (f *fanout) close() {
	if f.sender != nil {
		f.sender.Close()
	}
	for _, conn := range f.receivers {
		conn.Close()
	}
}

// send sends until ctx ends and returns how many datagrams were lost.
func (f *fanout) send(ctx context.Context) (lost uint64, err error) {
	segments := 1
	if f.gso {
		segments = max(1, min(segmentsMax, bufferMax/f.options.DatagramSize))
	}
	buffer := make([]byte, segments*f.options.DatagramSize)
	var control []byte
	if segments > 1 {
		control = SegmentControl(f.options.DatagramSize)
	}
	for sent := uint64(0); ctx.Err() == nil; sent += uint64(segments) {
		if !f.window.Wait(ctx, sent+uint64(segments)-1, stallMax) && ctx.Err() == nil {
			lost += f.forgive(sent)
		}
		for _, target := range f.targets {
			if _, _, err := f.sender.WriteMsgUDPAddrPort(buffer, control, target); err != nil {
				return lost, fmt.Errorf("sending to %s: %w", target, err)
			}
		}
	}
	return lost, nil
}

// forgive counts what has not arrived of sent datagrams as lost, so that the sender can go on.
func (f *fanout) forgive(sent uint64) (lost uint64) {
	for i := range f.receivers {
		if got := f.window.Got(i); got < sent {
			lost += sent - got
			f.window.Advance(i, sent-got)
		}
	}
	return lost
}

// receive counts what arrives at a receiver until its socket is closed.
func (f *fanout) receive(i int) {
	buffer, control := make([]byte, 1<<16), make([]byte, controlLength)
	for {
		n, _, _, _, err := f.receivers[i].ReadMsgUDPAddrPort(buffer, control)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err != nil || n == 0 {
			continue
		}
		datagrams := uint64((n + f.options.DatagramSize - 1) / f.options.DatagramSize) // all segments are equal
		f.arrived.Add(datagrams)
		f.window.Advance(i, datagrams)
	}
}
