package bimodal

// arenaChunk is how much memory is taken at once for the bodies of packets, and arenaFirst the first time: a chunk is twice the one before, so that
// a node that does little takes little.
const (
	arenaChunk = 256 << 10
	arenaFirst = 16 << 10
)

// slabLength is how many packets, and deliveries, are allocated at once, and slabFirst the first time.
const (
	slabLength = 128
	slabFirst  = 8
)

// relaySlabLength is how many relays are allocated at once. A slab stays alive with each of them, and each with its packet.
const relaySlabLength = 32

// manifestSlab is how many manifests are allocated at once.
const manifestSlab = 16

// arena hands out memory from large chunks, so that no packet costs an allocation of its own. A chunk is left to the garbage
// collector when nothing refers to it any more, neither the buffer nor the application.
type arena struct {
	chunk      []byte
	packets    []Packet
	deliveries []Delivery
	relays     []Relay
	manifests  []Manifest

	chunkSize, packetSlab, deliverySlab int // of the latest
}

// copy returns a copy of p that is never written again.
func (a *arena) copy(p []byte) []byte {
	return append(a.reserve(len(p)), p...)
}

// reserve returns room for n bytes, empty, to append to.
func (a *arena) reserve(n int) []byte {
	if n > len(a.chunk) {
		a.chunkSize = min(max(2*a.chunkSize, arenaFirst), arenaChunk)
		a.chunk = make([]byte, max(a.chunkSize, n))
	}
	c := a.chunk[:0:n]
	a.chunk = a.chunk[n:]
	return c
}

// packet returns a zero Packet that can be sent again without an allocation.
func (a *arena) packet() *Packet {
	if len(a.packets) == 0 {
		a.packetSlab = min(max(2*a.packetSlab, slabFirst), slabLength)
		a.packets = make([]Packet, a.packetSlab)
	}
	p := &a.packets[0]
	a.packets = a.packets[1:]
	p.repair.Packet, p.shared.Packet = p, p
	return p
}

// keep returns p itself if it may be kept, and a copy of it if it is lent. Its body is copied too, unless it lies in memory that may be kept: then
// the first packet that is kept there accounts for all of it.
func (a *arena) keep(p *Packet) *Packet {
	if !p.lent {
		return p
	}
	return a.clone(p)
}

// clone returns a copy of p.
func (a *arena) clone(p *Packet) *Packet {
	c := a.packet()
	c.Stream, c.Seq, c.Age, c.Messages, c.Count = p.Stream, p.Seq, p.Age, p.Messages, p.Count
	c.whole = p.whole
	if p.Manifest != nil {
		c.Manifest = a.manifest()
		c.Manifest.Hashes, c.Manifest.Signature = a.copy(p.Manifest.Hashes), p.Manifest.Signature
	}
	if p.memory == nil {
		c.Body = a.copy(p.Body)
		return c
	}
	c.Body, c.pinned = p.Body, *p.memory-len(p.Body)
	*p.memory = 0
	return c
}

func (a *arena) relay() *Relay {
	if len(a.relays) == 0 {
		a.relays = make([]Relay, relaySlabLength)
	}
	r := &a.relays[0]
	a.relays = a.relays[1:]
	return r
}

func (a *arena) manifest() *Manifest {
	if len(a.manifests) == 0 {
		a.manifests = make([]Manifest, manifestSlab)
	}
	f := &a.manifests[0]
	a.manifests = a.manifests[1:]
	return f
}

func (a *arena) delivery() *Delivery {
	if len(a.deliveries) == 0 {
		a.deliverySlab = min(max(2*a.deliverySlab, slabFirst), slabLength)
		a.deliveries = make([]Delivery, a.deliverySlab)
	}
	d := &a.deliveries[0]
	a.deliveries = a.deliveries[1:]
	return d
}
