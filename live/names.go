package live

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"strconv"
	"sync"
	"time"

	"spinglass/protocol"
)

// Limits of the lookup of names.
const (
	nameFresh       = 30 * time.Second // an answer is asked for again on the first send after that
	nameRetry       = time.Second      // so is one that failed
	lookupTimeout   = 5 * time.Second
	namesMax        = 1024 // names known at once
	messagesHeldMax = 4    // that wait for the addresses of one name
)

// name is a host and port and what is known of its addresses.
type name struct {
	routes  []netip.AddrPort
	until   protocol.Time // when to ask again
	looking bool
	failed  bool               // the last answer was an error
	held    []protocol.Message // wait for the answer
}

// answer is the outcome of a lookup.
type answer struct {
	address protocol.Address
	routes  []netip.AddrPort
	err     error
}

// names finds the addresses of hosts, off the loop. Its methods belong to the loop.
type names struct {
	resolver   Resolver
	known      *recent[protocol.Address, *name]
	answers    chan answer
	looking    int
	generation uint64 // changes with every answer
	count      *counters
	lifetime   context.Context // ends with the node
	running    *sync.WaitGroup
}

func newNames(lifetime context.Context, c *Config, count *counters, running *sync.WaitGroup) *names {
	return &names{
		resolver: c.Resolver, known: newRecent[protocol.Address, *name](namesMax), answers: make(chan answer, c.Lookups),
		count: count, lifetime: lifetime, running: running,
	}
}

// routes returns the addresses known for a name, and sees to it that they are found or refreshed.
func (s *names) routes(now protocol.Time, address protocol.Address) []netip.AddrPort {
	e := s.lookUp(now, address)
	if e == nil {
		return nil
	}
	return e.routes
}

// lookUp returns what is known of a name, and starts a lookup when that is missing or old. It returns nil when the address is not
// host:port.
func (s *names) lookUp(now protocol.Time, address protocol.Address) *name {
	var e *name
	if known := s.known.get(address); known != nil {
		e = *known
	} else {
		if _, _, err := splitAddress(string(address)); err != nil {
			s.count.drops.add(ReasonAddressBad, 1)
			return nil
		}
		e = &name{until: now}
		s.known.put(address, e)
	}
	if !e.looking && now >= e.until {
		s.start(e, address)
	}
	return e
}

func (s *names) start(e *name, address protocol.Address) {
	if s.looking == cap(s.answers) {
		s.count.lookupsRefused.Add(1)
		return
	}
	s.looking++
	e.looking = true
	s.running.Go(func() {
		routes, err := resolve(s.lifetime, s.resolver, string(address))
		s.answers <- answer{address, routes, err} // As many answers fit as there are lookups under way.
	})
}

// hold keeps a message until the lookup under way is answered, and reports whether it could.
func (e *name) hold(m protocol.Message) bool {
	if !e.looking || len(e.held) == messagesHeldMax {
		return false
	}
	e.held = append(e.held, m)
	return true
}

// answered takes an answer in and returns the messages that waited for it, and whether it is news that the name cannot be resolved.
func (s *names) answered(now protocol.Time, a answer) (held []protocol.Message, failing bool) {
	s.looking--
	if a.err != nil {
		s.count.lookupsFailed.Add(1)
	}
	known := s.known.get(a.address)
	if known == nil {
		return nil, false
	}
	e := *known
	held, failing = e.held, a.err != nil && !e.failed
	e.failed = a.err != nil
	e.looking, e.held, e.until = false, nil, now.Add(nameFresh)
	if a.err != nil {
		// The old addresses are better than none.
		e.until = now.Add(nameRetry)
		return held, failing
	}
	e.routes = a.routes
	s.generation++
	return held, false
}

// splitAddress cuts host:port apart.
func splitAddress(address string) (host string, port uint16, err error) {
	host, service, err := net.SplitHostPort(address)
	if err != nil {
		return "", 0, err
	}
	number, err := strconv.ParseUint(service, 10, 16)
	if err != nil {
		return "", 0, fmt.Errorf("address %s: port %q is not a number from 0 to 65535", address, service)
	}
	return host, uint16(number), nil
}

var errNoAddress = errors.New("no address")

// resolve returns the addresses of host:port.
func resolve(ctx context.Context, resolver Resolver, address string) ([]netip.AddrPort, error) {
	host, port, err := splitAddress(address)
	if err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, lookupTimeout)
	defer cancel()
	found, err := resolver.LookupNetIP(ctx, "ip", host)
	if err != nil {
		return nil, err
	}
	routes := make([]netip.AddrPort, 0, min(len(found), addressesMax))
	for _, ip := range found {
		if route := netip.AddrPortFrom(ip.Unmap(), port); sendable(route) && len(routes) < addressesMax {
			routes = append(routes, route)
		}
	}
	if len(routes) == 0 {
		return nil, fmt.Errorf("lookup %s: %w", host, errNoAddress)
	}
	return routes, nil
}
