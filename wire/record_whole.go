package wire

// Whole messages are by far the most frequent records, and small ones are so many to a packet that the way through a Reader would cost more than
// everything else that is done with them. So runs of them have a way of their own.

// NextMessage takes the first message off records, which are whole messages that [CheckBody] or [SkipMessages] has passed. It panics when they
// are not.
func NextMessage(records []byte) (message, rest []byte) {
	// Nearly all heads have two bytes.
	if len(records) > 1 && records[0]&0x83 == 0x80 && records[1]-1 < 0x7f {
		end := 2 + (int(records[0]&0x7f)|int(records[1])<<7)>>2
		return records[2:end:end], records[end:]
	}
	begin, end := wholeRecord(records)
	if end == 0 {
		record, rest, err := NextRecord(records, MessageMax)
		if err != nil || record.Kind != RecordWhole {
			panic("wire: records that were checked are malformed or pieces")
		}
		return record.Data, rest
	}
	return records[begin:end:end], records[end:]
}

// SkipMessages counts the whole messages of at most max bytes each that body begins with. rest begins with the first record that is no such
// message, or is malformed, or in a rare form: a message of 512 KiB or more.
func SkipMessages(body []byte, max int) (count int, rest []byte) {
	at := 0
	for at < len(body) {
		begin, end := 2, 0
		if at+1 < len(body) && body[at]&0x83 == 0x80 && body[at+1]-1 < 0x7f { // as nearly all heads
			end = begin + (int(body[at]&0x7f)|int(body[at+1])<<7)>>2
		} else if begin, end = wholeRecord(body[at:]); end == 0 {
			break
		}
		if end-begin > max || end > len(body)-at {
			break
		}
		at += end
		count++
	}
	return count, body[at:]
}

// wholeRecord returns where the data of the first record begins and ends, if the record is a whole message whose head takes up to three bytes;
// otherwise an end of 0.
func wholeRecord(b []byte) (begin, end int) {
	var head uint
	switch {
	case len(b) > 0 && b[0] < 0x80:
		head, begin = uint(b[0]), 1
	case len(b) > 1 && b[1]-1 < 0x7f:
		head, begin = uint(b[0]&0x7f)|uint(b[1])<<7, 2
	case len(b) > 2 && b[1] >= 0x80 && b[2]-1 < 0x7f:
		head, begin = uint(b[0]&0x7f)|uint(b[1]&0x7f)<<7|uint(b[2])<<14, 3
	default:
		return 0, 0
	}
	end = begin + int(head>>2)
	if head&3 != uint(RecordWhole) || end > len(b) {
		return 0, 0
	}
	return begin, end
}
