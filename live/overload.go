package live

import (
	"time"

	"spinglass/protocol"
)

// overloadPeriod is how often full queues are told of at most.
const overloadPeriod = time.Second

// Overload tells that a queue was full since the last time that one was told of, and how much was dropped.
type Overload struct {
	protocol.EventMark
	Queue   protocol.Reason // ReasonReceiveQueue, with what exceeds the part of a sender, or ReasonSendBuffer
	Dropped uint64          // datagrams
}

// overload notices queues that were full. The reader and the writer count what they drop; the loop tells of it.
type overload struct {
	next protocol.Time
	told [2]uint64
}

var overloadQueues = [2]protocol.Reason{ReasonReceiveQueue, ReasonSendBuffer}

// tellOverload hands an event to the application for each queue that has overflowed.
func (n *Node) tellOverload() {
	now := n.now()
	if now < n.overload.next {
		return
	}
	n.overload.next = now.Add(overloadPeriod)
	for i, queue := range overloadQueues {
		dropped := n.count.drops.of(queue)
		if queue == ReasonReceiveQueue {
			dropped += n.count.drops.of(ReasonReceiveShare)
		}
		if dropped > n.overload.told[i] {
			n.config.OnEvent(now, Overload{Queue: queue, Dropped: dropped - n.overload.told[i]})
			n.overload.told[i] = dropped
		}
	}
}
