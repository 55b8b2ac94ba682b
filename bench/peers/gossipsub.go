package main

import (
	"context"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/libp2p/go-libp2p"
	pubsub "github.com/libp2p/go-libp2p-pubsub"
	pb "github.com/libp2p/go-libp2p-pubsub/pb"
	"github.com/libp2p/go-libp2p/core/host"
	"github.com/libp2p/go-libp2p/core/network"
	"github.com/libp2p/go-libp2p/core/peer"
	libp2ptls "github.com/libp2p/go-libp2p/p2p/security/tls"
	"github.com/libp2p/go-libp2p/p2p/transport/tcp"
	"github.com/multiformats/go-multiaddr"

	"spinglass/internal/measure"
)

const (
	gossipsubDegree   = 3       // of the mesh: the fewer, the fewer copies; 2 is the least that stays connected
	gossipsubQueue    = 1 << 15 // messages to each peer, and to the application
	gossipsubMessage  = 8 << 20 // bytes, at most
	gossipsubPatience = 3 * time.Second
	gossipsubPoll     = 20 * time.Millisecond
)

// gossipsubProtection is what protects the traffic of gossipsub.
type gossipsubProtection int

const (
	gossipsubOpen   gossipsubProtection = iota // nothing
	gossipsubSigned                            // each message has a signature of its author, which each receiver verifies
	gossipsubSecure                            // the same over mutual TLS 1.3
)

// gossipsubNames are those of the systems.
var gossipsubNames = [...]string{gossipsubOpen: "gossipsub", gossipsubSigned: "gossipsub-signed", gossipsubSecure: "gossipsub-secure"}

// gossipsubSystem is gossipsub over TCP. Every member is connected with every other. Queues are large, since what does not fit is dropped, and the mesh is
// thin, since every edge of it costs a copy of each message. Garbage is collected a quarter as often as by default. Keys are Ed25519, as by default.
//
// Of the secure channels of libp2p, TLS and Noise cost the same here, as far as can be told beside signatures; QUIC costs more. TLS is the one that hosts
// prefer by default, and has the cipher of the other systems that encrypt. It proves keys and asks nobody whose they are: any key may connect.
func gossipsubSystem(protection gossipsubProtection) measure.System {
	start := func(_ context.Context, spec measure.Spec, recorder *measure.Recorder) (measure.Member, error) {
		return startGossipsub(spec, recorder, protection)
	}
	return measure.System{Name: gossipsubNames[protection], Patience: gossipsubPatience, Start: start}
}

// gossipsubMember is a host with the topic.
type gossipsubMember struct {
	host      host.Host
	spec      measure.Spec
	topic     *pubsub.Topic
	cancel    context.CancelFunc
	receiving sync.WaitGroup
}

func startGossipsub(spec measure.Spec, recorder *measure.Recorder, protection gossipsubProtection) (measure.Member, error) {
	debug.SetGCPercent(garbagePercent)
	h, err := gossipsubHost(protection)
	if err != nil {
		return nil, err
	}
	running, cancel := context.WithCancel(context.Background())
	m := &gossipsubMember{host: h, spec: spec, cancel: cancel}
	if err := m.begin(running, recorder, protection); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

// gossipsubHost makes a host with a key of its own. There is one way only to protect links, so that no peer can talk it into another.
func gossipsubHost(protection gossipsubProtection) (host.Host, error) {
	security := libp2p.NoSecurity
	if protection == gossipsubSecure {
		security = libp2p.Security(libp2ptls.ID, libp2ptls.New)
	}
	return libp2p.New(libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"), security, libp2p.Transport(tcp.NewTCPTransport),
		libp2p.ResourceManager(&network.NullResourceManager{}), libp2p.DisableRelay(), libp2p.DisableMetrics())
}

func (m *gossipsubMember) begin(ctx context.Context, recorder *measure.Recorder, protection gossipsubProtection) error {
	router, err := pubsub.NewGossipSub(ctx, m.host, gossipsubOptions(protection)...)
	if err != nil {
		return err
	}
	if m.topic, err = router.Join(topic); err != nil || m.spec.Role == measure.RolePublisher {
		return err
	}
	subscription, err := m.topic.Subscribe(pubsub.WithBufferSize(gossipsubQueue))
	if err != nil {
		return err
	}
	m.receiving.Go(func() {
		for {
			message, err := subscription.Next(ctx)
			if err != nil {
				return
			}
			recorder.Message(message.Data)
		}
	})
	return nil
}

func gossipsubOptions(protection gossipsubProtection) []pubsub.Option {
	params := pubsub.DefaultGossipSubParams()
	params.D, params.Dlo, params.Dhi, params.Dscore, params.Dout = gossipsubDegree, gossipsubDegree-1, gossipsubDegree+1, 0, 0
	options := []pubsub.Option{
		pubsub.WithGossipSubParams(params), pubsub.WithPeerOutboundQueueSize(gossipsubQueue), pubsub.WithValidateQueueSize(gossipsubQueue),
		pubsub.WithMaxMessageSize(gossipsubMessage),
	}
	if protection != gossipsubOpen {
		return append(options, pubsub.WithMessageSignaturePolicy(pubsub.StrictSign))
	}
	return append(options, pubsub.WithMessageSignaturePolicy(pubsub.StrictNoSign), pubsub.WithNoAuthor(),
		pubsub.WithMessageIdFn(func(message *pb.Message) string { return string(message.Data[:measure.SizeMin]) }))
}

func (m *gossipsubMember) Address() string {
	return fmt.Sprintf("%s/p2p/%s", m.host.Addrs()[0], m.host.ID())
}

// Meet connects with those of lower index and waits until all that receive are known to have the topic.
func (m *gossipsubMember) Meet(ctx context.Context, addresses []string) error {
	for _, address := range addresses[:m.spec.Index] {
		at, err := multiaddr.NewMultiaddr(strings.TrimSpace(address))
		if err != nil {
			return err
		}
		info, err := peer.AddrInfoFromP2pAddr(at)
		if err != nil {
			return err
		}
		if err := m.host.Connect(ctx, *info); err != nil {
			return err
		}
	}
	others := m.spec.Members - 2
	if m.spec.Role == measure.RolePublisher {
		others++
	}
	ticker := time.NewTicker(gossipsubPoll)
	defer ticker.Stop()
	for len(m.topic.ListPeers()) < others {
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
	return nil
}

// Publish hands a copy over, which the router keeps.
func (m *gossipsubMember) Publish(ctx context.Context, payload []byte) error {
	return m.topic.Publish(ctx, append([]byte(nil), payload...))
}

func (m *gossipsubMember) Flush(context.Context) error { return nil }

func (m *gossipsubMember) Close() error {
	m.cancel()
	m.receiving.Wait()
	return m.host.Close()
}
