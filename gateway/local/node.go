package local

import (
	"context"
	"iter"

	"github.com/prometheus/client_golang/prometheus"

	"spinglass"
	"spinglass/protocol"
)

// node is what a server needs of a [spinglass.Node].
type node interface {
	ID() protocol.NodeID
	Name() string
	Addr() string
	Ready(ctx context.Context) error
	Publish(ctx context.Context, topic string, payload []byte) error
	Flush(ctx context.Context) error
	subscribe(ctx context.Context, topic string, o SubscribeOptions) (subscription, error)
	subscribePatterns(ctx context.Context, patterns spinglass.Patterns, o SubscribeOptions) (subscription, error)
	group(ctx context.Context, name string, o GroupOptions) (group, error)
	Groups(ctx context.Context) ([]spinglass.GroupStatus, error)
	RecoverGroup(ctx context.Context, name string) error
	Topics(ctx context.Context, pattern string) ([]spinglass.Topic, error)
	Events(ctx context.Context) iter.Seq2[spinglass.Event, error]
	Peers(ctx context.Context) ([]spinglass.Peer, error)
	Zones(ctx context.Context) ([]string, error)
	Table(ctx context.Context, zone string) (*spinglass.Table, error)
	Get(ctx context.Context, name string) (spinglass.Row, error)
	Set(ctx context.Context, attributes spinglass.Attrs) error
	SetRow(ctx context.Context, row string, attributes spinglass.Attrs) error
	SetBlob(ctx context.Context, attribute string, data []byte) error
	Blob(ctx context.Context, name, attribute string) ([]byte, error)
	Install(ctx context.Context, f *spinglass.Function) error
	Functions(ctx context.Context) ([]spinglass.Function, error)
	TryFunction(ctx context.Context, zone, program string) (*spinglass.Trial, error)
	Metrics() prometheus.Collector
}

// subscription is what a server needs of a [spinglass.Subscription].
type subscription interface {
	Messages(ctx context.Context) iter.Seq2[spinglass.Message, error]
	Close() error
}

// group is what a server needs of a [spinglass.Group].
type group interface {
	Events(ctx context.Context) iter.Seq2[spinglass.GroupEvent, error]
	Cast(ctx context.Context, payload []byte) error
	Flush(ctx context.Context) error
	Leave(ctx context.Context) error
}

// realNode makes a [spinglass.Node] a node.
type realNode struct{ *spinglass.Node }

// subscribe subscribes with the options that are not zero.
func (n realNode) subscribe(ctx context.Context, topic string, o SubscribeOptions) (subscription, error) {
	return n.Subscribe(ctx, topic, o.options()...)
}

// subscribePatterns subscribes to patterns with the options that are not zero.
func (n realNode) subscribePatterns(ctx context.Context, patterns spinglass.Patterns, o SubscribeOptions) (subscription, error) {
	return n.SubscribePatterns(ctx, patterns, o.options()...)
}

// group joins a group.
func (n realNode) group(ctx context.Context, name string, o GroupOptions) (group, error) {
	return n.Group(ctx, name, o.options()...)
}
