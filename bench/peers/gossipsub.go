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

// gossipsubSystem is gossipsub over TCP without encryption, with or without signatures. Every member is connected with every other. Queues are large,
// since what does not fit is dropped, and the mesh is thin, since every edge of it costs a copy of each message. Garbage is collected a quarter as often
// as by default.
func gossipsubSystem(signed bool) measure.System {
	name := "gossipsub"
	if signed {
		name = "gossipsub-signed"
	}
	start := func(_ context.Context, spec measure.Spec, recorder *measure.Recorder) (measure.Member, error) {
		return startGossipsub(spec, recorder, signed)
	}
	return measure.System{Name: name, Patience: gossipsubPatience, Start: start}
}

// gossipsubMember is a host with the topic.
type gossipsubMember struct {
	host      host.Host
	spec      measure.Spec
	topic     *pubsub.Topic
	cancel    context.CancelFunc
	receiving sync.WaitGroup
}

func startGossipsub(spec measure.Spec, recorder *measure.Recorder, signed bool) (measure.Member, error) {
	debug.SetGCPercent(garbagePercent)
	h, err := libp2p.New(libp2p.ListenAddrStrings("/ip4/127.0.0.1/tcp/0"), libp2p.NoSecurity, libp2p.Transport(tcp.NewTCPTransport),
		libp2p.ResourceManager(&network.NullResourceManager{}), libp2p.DisableRelay(), libp2p.DisableMetrics())
	if err != nil {
		return nil, err
	}
	running, cancel := context.WithCancel(context.Background())
	m := &gossipsubMember{host: h, spec: spec, cancel: cancel}
	if err := m.begin(running, recorder, signed); err != nil {
		m.Close()
		return nil, err
	}
	return m, nil
}

func (m *gossipsubMember) begin(ctx context.Context, recorder *measure.Recorder, signed bool) error {
	router, err := pubsub.NewGossipSub(ctx, m.host, gossipsubOptions(signed)...)
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

func gossipsubOptions(signed bool) []pubsub.Option {
	params := pubsub.DefaultGossipSubParams()
	params.D, params.Dlo, params.Dhi, params.Dscore, params.Dout = gossipsubDegree, gossipsubDegree-1, gossipsubDegree+1, 0, 0
	options := []pubsub.Option{
		pubsub.WithGossipSubParams(params), pubsub.WithPeerOutboundQueueSize(gossipsubQueue), pubsub.WithValidateQueueSize(gossipsubQueue),
		pubsub.WithMaxMessageSize(gossipsubMessage),
	}
	if signed {
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
