package sim

import (
	"bytes"
	"crypto/ed25519"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"

	"spinglass/protocol"
)

// verdictsMax bounds how many answers about signatures a world remembers.
const verdictsMax = 1 << 16

// keys is what a world knows of keys and signatures.
type keys struct {
	generations map[protocol.NodeID]uint64 // NewKey, how often
	// verdicts remembers what was found of Ed25519 signatures: in a world all members check the same ones, and each costs its hosts the time that
	// it takes, but the world just once.
	verdicts map[[sha256.Size]byte]bool
}

// PublicKey returns the latest public key of a host. In a world without Config.Ed25519 it is no more than 32 bytes of its own.
func (w *World) PublicKey(id protocol.NodeID) []byte { return w.publicKey(id, w.keys.generations[id]) }

// PrivateKey returns the key of PublicKey, for scripts that act as the host or issue certificates to it. It is a breach of the script to ask for it in a
// world without Config.Ed25519.
func (w *World) PrivateKey(id protocol.NodeID) ed25519.PrivateKey {
	if !w.config.Ed25519 {
		panic("sim: a private key in a world whose signatures are modelled")
	}
	return w.privateKey(id, w.keys.generations[id])
}

// RealSignatures reports whether signatures are those of Ed25519: Config.Ed25519.
func (w *World) RealSignatures() bool { return w.config.Ed25519 }

// NewKey gives a host another key, with which it signs where Sign says so, besides those that it had, and returns the public key.
func (w *World) NewKey(id protocol.NodeID) []byte {
	if w.keys.generations == nil {
		w.keys.generations = make(map[protocol.NodeID]uint64)
	}
	w.keys.generations[id]++
	return w.PublicKey(id)
}

func (w *World) privateKey(id protocol.NodeID, generation uint64) ed25519.PrivateKey {
	seed := w.keySeed(id, generation)
	return ed25519.NewKeyFromSeed(seed[:])
}

func (w *World) publicKey(id protocol.NodeID, generation uint64) []byte {
	if w.config.Ed25519 {
		return w.privateKey(id, generation).Public().(ed25519.PublicKey)
	}
	seed := w.keySeed(id, generation)
	return seed[:]
}

func (w *World) keySeed(id protocol.NodeID, generation uint64) [sha256.Size]byte {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:], combine(w.config.Seed, purposeKey, uint64(id), generation, 0))
	binary.BigEndian.PutUint64(b[8:], uint64(id))
	return sha256.Sum256(b[:])
}

// sign makes the signature that a host asks for; nil when it has no such key.
func (w *World) sign(id protocol.NodeID, v *protocol.Sign) []byte {
	generation := w.keys.generations[id]
	for len(v.PublicKey) > 0 && !bytes.Equal(v.PublicKey, w.publicKey(id, generation)) {
		if generation == 0 {
			return nil
		}
		generation--
	}
	if !w.config.Ed25519 {
		return ModelSignature(w.publicKey(id, generation), v.Context, v.Message)
	}
	signature, err := w.privateKey(id, generation).Sign(nil, v.Message, &ed25519.Options{Context: v.Context})
	if err != nil {
		return nil
	}
	return signature
}

// verify returns whether all signatures match, and how many had to be looked at.
func (w *World) verify(checks []protocol.Check) (valid bool, checked int) {
	if len(checks) > protocol.ChecksMax {
		panic("sim: a Verify of more than ChecksMax signatures")
	}
	for i := range checks {
		if !w.matches(&checks[i]) {
			return false, i + 1
		}
	}
	return len(checks) > 0, max(1, len(checks))
}

func (w *World) matches(c *protocol.Check) bool {
	if !w.config.Ed25519 {
		return subtle.ConstantTimeCompare(ModelSignature(c.PublicKey, c.Context, c.Message), c.Signature) == 1
	}
	name := digest(c.PublicKey, []byte(c.Context), c.Message, c.Signature)
	valid, known := w.keys.verdicts[name]
	if known {
		return valid
	}
	valid = len(c.PublicKey) == ed25519.PublicKeySize &&
		ed25519.VerifyWithOptions(c.PublicKey, c.Message, c.Signature, &ed25519.Options{Context: c.Context}) == nil
	if w.keys.verdicts == nil || len(w.keys.verdicts) >= verdictsMax {
		w.keys.verdicts = make(map[[sha256.Size]byte]bool)
	}
	w.keys.verdicts[name] = valid
	return valid
}

// ModelSignature returns the signature of a key in worlds without Config.Ed25519: as long as Ed25519's, and valid for the key, context and message
// only. It is no secret from machines that would compute it.
func ModelSignature(publicKey []byte, context string, message []byte) []byte {
	first := digest(publicKey, []byte(context), message)
	second := sha256.Sum256(first[:])
	return append(first[:], second[:]...)
}

// digest hashes parts with their lengths.
func digest(parts ...[]byte) (sum [sha256.Size]byte) {
	d := sha256.New()
	var length [8]byte
	for _, part := range parts {
		binary.BigEndian.PutUint64(length[:], uint64(len(part)))
		d.Write(length[:])
		d.Write(part)
	}
	d.Sum(sum[:0])
	return sum
}

// SignNow makes the signature that a host asks for within the input at hand, which takes it that much longer; nil when it has no such key.
func (w *World) SignNow(id protocol.NodeID, v *protocol.Sign) []byte {
	h := w.must(id)
	w.busy(h, h.cost.Sign)
	return w.sign(id, v)
}

// VerifyNow reports whether a signature matches, within the input at hand of a host, which takes it that much longer.
func (w *World) VerifyNow(id protocol.NodeID, c protocol.Check) bool {
	h := w.must(id)
	w.busy(h, h.cost.Verify)
	return w.matches(&c)
}
