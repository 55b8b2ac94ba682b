package enrolment

import (
	"time"

	"spinglass/identity"
)

// Protocol is the name by which ends of a TLS connection agree to speak this protocol (ALPN). A later version has another name.
const Protocol = "spinglass-enrol/1"

// Limits of an issuer's network side.
const (
	MessageSizeMax   = identity.ChainSizeMax + 1024 // bytes of a message
	RefusalTextMax   = 512                          // bytes of what an issuer says of why it refuses
	ExchangeTimeout  = 5 * time.Second              // of one connection, from its first byte to its last; of one that Serve is given, after its handshake
	InFlightMax      = 128                          // connections that are answered at a time
	AddressRate      = 20                           // connections per second and remote address (IPv6: network of 64 bits), in the long run
	AddressBurst     = 5                            // connections of a remote address at once
	AddressesTracked = 4096                         // remote addresses that are told apart at a time
	RefusalLogRate   = 1                            // lines per second that an issuer logs about refusals, in the long run; all are counted
	RefusalLogBurst  = 20                           // such lines at once
)

// Limits of a client.
const (
	AddressesMax = 16 // addresses of issuers that a node tries and keeps
	RoundsMax    = 3  // how often it tries all of them while none answers
	RoundPause   = 500 * time.Millisecond
)

// Times of renewal.
const (
	RenewRetryMin = time.Minute // first pause after a renewal that failed; doubled each time
	RenewRetryMax = time.Hour
	RenewLookMax  = time.Hour // longest sleep, so that a clock that is set is noticed
)

// Defaults and bounds of what an authority is asked for.
const (
	TokenLifeDefault = time.Hour
	TokenLifeMax     = 30 * 24 * time.Hour
	RootLifeDefault  = 10 * 365 * 24 * time.Hour
	ZoneLifeDefault  = 90 * 24 * time.Hour
	FunctionLifeMax  = 365 * 24 * time.Hour
	LockTimeout      = 5 * time.Second // for another process to let go of an authority
)
