package live

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// controlSize is the room for the control messages that a read brings: segment size and count of losses.
const controlSize = 128

// quietReads is how many reads in a row, without a pause between them, are hidden from the scheduler.
const quietReads = 16

// receiver reads a UDP socket without telling the scheduler of each read. The socket never blocks, so that a read takes no longer than copying what
// has come; but a system call that the scheduler knows of wakes the monitor thread of a process that was idle, which then runs several times for
// each arrival. Where many processes share a processor, that costs as much as the arrivals themselves.
type receiver struct {
	conn    syscall.RawConn
	try     func(descriptor uintptr) bool
	message unix.Msghdr
	part    unix.Iovec
	from    unix.RawSockaddrAny
	control [controlSize]byte

	inRow int // reads since there was nothing to read
	size  int // bytes that the latest read brought
	errno syscall.Errno

	scope     uint32 // of the latest link-local sender
	scopeName string
}

func newReceiver(udp syscall.Conn) *receiver {
	r := &receiver{}
	r.conn, _ = udp.SyscallConn() // every socket has one, also when it is closed
	r.try = r.read
	r.message.Name = (*byte)(unsafe.Pointer(&r.from))
	r.message.Iov = &r.part
	r.message.SetIovlen(1)
	r.message.Control = &r.control[0]
	return r
}

// receive waits for something to read, and reads it into buffer, which is not empty.
func (r *receiver) receive(buffer []byte) error {
	r.part.Base = &buffer[0]
	r.part.SetLen(len(buffer))
	r.message.Namelen = unix.SizeofSockaddrAny
	r.message.SetControllen(len(r.control))
	if err := r.conn.Read(r.try); err != nil {
		return err
	}
	if r.errno != 0 {
		return os.NewSyscallError("recvmsg", r.errno)
	}
	return nil
}

// read tries to read once and reports whether there was anything. The monitor has to see one that reads on and on, to take the processor from it in time.
func (r *receiver) read(descriptor uintptr) bool {
	call := unix.RawSyscall
	if r.inRow++; r.inRow%quietReads == 0 {
		call = unix.Syscall
	}
	for {
		size, _, errno := call(unix.SYS_RECVMSG, descriptor, uintptr(unsafe.Pointer(&r.message)), 0)
		switch errno {
		case unix.EINTR:
			continue
		case unix.EAGAIN:
			r.inRow = 0
			return false
		}
		r.size, r.errno = int(size), errno
		return true
	}
}

// controlled returns the control messages that came with the latest read.
func (r *receiver) controlled() []byte { return r.control[:r.message.Controllen] }

// sender returns who sent what the latest read brought.
func (r *receiver) sender() netip.AddrPort {
	switch r.from.Addr.Family {
	case unix.AF_INET:
		a := (*unix.RawSockaddrInet4)(unsafe.Pointer(&r.from))
		return netip.AddrPortFrom(netip.AddrFrom4(a.Addr), networkOrder(&a.Port))
	case unix.AF_INET6:
		a := (*unix.RawSockaddrInet6)(unsafe.Pointer(&r.from))
		address := netip.AddrFrom16(a.Addr)
		if a.Scope_id != 0 {
			address = address.WithZone(r.zone(a.Scope_id))
		}
		return unmap(netip.AddrPortFrom(address, networkOrder(&a.Port)))
	}
	return netip.AddrPort{}
}

// zone returns the name of the interface of a link-local address. As a rule all come by one.
func (r *receiver) zone(scope uint32) string {
	if scope != r.scope {
		r.scope, r.scopeName = scope, strconv.FormatUint(uint64(scope), 10)
		if i, err := net.InterfaceByIndex(int(scope)); err == nil {
			r.scopeName = i.Name
		}
	}
	return r.scopeName
}

// networkOrder reads a port, whose most significant byte comes first.
func networkOrder(port *uint16) uint16 {
	return binary.BigEndian.Uint16((*[2]byte)(unsafe.Pointer(port))[:])
}
