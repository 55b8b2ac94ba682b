package bimodal

import "spinglass/protocol"

// Bounds of asking authors for the ends of streams of which others tell more than they can prove.
const (
	doubtsMax   = 32 // ends that are in doubt
	doubtPause  = 2  // rounds after which the author is asked for the first time; twice as many after each further one,
	doubtGrowth = 2  // up to so often
	doubtPolls  = 1  // polls a round, of those that a round has
	authorPause = 4  // rounds between two of them to one author
)

// doubt is an end of a stream that others tell of and that nobody has proven: the packets with manifests may have reached nobody else, be past their short phase, or be
// withheld; or somebody lies. The author knows.
type doubt struct {
	stream StreamID
	high   uint64 // how far the stream is known to go; 0 if it is not known
	by     *voice // who told of more first
	told   uint32 // round in which anybody did last
	asked  uint32 // round in which the author was asked last, or the doubt came up
	times  int    // how often it was asked
}

// pause returns for how many rounds nothing is asked.
func (d *doubt) pause() uint32 { return doubtPause << min(d.times, doubtGrowth) }

// doubtEnd notes that a member tells of more of a stream than this node knows. In a stream of which packets come others are always ahead by some, and a stream that is about
// to be known is none of its concern.
func (m *Machine) doubtEnd(id StreamID, s *stream, from protocol.NodeID) {
	high := uint64(0)
	if s != nil {
		high = s.high
	}
	if m.config.Mode != ModeFull || m.peers[id.Author] == nil || m.forbidden(id) || s != nil && (s.pace > 0 || s.high != s.mark) {
		return
	}
	v := &m.proving
	for i := range v.doubts {
		if d := &v.doubts[i]; d.stream == id {
			d.told = m.round
			return
		}
	}
	by := m.linkOf(from)
	if !m.affords(by, by.doubts, len(v.doubts), 1, doubtsMax) {
		m.stats.DoubtsRefused++
		return
	}
	by.doubts++
	v.doubts = append(v.doubts, doubt{stream: id, high: high, by: by, told: m.round, asked: m.round})
}

// askAuthors polls the author whose answer was waited for longest, about all its streams whose ends are in doubt for long enough. What it says is believed.
func (m *Machine) askAuthors(out *protocol.Output) {
	m.sweepDoubts()
	v := &m.proving
	for range doubtPolls {
		first := -1
		for i := range v.doubts {
			if m.mayAskFor(&v.doubts[i]) && (first < 0 || m.round-v.doubts[i].asked > m.round-v.doubts[first].asked) {
				first = i
			}
		}
		if first < 0 || m.pollsLeft == 0 {
			return
		}
		author := m.peers[v.doubts[first].stream.Author]
		q := &Poll{}
		for i := range v.doubts {
			if d := &v.doubts[i]; d.stream.Author == author.id && m.mayAskFor(d) && len(q.Entries) < PollStreamsMax {
				d.asked, d.times = m.round, d.times+1
				q.Entries = append(q.Entries, PollEntry{Stream: d.stream})
			}
		}
		author.asked = m.round
		m.pollsLeft--
		m.stats.PollsSent++
		m.stats.PollsToAuthors++
		out.Send(author.id, q)
	}
}

// mayAskFor reports whether it is time to ask for an end.
func (m *Machine) mayAskFor(d *doubt) bool {
	author := m.peers[d.stream.Author]
	return author != nil && m.round-author.asked >= authorPause && m.round-d.asked >= d.pause()
}

// sweepDoubts ends the doubts about streams of which more came, and those that nobody has told of for long.
func (m *Machine) sweepDoubts() {
	v := &m.proving
	kept := v.doubts[:0]
	for _, d := range v.doubts {
		s := m.byID[d.stream]
		if s != nil && s.high > d.high || s == nil && d.high > 0 || m.round-d.told > trialRounds {
			d.by.doubts--
			continue
		}
		kept = append(kept, d)
	}
	clear(v.doubts[len(kept):])
	v.doubts = kept
}
