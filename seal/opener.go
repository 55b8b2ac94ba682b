package seal

import "crypto/cipher"

// Opener opens the datagrams of one direction, each once.
type Opener struct {
	once
	index uint32
}

// NewOpener returns an Opener of datagrams for the session that this end knows by index.
func NewOpener(key Key, index uint32) *Opener {
	return &Opener{once: newOnce(key), index: index}
}

// Open checks a datagram and returns its frames, decrypted in place. The error is one of Index, ErrReplayed, or ErrForged, after which the frames
// of the datagram are destroyed. What was opened before is refused before it is decrypted, which costs next to nothing; it is noted as opened only
// once it has proven authentic.
func (o *Opener) Open(datagram []byte) (frames []byte, err error) {
	index, err := Index(datagram)
	if err != nil {
		return nil, err
	}
	counter := Counter(datagram)
	if index != o.index || counter >= PacketsMax {
		return nil, ErrForged
	}
	return o.open(datagram, counter)
}

// once opens what was sealed by one key, each datagram once.
type once struct {
	aead   cipher.AEAD
	window window
	nonce  nonce
}

func newOnce(key Key) once { return once{aead: key.aead(), nonce: newNonce(key)} }

// open opens a datagram, of at least SizeMin bytes, in place.
func (o *once) open(datagram []byte, counter uint64) (frames []byte, err error) {
	if o.window.has(counter) {
		return nil, ErrReplayed
	}
	sealed := datagram[HeaderSize:]
	frames, err = o.aead.Open(sealed[:0], o.nonce.of(counter), sealed, datagram[:HeaderSize])
	if err != nil {
		return nil, ErrForged
	}
	o.window.add(counter)
	return frames, nil
}
