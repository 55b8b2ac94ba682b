package membership

import (
	"spinglass/protocol"
	"spinglass/wire"
)

// Kinds returns the kinds of messages that a Machine receives.
func Kinds() []protocol.Kind {
	return []protocol.Kind{wire.KindTableDigest, wire.KindTableDelta, wire.KindProbe, wire.KindProbeReply, wire.KindNoticeSummary, wire.KindNoticePart, wire.KindBeacon,
		wire.KindCredentialRequest, wire.KindCredential}
}

// Decoder decodes the messages of membership. It owns the memory that they are decoded into: a message is lent until the next
// Decode of the same kind. The zero value is ready for use.
type Decoder struct {
	digest Digest
	delta  Delta
	probe  Probe
	reply  ProbeReply

	summary Summary
	part    NoticePart
	beacon  Beacon

	inquiry      CredentialRequest
	certificates Certificates
}

// Decode implements protocol.Decoder. Only rows and beacons are allocated, which a steady fleet sends seldom.
func (d *Decoder) Decode(kind protocol.Kind, body []byte) (protocol.Message, error) {
	var m interface {
		protocol.Message
		decode(body []byte) error
	}
	switch kind {
	case wire.KindTableDigest:
		m = &d.digest
	case wire.KindTableDelta:
		m = &d.delta
	case wire.KindProbe:
		m = &d.probe
	case wire.KindProbeReply:
		m = &d.reply
	case wire.KindNoticeSummary:
		m = &d.summary
	case wire.KindNoticePart:
		m = &d.part
	case wire.KindBeacon:
		m = &d.beacon
	case wire.KindCredentialRequest:
		m = &d.inquiry
	case wire.KindCredential:
		m = &d.certificates
	default:
		return nil, wire.ErrKind
	}
	if err := m.decode(body); err != nil {
		return nil, err
	}
	return m, nil
}
