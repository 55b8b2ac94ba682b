package bimodal

import "spinglass/wire"

// Range is the packets First to Last of a stream, both included.
type Range struct {
	First, Last uint64
}

// Len returns the number of packets in the range.
func (r Range) Len() uint64 { return r.Last - r.First + 1 }

// Ranges travel newest first. Each is written as the distance from the lower end of the one before it, two at least since
// neighbours would be one range, and its length less one.

// ceiling is what the first range is measured from: the number from which a distance of zero leads to top.
func ceiling(top uint64) uint64 { return top + 2 }

func rangesSize(top uint64, ranges []Range) int {
	size, above := wire.UvarintSize(uint64(len(ranges))), ceiling(top)
	for _, r := range ranges {
		size += wire.UvarintSize(above-r.Last-2) + wire.UvarintSize(r.Last-r.First)
		above = r.First
	}
	return size
}

func appendRanges(b []byte, top uint64, ranges []Range) []byte {
	above := ceiling(top)
	b = wire.AppendUvarint(b, uint64(len(ranges)))
	for _, r := range ranges {
		b = wire.AppendUvarint(b, above-r.Last-2)
		b = wire.AppendUvarint(b, r.Last-r.First)
		above = r.First
	}
	return b
}

// readRanges appends at most max ranges between floor and top to ranges.
func readRanges(r *wire.Reader, ranges []Range, top, floor uint64, max int) []Range {
	above := ceiling(top)
	for range r.Count(max, 2) {
		if above < floor+2 {
			r.Fail(wire.ErrRange)
			return ranges
		}
		last := above - 2 - r.UvarintMax(above-2-floor)
		first := last - r.UvarintMax(last-floor)
		ranges = append(ranges, Range{First: first, Last: last})
		above = first
	}
	return ranges
}
