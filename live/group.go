package live

import (
	"crypto/rand"
	"encoding/binary"
	"maps"
	"sync/atomic"

	"spinglass/protocol"
	"spinglass/seal"
	"spinglass/wire"
)

// groupKeys are the keys of datagrams to groups. Each sender has one of its own, and gives it over a session to who asks for it: whoever hears the sender without having
// its key. But for openers, they belong to the loop.
type groupKeys struct {
	current *groupSealer // nil before the first message to a group
	next    *groupSealer // takes its place
	nextAt  protocol.Time
	renewAt protocol.Time // by age
	given   map[protocol.NodeID]bool
	revoked bool                             // somebody has the key who is no member any longer: another one is due
	ended   bool                             // somebody has it with whom there is no session any more, so that nobody looks whether it is still a member
	endedAt protocol.Time                    // when another one is due for that
	traffic *recent[protocol.NodeID, bucket] // requests and keys of each peer

	asked   *recent[protocol.NodeID, protocol.Time]
	openers atomic.Pointer[map[protocol.NodeID]*senderOpeners] // replaced as a whole
}

// groupSealer seals by the node's own key.
type groupSealer struct {
	*seal.GroupSealer // of the writer
	key               seal.GroupKey
	sealed            atomic.Uint64
}

// senderOpeners open what one sender sends to groups: by its keys of even and of odd generations.
type senderOpeners [2]*groupOpener

type groupOpener struct {
	until protocol.Time // not opened by afterwards
	open  *openedGroup
}

// openedGroup is what the reader of groups changes.
type openedGroup struct {
	key    seal.GroupKey
	opener *seal.GroupOpener
	bucket bucket
	heard  atomic.Int64 // a protocol.Time
}

func newGroupKeys() *groupKeys {
	g := &groupKeys{given: map[protocol.NodeID]bool{}, asked: newRecent[protocol.NodeID, protocol.Time](attemptsMax),
		traffic: newRecent[protocol.NodeID, bucket](attemptsMax)}
	g.openers.Store(&map[protocol.NodeID]*senderOpeners{})
	return g
}

// groupKeyRequest asks the receiver for its key.
type groupKeyRequest struct{}

func (groupKeyRequest) Kind() protocol.Kind    { return wire.KindGroupKeyRequest }
func (groupKeyRequest) Size() int              { return 0 }
func (groupKeyRequest) Append(b []byte) []byte { return b }
func (groupKeyRequest) Lent() bool             { return false }

// groupKeyGift gives the sender's key, and tells how many datagrams it has sealed by it.
type groupKeyGift struct {
	key   seal.GroupKey
	first uint64
}

func (groupKeyGift) Kind() protocol.Kind { return wire.KindGroupKey }
func (groupKeyGift) Size() int           { return 8 + seal.SecretSize + 8 }
func (g groupKeyGift) Append(b []byte) []byte {
	b = append(wire.AppendFixed64(b, g.key.Generation), g.key.Secret[:]...)
	return wire.AppendFixed64(b, g.first)
}
func (groupKeyGift) Lent() bool { return false }

func decodeGroupKey(body []byte) (g groupKeyGift, err error) {
	r := wire.NewReader(body)
	g.key.Generation = r.Fixed64()
	copy(g.key.Secret[:], r.Take(seal.SecretSize))
	g.first = r.Fixed64()
	return g, r.Done()
}

func (s *groupSealer) gift() groupKeyGift { return groupKeyGift{s.key, s.sealed.Load()} }

// newGroupSealer draws a key.
func (k *links) newGroupSealer(generation uint64) *groupSealer {
	s := &groupSealer{key: seal.GroupKey{Generation: generation}}
	_, _ = rand.Read(s.key.Secret[:]) // it never fails
	var err error
	if s.GroupSealer, err = seal.NewGroupSealer(s.key, k.self); err != nil {
		panic(err) // no secret of this size is refused
	}
	return s
}

// groupTarget returns the target of a parcel for a group.
func (n *Node) groupTarget(now protocol.Time, address groupAddress) target {
	if n.links == nil {
		return target{to: address.route}
	}
	g := n.links.groups
	if g.current == nil {
		var b [8]byte
		_, _ = rand.Read(b[:]) // so that a node that restarts is likely to begin with another generation
		g.current = n.links.newGroupSealer(binary.BigEndian.Uint64(b[:]) >> 1)
		g.renewAt = now.Add(groupKeyAge)
		n.links.wake(now)
	}
	return target{to: address.route, group: g.current}
}

// renewGroupKey gives a new key to who has the present one and is still talked to, and sends by it a little later.
func (n *Node) renewGroupKey(now protocol.Time) {
	if n.links == nil || n.links.groups.current == nil {
		return
	}
	k, g := n.links, n.links.groups
	g.revoked, g.ended, g.endedAt = false, false, now.Add(groupEndedSpacing)
	g.next = k.newGroupSealer(g.current.key.Generation + 1)
	g.nextAt, g.renewAt = now.Add(k.limits.groupSwitch), now.Add(groupKeyAge)
	k.next = min(k.next, g.nextAt)
	n.count.groupKeysRenewed.Add(1)
	for id := range g.given {
		if !k.talksTo(id) {
			delete(g.given, id)
			continue
		}
		n.single[0] = id
		n.send(now, n.single[:], g.next.gift())
	}
}

// tickGroups does what is due.
func (n *Node) tickGroups(now protocol.Time) {
	g := n.links.groups
	if g.next != nil {
		if now >= g.nextAt {
			g.current, g.next = g.next, nil
		} else {
			n.links.next = min(n.links.next, g.nextAt)
		}
		return
	}
	if g.current != nil && (g.revoked || g.ended && now >= g.endedAt || now >= g.renewAt || g.current.sealed.Load() >= n.links.limits.rekeyPackets) {
		n.renewGroupKey(now)
	}
}

// wantGroupKey asks a sender for its key, if it is a peer. It may not be the one who sent what was heard, so it is not asked often.
func (n *Node) wantGroupKey(from protocol.NodeID) {
	g, now := n.links.groups, n.now()
	if last := g.asked.get(from); last != nil && now.Sub(*last) < groupKeyRetry || !n.book.knows(from) {
		return
	}
	g.asked.put(from, now)
	n.count.groupKeysAsked.Add(1)
	n.single[0] = from
	n.send(now, n.single[:], groupKeyRequest{})
}

// control takes in a frame of the links themselves, and reports whether it was well-formed.
func (n *Node) control(now protocol.Time, from protocol.NodeID, kind protocol.Kind, body []byte) bool {
	if kind == wire.KindRelayCall {
		return n.called(now, from, body)
	}
	gift, err := decodeGroupKey(body)
	if request := kind == wire.KindGroupKeyRequest; request && len(body) > 0 || !request && err != nil {
		return false
	}
	switch {
	case !n.links.talksTo(from):
		n.drop(from, ReasonSessionUnknown, 1)
	case !n.links.groups.admits(now, from):
		n.drop(from, ReasonGroupKeyRate, 1)
	case kind == wire.KindGroupKeyRequest:
		n.giveGroupKey(now, from)
	default:
		n.links.takeGroupKey(now, from, gift)
	}
	return true
}

// admits reports whether a peer may ask for the key, or bring its own, once more: each costs far more than a datagram that is opened.
func (g *groupKeys) admits(now protocol.Time, from protocol.NodeID) bool {
	b := g.traffic.get(from)
	if b == nil {
		g.traffic.put(from, bucket{})
		b = g.traffic.get(from)
	}
	return b.take(now, groupKeyRate, groupKeyBurst)
}

// talksTo reports whether there is a session with a peer, or is about to be.
func (k *links) talksTo(id protocol.NodeID) bool { return k.peers[id] != nil || k.table.expected(id) }

// giveGroupKey answers a request, unless there is nothing to give.
func (n *Node) giveGroupKey(now protocol.Time, to protocol.NodeID) {
	g := n.links.groups
	if g.current == nil {
		return
	}
	g.given[to] = true
	n.single[0] = to
	n.send(now, n.single[:], g.current.gift())
	if g.next != nil {
		n.send(now, n.single[:], g.next.gift())
	}
}

// takeGroupKey takes the key of a sender with which there is a session. By the key before, what is on its way is opened still.
func (k *links) takeGroupKey(now protocol.Time, from protocol.NodeID, gift groupKeyGift) {
	slot := gift.key.Generation % 2
	openers := senderOpeners{}
	if known := (*k.groups.openers.Load())[from]; known != nil {
		openers = *known
	}
	var open *openedGroup
	if known := openers[slot]; known != nil && known.open.key == gift.key {
		open = known.open // which knows what it has opened
	} else if opener, err := seal.NewGroupOpener(gift.key, from, gift.first); err == nil {
		open = &openedGroup{key: gift.key, opener: opener}
	} else {
		return // no secret is refused that has the right length
	}
	if other := openers[1-slot]; other != nil {
		openers[1-slot] = &groupOpener{min(other.until, now.Add(groupKeyLinger)), other.open}
	}
	openers[slot] = &groupOpener{protocol.Never, open}
	k.changeOpeners(from, &openers)
}

// changeOpeners replaces the openers of a sender; nil takes them away.
func (k *links) changeOpeners(from protocol.NodeID, openers *senderOpeners) {
	known := *k.groups.openers.Load()
	if openers == nil && known[from] == nil {
		return
	}
	changed := maps.Clone(known)
	if delete(changed, from); openers != nil {
		changed[from] = openers
	}
	k.groups.openers.Store(&changed)
}

// groupHeard returns when a sender was last heard by way of a group.
func (k *links) groupHeard(from protocol.NodeID) (last protocol.Time) {
	openers := (*k.groups.openers.Load())[from]
	for i := 0; openers != nil && i < len(openers); i++ {
		if o := openers[i]; o != nil {
			last = max(last, protocol.Time(o.open.heard.Load()))
		}
	}
	return last
}

// openGroup opens one datagram that came to a group.
func (r *reader) openGroup(now protocol.Time, datagram []byte) (protocol.NodeID, protocol.Reason) {
	k := r.node.links
	if len(datagram) > wire.DatagramMax+seal.TagSize {
		return 0, ReasonDatagramOversize
	}
	sender, odd, err := seal.Group(datagram)
	switch {
	case err != nil:
		return 0, openReason(err)
	case sender == k.self:
		return sender, ReasonDatagramSelf
	}
	o := (*k.groups.openers.Load())[sender].of(odd)
	if o == nil || now > o.until {
		r.wantKey(sender)
		return sender, ReasonGroupKeyUnknown
	}
	if !o.open.bucket.take(now, k.limits.peerRate, k.limits.peerBurst) {
		return sender, ReasonSessionRate
	}
	if _, err := o.open.opener.Open(datagram); err != nil {
		if err == seal.ErrForged {
			r.wantKey(sender) // it may have restarted
		}
		return sender, openReason(err)
	}
	o.open.heard.Store(int64(now))
	binary.BigEndian.PutUint64(datagram[wire.HeaderSize-8:], uint64(sender))
	return sender, ""
}

func (s *senderOpeners) of(odd bool) *groupOpener {
	if s == nil {
		return nil
	}
	if odd {
		return s[1]
	}
	return s[0]
}

// wantKey tells the loop, at most once an arrival, and unless the loop has enough to do.
func (r *reader) wantKey(sender protocol.NodeID) {
	if r.told || !r.wanted.take(r.node.now(), groupWantRate, groupWantBurst) {
		return
	}
	r.told = true
	select {
	case r.node.work.completions <- completion{kind: completionKeyWanted, peer: sender}:
	default:
	}
}
