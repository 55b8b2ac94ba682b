package live

import (
	"time"

	"spinglass/protocol"
	"spinglass/wire"
)

// Inputs of one turn. More wait for the next, so that timers and sending come round even under a flood.
const (
	slabsPerTurn       = 4
	callsPerTurn       = 256
	completionsPerTurn = 256
)

// feedPatience is how long what Do has queued waits for a writer that always has something to send.
const feedPatience = 5 * time.Millisecond

// loop runs the machine. Whoever holds the mutex turning owns all fields of Node below the line "of the loop": the loop itself but while it
// waits, and a reader that assists it.
func (n *Node) loop() {
	defer close(n.stopped)
	n.turning.Lock()
	defer n.turning.Unlock()
	n.machine.Start(n.now(), &n.output)
	n.carryOut(n.now())
	n.offerMulticast()
	for !n.closed() {
		if !n.turn() {
			n.wait()
		}
	}
	n.lastTurn()
	n.ended = true
	close(n.out.full)
}

// turn does what is at hand and reports whether there may be more.
func (n *Node) turn() bool {
	n.sleep()
	n.count.turns.Add(1)
	more := n.takeArrivals()
	more = n.take(n.calls, callsPerTurn) || more
	if n.mayFeed() {
		more = n.take(n.feeds, callsPerTurn) || more
	}
	more = n.takeCompletions() || more
	more = n.takeTimeout() || more
	n.out.flush()
	n.tellOverload()
	return more
}

// mayFeed reports whether what Do has queued is to run now: when the writer has nothing to send, or when it has had something for long without an end, as
// that of a node may which hands on what others send.
func (n *Node) mayFeed() bool {
	now := n.now()
	if !n.out.busy() {
		n.busySince = protocol.Never
		return true
	}
	if n.busySince == protocol.Never {
		n.busySince = now
	}
	if now.Sub(n.busySince) < feedPatience {
		return false
	}
	if len(n.feeds) > 0 {
		n.count.feedsOvertaken.Add(1)
	}
	n.busySince = now
	return true
}

// lastTurn runs what was accepted before Close.
func (n *Node) lastTurn() {
	n.take(n.calls, cap(n.calls))
	n.take(n.feeds, cap(n.feeds))
	n.takeTimeout()
	n.out.flush()
}

// wait blocks until there is something to do. Meanwhile readers may assist. While the writer has something to send, what Do has queued waits for
// it: what applications publish meanwhile then shares packets and datagrams, the more the busier the node is.
func (n *Node) wait() {
	feeds := n.feeds
	n.armed = n.deadline()
	if n.out.busy() {
		feeds = nil
		n.armed = min(n.armed, n.now().Add(feedPatience))
	}
	if n.armed != protocol.Never {
		n.timer.Set(n.instant(n.armed))
		defer n.timer.Stop()
	}
	var called call
	var done completion
	var found answer
	resolved := false
	n.turning.Unlock()
	select {
	case <-n.inbox.ready:
	case <-n.out.drained:
	case called = <-n.calls:
	case called = <-feeds:
	case done = <-n.work.completions:
	case found = <-n.names.answers:
		resolved = true
	case <-n.timer.C():
	case <-n.prodded:
	case <-n.closing:
	}
	n.turning.Lock()
	switch {
	case called != nil:
		n.runCall(called)
	case done.kind != 0:
		n.complete(done)
	case resolved:
		n.answered(found)
	}
}

// assist takes a turn for arrivals in the goroutine of the reader that has brought one, if the loop waits. What was read is still in the reader's
// cache, and nobody has to be woken. It reports whether it did.
func (n *Node) assist() bool {
	if !n.turning.TryLock() {
		return false
	}
	defer n.turning.Unlock()
	if n.ended || n.sleeps() {
		return false
	}
	n.count.turnsAssisted.Add(1)
	if n.takeArrivals() {
		n.inbox.signal()
	}
	n.takeTimeout()
	n.out.flush()
	n.tellOverload()
	if n.deadline() < n.armed || len(n.work.refused) > 0 {
		n.prod() // the loop has set its timer too late, or has more to do
	}
	return true
}

func (n *Node) takeArrivals() (more bool) {
	n.slabs, more = n.inbox.take(n.slabs[:0], slabsPerTurn)
	n.takeProven()
	for _, s := range n.slabs {
		n.receiveSlab(s)
	}
	if len(n.slabs) > 0 {
		n.inbox.giveBack(n.slabs)
	}
	clear(n.slabs)
	return more
}

// take runs functions of a queue, max at most.
func (n *Node) take(queue chan call, max int) (more bool) {
	for range max {
		select {
		case call := <-queue:
			n.runCall(call)
		default:
			return false
		}
	}
	return true
}

func (n *Node) runCall(f call) {
	now := n.now()
	f(now, &n.output)
	n.carryOut(now)
}

func (n *Node) takeCompletions() (more bool) {
	for range completionsPerTurn {
		select {
		case c := <-n.work.completions:
			n.complete(c)
		case a := <-n.names.answers:
			n.answered(a)
		default:
			return n.completeRefused()
		}
	}
	return true
}

func (n *Node) takeTimeout() (more bool) {
	now := n.now()
	n.tickLinks(now)
	if n.machine.Deadline() > now {
		return false
	}
	n.count.timeouts.Add(1)
	n.machine.Timeout(now, &n.output)
	n.carryOut(now)
	return true
}

// deadline returns when the loop has to take a turn, whatever comes.
func (n *Node) deadline() protocol.Time { return min(n.machine.Deadline(), n.links.deadline()) }

// notify gives the machine an event of the driver.
func (n *Node) notify(e protocol.Event) {
	now := n.now()
	n.machine.Notify(now, e, &n.output)
	n.carryOut(now)
}

// receiveSlab gives the machine what one slab holds.
func (n *Node) receiveSlab(s *slab) {
	now := n.now()
	if n.keeper != nil && s.kept {
		n.keeper.Keep(len(s.buffer))
		defer n.keeper.Keep(0)
	}
	var datagrams, messages uint64
	for i := range s.arrivals {
		a := &s.arrivals[i]
		datagrams += uint64(a.datagrams())
		for rest := s.buffer[a.start:a.end]; len(rest) > 0; {
			datagram := firstDatagram(rest, a.segment)
			rest = rest[len(datagram):]
			if datagram[0] != refused {
				messages += n.receive(now, datagram, a)
			}
		}
	}
	n.count.datagramsReceived.Add(datagrams)
	n.count.bytesReceived.Add(uint64(s.used))
	n.count.messagesReceived.Add(messages)
}

// receive gives the machine the messages of one datagram, which the reader has checked, and returns how many these were.
func (n *Node) receive(now protocol.Time, datagram []byte, a *slabArrival) (messages uint64) {
	sender, frames := wire.SplitDatagram(datagram[:len(datagram)-n.out.overhead])
	if sender == n.config.ID {
		n.drop(sender, ReasonDatagramSelf, 1)
		return 0
	}
	switch {
	case !a.group:
		n.book.heard(sender, a.from)
	case n.book.knows(sender):
		n.count.groupDatagramsReceived.Add(1)
	default:
		n.drop(sender, ReasonMulticastStranger, 1)
		return 0
	}
	for {
		kind, body, rest, err := wire.NextFrame(frames)
		if err != nil {
			n.drop(sender, ReasonFrameMalformed, 1)
			return messages
		}
		if kind == wire.KindPadding {
			return messages
		}
		if n.links != nil && kind >= wire.KindLinkFirst && kind <= wire.KindLinkLast && !a.group {
			if !n.control(now, sender, kind, body) {
				n.drop(sender, ReasonFrameMalformed, 1)
				return messages
			}
			messages++
			frames = rest
			continue
		}
		if a.group && !wire.ToGroups(kind) || !a.group && wire.ToGroupsOnly(kind) {
			n.drop(sender, ReasonGroupKind, 1)
			return messages
		}
		m, err := n.config.Decoder.Decode(kind, body)
		if err != nil {
			reason := decodeReason(err)
			n.drop(sender, reason, 1)
			if frames = rest; reason == ReasonFrameKind { // a later format may have it
				continue
			}
			return messages
		}
		messages++
		n.machine.Receive(now, sender, m, &n.output)
		n.carryOut(now)
		frames = rest
	}
}

// now returns the time since the epoch. It never decreases, because it counts from started by a clock that does not go back.
func (n *Node) now() protocol.Time { return n.startedAt.Add(n.config.Clock.Now().Sub(n.started)) }

// instant returns when the clock shows a time of the machine.
func (n *Node) instant(at protocol.Time) time.Time { return n.started.Add(at.Sub(n.startedAt)) }
