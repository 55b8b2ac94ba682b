package enrolment

import (
	"fmt"
	"net"
	"testing"
	"time"
)

func TestLimiter(t *testing.T) {
	l := &limiter{}
	now := time.Unix(1000, 0)
	from := func(text string) net.Addr { return must[*net.TCPAddr](t)(net.ResolveTCPAddr("tcp", text)) }
	admit := func(address string, want verdict) {
		t.Helper()
		if got := l.admit(from(address), now); got != want {
			t.Errorf("%s: %v, want %v", address, got, want)
		}
	}
	for range AddressBurst {
		admit("10.0.0.1:1000", admitted)
	}
	admit("10.0.0.1:1001", limited)
	admit("[::ffff:10.0.0.1]:1001", limited)
	admit("10.0.0.2:1000", admitted)
	now = now.Add(time.Second / AddressRate)
	admit("10.0.0.1:1001", admitted)
	admit("10.0.0.1:1001", limited)
	now = now.Add(-time.Hour) // a clock that is set back takes nothing away
	admit("10.0.0.1:1001", limited)

	// Addresses of one IPv6 network are one, and so are all that are none.
	for i := range AddressBurst {
		admit(fmt.Sprintf("[2001:db8::%d]:1", i), admitted)
	}
	admit("[2001:db8::99]:1", limited)
	admit("[2001:db8:0:1::99]:1", admitted)
	for range AddressBurst {
		if l.admit(nil, now) != admitted {
			t.Error("no address")
		}
	}
	if l.admit(&net.UnixAddr{}, now) != limited {
		t.Error("another that is none")
	}
}

func TestLimiterForgets(t *testing.T) {
	l := &limiter{}
	now := time.Unix(1000, 0)
	address := func(i int) net.Addr { return &net.TCPAddr{IP: net.IPv4(10, byte(i>>16), byte(i>>8), byte(i)), Port: 1} }
	for i := range AddressesTracked {
		if l.admit(address(i), now) != admitted {
			t.Fatal(i)
		}
	}
	if l.admit(address(AddressesTracked), now) != crowded {
		t.Error("more addresses than the limit are told apart")
	}
	if l.admit(address(0), now) != admitted {
		t.Error("one that is known is turned away")
	}
	now = now.Add(time.Second)
	if l.admit(address(AddressesTracked), now) != admitted || len(l.buckets) != 1 {
		t.Errorf("%d addresses are remembered", len(l.buckets))
	}
}
