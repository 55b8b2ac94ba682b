package live

import (
	"time"

	"spinglass/seal"
)

// Limits of secured links. Each has a counter in Stats, or a reason in Stats.Drops.
const (
	SessionsDefault = 200   // peers with a session
	SessionsMax     = 65536 // largest bound that Config accepts

	sessionsPerPeerMax = 4                                    // of which one is sent by; the others are old ones, or of the other end
	rekeyAge           = 120 * time.Second                    // a session that is used is replaced then, give or take a tenth,
	rekeyPackets       = seal.PacketsMax - seal.PacketsMax/16 // or after so many datagrams
	sessionLife        = 2 * rekeyAge                         // and is not used any more after that
	sessionLinger      = 10 * time.Second                     // but opened by for so much longer
	linkPeriod         = time.Second                          // how often sessions are looked at
	peerRate           = 1_000_000                            // datagrams a second that are opened for one session,
	peerBurst          = 1_000_000                            // and so many at once

	handshakeTimeout = 5 * time.Second        // of one side, from the connection to the last byte
	helloTimeout     = 500 * time.Millisecond // until the ClientHello is read, when the places for handshakes are crowded:
	crowdedShare     = 8                      // one in so many of them is taken
	inboundMax       = 128                    // connections of others whose handshake is under way
	sourceShare      = 8                      // one address has at most one in so many of these
	outboundMax      = 64                     // own handshakes under way
	addressRate      = 20                     // connections a second from one address (IPv6: from one network of 64 bits),
	addressBurst     = 5                      // and so many at once
	loopbackFactor   = 10                     // more from this host, where many nodes may share an address
	addressesWatched = 4096                   // addresses whose rate is known
	acceptedMax      = 16                     // connections that Security.Accept has at once
	acceptedTimeout  = 30 * time.Second       // of those, unless they change it
	inboundFiles     = 8                      // inboundMax is at most one in so many of the files that the process may open,
	outboundFiles    = 16                     // and outboundMax
	acceptedFiles    = 64                     // and acceptedMax
	attemptsMax      = 1024                   // peers and addresses without a session that are known
	waitingMax       = 64                     // messages that wait for one session
	backoffMin       = 200 * time.Millisecond // after the first failure; doubled with each, give or take a half
	backoffMax       = 8 * time.Second
	failuresWarned   = 3    // in a row, before it is logged
	linksFoundMax    = 1024 // addresses whose peer is known

	groupKeyAge    = time.Hour              // after which the key for groups is renewed
	groupSwitch    = time.Second            // from giving a new key to sending by it
	groupKeyLinger = 5 * time.Second        // for which is received by the key before
	groupKeyRetry  = 200 * time.Millisecond // between requests for the key of one sender
	groupKeyRate   = 4                      // requests and keys a second that are looked at of each peer,
	groupKeyBurst  = 16                     // and so many at once
	groupWantRate  = 100                    // arrivals a second by which the loop is told that a key is wanted,
	groupWantBurst = 20                     // and so many at once

	groupEndedSpacing = time.Minute // between renewals because sessions with holders of the key have ended

	callSpacing = time.Second // between calls of one member by a gateway,
	callRate    = 10          // and calls a second that are looked at of each peer,
	callBurst   = 20          // and so many at once

	noticeRate    = 100         // notices a second that are sent, and as many that are looked at
	noticeBurst   = 20          // and so many at once
	noticeSpacing = time.Second // between handshakes that notices start with one peer
	noticeRecent  = 1 << 16     // datagrams behind the latest that a notice may tell of
	refusalsMax   = 256         // refusals that are remembered, so that each is logged once,
	logRate       = 1           // at most so many a second,
	logBurst      = 10          // and at once
)

// limits are those of the above that tests change.
type limits struct {
	sessionsPerPeer           int
	rekeyAge, sessionLife     time.Duration
	sessionLinger             time.Duration
	rekeyPackets              uint64
	period                    time.Duration
	peerRate, peerBurst       float64
	handshakeTimeout, backoff time.Duration
	helloTimeout              time.Duration
	inbound, outbound         int
	accepted                  int
	addressRate, addressBurst float64
	loopbackFactor            float64
	waiting                   int
	noticeRate, noticeBurst   float64
	noticeSpacing             time.Duration
	groupSwitch               time.Duration
}

func defaultLimits() limits {
	return limits{
		sessionsPerPeer: sessionsPerPeerMax, rekeyAge: rekeyAge, sessionLife: sessionLife, sessionLinger: sessionLinger, rekeyPackets: rekeyPackets, period: linkPeriod,
		peerRate: peerRate, peerBurst: peerBurst, handshakeTimeout: handshakeTimeout, helloTimeout: helloTimeout, backoff: backoffMin, inbound: inboundMax, outbound: outboundMax,
		accepted:    acceptedMax,
		addressRate: addressRate, addressBurst: addressBurst, loopbackFactor: loopbackFactor, waiting: waitingMax,
		noticeRate: noticeRate, noticeBurst: noticeBurst, noticeSpacing: noticeSpacing, groupSwitch: groupSwitch,
	}
}

// within returns the limits of a process that may open so many files: strangers who connect shall not keep it from opening those that it needs itself.
func (l limits) within(files int) limits {
	l.inbound = max(1, min(l.inbound, files/inboundFiles))
	l.outbound = max(1, min(l.outbound, files/outboundFiles))
	l.accepted = max(1, min(l.accepted, files/acceptedFiles))
	return l
}
