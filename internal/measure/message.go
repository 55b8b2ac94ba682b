package measure

import (
	"encoding/binary"
	"time"
)

// SizeMin is the smallest message that can be measured, in bytes: a head.
const SizeMin = 16

const numberBits = 48 // of a message in its trial; the trial's number has the other 16

// head is what a message begins with.
type head struct {
	trial  uint64
	number uint64 // of the message in its trial, from 0
	due    time.Duration
}

func (h head) put(payload []byte) {
	binary.LittleEndian.PutUint64(payload, h.trial<<numberBits|h.number)
	binary.LittleEndian.PutUint64(payload[8:], uint64(h.due))
}

// headOf reads the head of a payload of at least SizeMin bytes.
func headOf(payload []byte) head {
	word := binary.LittleEndian.Uint64(payload)
	return head{trial: word >> numberBits, number: word & (1<<numberBits - 1), due: time.Duration(binary.LittleEndian.Uint64(payload[8:]))}
}
