package main

import (
	"context"
	"errors"
	"net"
	"net/netip"
	"sync"
	"time"

	"spinglass/internal/measure"
	"spinglass/internal/rawudp"
)

const (
	rawBuffer   = 8 << 20 // bytes of a socket's buffers, as wished for
	rawPatience = 200 * time.Millisecond
	controlRoom = 128 // bytes of ancillary data
)

// plainSystem is UDP with one call for each datagram to each receiver, and one message a datagram.
func plainSystem() measure.System {
	return measure.System{Name: "udp", Ordered: true, Patience: rawPatience, Start: startPlain}
}

func startPlain(_ context.Context, spec measure.Spec, r *measure.Recorder) (measure.Member, error) {
	d, err := startDatagrams(spec, &plain{}, r.Message)
	if err != nil {
		return nil, err
	}
	return d, nil
}

// datagrams is a member that has one UDP socket and leaves the sending to a sender.
type datagrams struct {
	conn      *net.UDPConn
	sender    sender
	receiving sync.WaitGroup
}

// sender sends messages over a socket.
type sender interface {
	meet(conn *net.UDPConn, targets []netip.AddrPort)
	publish(payload []byte) error
	flush() error
}

// startDatagrams starts a member. receive gets what one read brings, several datagrams one behind the other where the kernel coalesces.
func startDatagrams(spec measure.Spec, s sender, receive func([]byte)) (*datagrams, error) {
	conn, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	if err != nil {
		return nil, err
	}
	return runDatagrams(conn, spec, s, receive), nil
}

func runDatagrams(conn *net.UDPConn, spec measure.Spec, s sender, receive func([]byte)) *datagrams {
	rawudp.GrowBuffers(conn, rawBuffer)
	d := &datagrams{conn: conn, sender: s}
	if spec.Role == measure.RoleReceiver {
		d.receiving.Go(func() { d.receive(receive) })
	}
	return d
}

func (d *datagrams) receive(receive func([]byte)) {
	buffer, control := make([]byte, 1<<16), make([]byte, controlRoom)
	for {
		n, _, _, _, err := d.conn.ReadMsgUDPAddrPort(buffer, control)
		if errors.Is(err, net.ErrClosed) {
			return
		}
		if err == nil {
			receive(buffer[:n])
		}
	}
}

func (d *datagrams) Address() string { return d.conn.LocalAddr().String() }

func (d *datagrams) Meet(_ context.Context, addresses []string) error {
	var targets []netip.AddrPort
	for _, address := range addresses[1:] {
		target, err := netip.ParseAddrPort(address)
		if err != nil {
			return err
		}
		targets = append(targets, target)
	}
	d.sender.meet(d.conn, targets)
	return nil
}

func (d *datagrams) Publish(_ context.Context, payload []byte) error {
	return d.sender.publish(payload)
}
func (d *datagrams) Flush(context.Context) error { return d.sender.flush() }
func (d *datagrams) Close() error                { err := d.conn.Close(); d.receiving.Wait(); return err }

// plain sends each message by itself.
type plain struct {
	conn    *net.UDPConn
	targets []netip.AddrPort
}

func (p *plain) meet(conn *net.UDPConn, targets []netip.AddrPort) { p.conn, p.targets = conn, targets }

func (p *plain) publish(payload []byte) error {
	for _, target := range p.targets {
		if _, err := p.conn.WriteToUDPAddrPort(payload, target); err != nil {
			return err
		}
	}
	return nil
}

func (p *plain) flush() error { return nil }
