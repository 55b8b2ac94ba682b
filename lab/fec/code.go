package fec

import (
	"encoding/binary"

	"github.com/klauspost/reedsolomon"
)

// lengthSize is how many bytes of a symbol tell how long its packet is.
const lengthSize = 2

// code is the Reed-Solomon code of blocks.
type code struct {
	data, parity int
	encoder      reedsolomon.Encoder
}

func newCode(data, parity int) (*code, error) {
	encoder, err := reedsolomon.New(data, parity, reedsolomon.WithMaxGoroutines(1))
	return &code{data, parity, encoder}, err
}

// symbol returns a packet as a symbol of so many bytes.
func symbol(packet []byte, size int) []byte {
	s := make([]byte, size)
	binary.BigEndian.PutUint16(s, uint16(len(packet)))
	copy(s[lengthSize:], packet)
	return s
}

// packetOf returns the packet of a symbol, false if it is none.
func packetOf(symbol []byte) ([]byte, bool) {
	if len(symbol) < lengthSize {
		return nil, false
	}
	length := int(binary.BigEndian.Uint16(symbol))
	if length > len(symbol)-lengthSize {
		return nil, false
	}
	return symbol[lengthSize : lengthSize+length], true
}

// encode returns the parity symbols of a block's packets, k at most.
func (c *code) encode(packets [][]byte) ([][]byte, error) {
	size := 0
	for _, p := range packets {
		size = max(size, lengthSize+len(p))
	}
	shards := make([][]byte, c.data+c.parity)
	for i := range shards {
		if i < len(packets) {
			shards[i] = symbol(packets[i], size)
		} else {
			shards[i] = make([]byte, size)
		}
	}
	if err := c.encoder.Encode(shards); err != nil {
		return nil, err
	}
	return shards[c.data:], nil
}

// decode returns the packets of a block of count that are nil in packets, by the symbols of parity that are not.
func (c *code) decode(packets, parity [][]byte, count int) ([][]byte, error) {
	size := 0
	for _, p := range parity {
		size = max(size, len(p))
	}
	shards := make([][]byte, c.data+c.parity)
	for i := range c.data {
		switch {
		case i >= count:
			shards[i] = make([]byte, size)
		case packets[i] != nil:
			if lengthSize+len(packets[i]) > size {
				return nil, reedsolomon.ErrShardSize
			}
			shards[i] = symbol(packets[i], size)
		}
	}
	copy(shards[c.data:], parity)
	if err := c.encoder.ReconstructData(shards); err != nil {
		return nil, err
	}
	found := make([][]byte, count)
	for i := range count {
		if packets[i] != nil {
			continue
		}
		packet, ok := packetOf(shards[i])
		if !ok {
			return nil, reedsolomon.ErrShardSize
		}
		found[i] = packet
	}
	return found, nil
}
