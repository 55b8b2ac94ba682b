package enrolment

import "sync/atomic"

// Stats counts what an issuer did since it was made.
type Stats struct {
	Connections uint64 // that came
	Joined      uint64 // joins granted
	Renewed     uint64 // renewals granted
	Tokens      uint64 // tokens handed out
	Refused     uint64 // requests that were understood and refused
	Failed      uint64 // requests that could not be granted through no fault of who asked: files, locks
	Busy        uint64 // connections beyond InFlightMax
	Limited     uint64 // connections beyond AddressRate
	Crowded     uint64 // connections from addresses beyond AddressesTracked
	Malformed   uint64 // connections that brought what is no message
	Cut         uint64 // connections that ended, or exceeded ExchangeTimeout, before they were done
	Protocol    uint64 // connections of another protocol
}

type counters struct {
	connections, joined, renewed, tokens, refused, failed, busy, limited, crowded, malformed, cut, protocol atomic.Uint64
}

func (c *counters) stats() Stats {
	return Stats{
		Connections: c.connections.Load(), Joined: c.joined.Load(), Renewed: c.renewed.Load(), Tokens: c.tokens.Load(), Refused: c.refused.Load(),
		Failed: c.failed.Load(), Busy: c.busy.Load(), Limited: c.limited.Load(), Crowded: c.crowded.Load(), Malformed: c.malformed.Load(), Cut: c.cut.Load(),
		Protocol: c.protocol.Load(),
	}
}
