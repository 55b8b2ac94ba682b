package membership

import (
	"spinglass/protocol"
	"spinglass/wire"
)

// Probe asks a peer whether it is there.
type Probe struct {
	Stamp    uint64 // the sender's time in nanoseconds, which the reply echoes
	Evidence Evidence
	lent     bool
}

// ProbeReply answers a Probe.
type ProbeReply struct {
	Echo     uint64
	Evidence Evidence
	lent     bool
}

// Kind implements protocol.Message.
func (p *Probe) Kind() protocol.Kind { return wire.KindProbe }

// Lent implements protocol.Message.
func (p *Probe) Lent() bool { return p.lent }

// Size implements protocol.Message.
func (p *Probe) Size() int { return wire.UvarintSize(p.Stamp) + p.Evidence.size() }

// Append implements protocol.Message.
func (p *Probe) Append(b []byte) []byte { return p.Evidence.append(wire.AppendUvarint(b, p.Stamp)) }

func (p *Probe) decode(body []byte) error {
	r := wire.NewReader(body)
	*p = Probe{Stamp: r.Uvarint(), Evidence: readEvidence(&r), lent: true}
	return r.Done()
}

// Kind implements protocol.Message.
func (p *ProbeReply) Kind() protocol.Kind { return wire.KindProbeReply }

// Lent implements protocol.Message.
func (p *ProbeReply) Lent() bool { return p.lent }

// Size implements protocol.Message.
func (p *ProbeReply) Size() int { return wire.UvarintSize(p.Echo) + p.Evidence.size() }

// Append implements protocol.Message.
func (p *ProbeReply) Append(b []byte) []byte {
	return p.Evidence.append(wire.AppendUvarint(b, p.Echo))
}

func (p *ProbeReply) decode(body []byte) error {
	r := wire.NewReader(body)
	*p = ProbeReply{Echo: r.Uvarint(), Evidence: readEvidence(&r), lent: true}
	return r.Done()
}
