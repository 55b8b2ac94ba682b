package vsync

import "spinglass/protocol"

// Host is the multicast that carries the data of groups. Its methods are called within those of the Machine. What is published to a topic is delivered to all who subscribe to it, in the order in which its author
// published it, or told of as lost; the author itself may or may not get it.
type Host interface {
	Publish(now protocol.Time, topic string, payload []byte, out *protocol.Output) error
	Subscribe(now protocol.Time, topic string, out *protocol.Output) error
	Unsubscribe(now protocol.Time, topic string, out *protocol.Output) error
}
