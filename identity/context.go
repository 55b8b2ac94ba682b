package identity

// Context is the kind of statement that a signature is for. A signature of one context is none in any other, so that nobody can pass what a key
// signed as one thing off as another. Signatures without context (TLS) are separate from all of them.
type Context uint8

// The contexts. Their numbers are part of encodings and stay.
const (
	ContextZone       Context = 1 // zone certificate
	ContextMember     Context = 2 // member certificate
	ContextClient     Context = 3 // client certificate
	ContextFunction   Context = 4 // function certificate
	ContextRevocation Context = 5 // revocation list
	ContextBeacon     Context = 6 // freshness beacon
	ContextRequest    Context = 7 // join request
	ContextPackets    Context = 8 // batch of packets of a stream
	ContextRow        Context = 9 // row of a table

	ContextZoneRow Context = 10 // row of a zone, made by a representative; the subject is a hash of the zone's path

	ContextGroup Context = 11 // message to a group of an ad-hoc network
)

// contextTexts are what the signature covers besides the message.
var contextTexts = [...]string{
	ContextZone:       "spinglass 1 zone certificate",
	ContextMember:     "spinglass 1 member certificate",
	ContextClient:     "spinglass 1 client certificate",
	ContextFunction:   "spinglass 1 function certificate",
	ContextRevocation: "spinglass 1 revocation list",
	ContextBeacon:     "spinglass 1 beacon",
	ContextRequest:    "spinglass 1 join request",
	ContextPackets:    "spinglass 1 packets",
	ContextRow:        "spinglass 1 row",
	ContextZoneRow:    "spinglass 1 zone row",
	ContextGroup:      "spinglass 1 group message",
}

// Known reports whether c is one of the contexts.
func (c Context) Known() bool { return c >= ContextZone && int(c) < len(contextTexts) }

// String returns the text that signatures of the context cover, or "unknown context".
func (c Context) String() string {
	if !c.Known() {
		return "unknown context"
	}
	return contextTexts[c]
}
