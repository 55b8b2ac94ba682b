package astrolabe

import (
	"slices"

	"spinglass/protocol"
)

// Bounds of answering questions.
const (
	piecesPerRound = 512 // pieces that are sent in a round,
	piecesOfPeer   = 128 // of them to one peer: half a megabyte and an eighth of one
	snapshotFresh  = 2   // rounds after which the rows of a table are looked at again
	snapshotRounds = 16  // for which what was asked for stays as it was, for who has not got all of it
	rowsServed     = 256 // answers with rows, of several pieces, that stay so: as many as one peer can have made in two rounds. The first ones make room
)

// serving is what is kept to answer questions.
type serving struct {
	pieces    budget
	snapshots []snapshot // of tables that are held, those made first first; of each two at most
	rows      []snapshot // of other answers that take several pieces, those made first first
}

// snapshot is an answer as it was.
type snapshot struct {
	subject Subject
	path    string
	body    []byte
	sum     uint64
	round   uint64
}

// refill begins a round.
func (s *serving) refill(round uint64) {
	s.pieces.refill(piecesPerRound, piecesOfPeer)
	old := func(s snapshot) bool { return round-s.round > snapshotRounds }
	s.snapshots, s.rows = slices.DeleteFunc(s.snapshots, old), slices.DeleteFunc(s.rows, old)
}

// receiveAsk answers a question with one piece, if the round has room for it. So nobody is sent much more than he asks for, also where links prove no addresses.
func (m *Machine) receiveAsk(now protocol.Time, from protocol.NodeID, a *Ask, out *protocol.Output) {
	m.stats.AsksReceived++
	if !m.serving.pieces.take(from, 1) {
		m.stats.AsksRefused++
		out.Drop(from, ReasonAskBudget)
		return
	}
	body, sum := m.bodyOf(now, a)
	piece := a.Piece
	if sum != a.Sum && a.Sum != 0 {
		piece = 0 // what it had a part of is not there any longer
	}
	length := lengthOf(len(body), piece)
	if length < 0 {
		m.stats.AsksRefused++
		out.Drop(from, ReasonAskPiece)
		return
	}
	p := &Piece{Number: a.Number, Sum: sum, Whole: len(body), Piece: piece, Bytes: body[piece*pieceSize:][:length:length]}
	m.stats.PiecesServed++
	m.stats.BytesSent += uint64(p.Size())
	out.Send(from, p)
}

// bodyOf returns what answers a question, which is never changed; nothing for a blob that is not here.
func (m *Machine) bodyOf(now protocol.Time, a *Ask) (body []byte, sum uint64) {
	if a.Subject == SubjectBlob {
		return m.blobs.get(a.Hash), firstOf(a.Hash)
	}
	if a.Subject == SubjectTable {
		if body, sum, ok := m.snapshotOf(now, a.Path, a.Sum); ok {
			return body, sum
		}
	}
	return m.rowFor(now, a)
}

// rowFor returns the answer to a question for a row, or for what is not held here, where that takes several pieces as it was a moment ago, or when the asker began: what it tells of silence changes all the time.
func (m *Machine) rowFor(now protocol.Time, a *Ask) (body []byte, sum uint64) {
	s := &m.serving
	for _, kept := range s.rows {
		if kept.subject == a.Subject && kept.path == a.Path && (kept.sum == a.Sum || a.Sum == 0 && m.stats.Rounds-kept.round < snapshotFresh) {
			return kept.body, kept.sum
		}
	}
	body = m.Resolve(now, a.Subject, a.Path).Append(nil)
	if len(body) > answerSizeMax {
		return nil, 1
	}
	sum = sumOf(body)
	if len(body) > pieceSize {
		s.putRow(snapshot{a.Subject, a.Path, body, sum, m.stats.Rounds})
	}
	return body, sum
}

// snapshotOf returns a table that is held as it was a moment ago, or as it was when the asker began.
func (m *Machine) snapshotOf(now protocol.Time, path string, sum uint64) ([]byte, uint64, bool) {
	s := &m.serving
	last := -1
	for i := range s.snapshots {
		if s.snapshots[i].path != path {
			continue
		}
		if s.snapshots[i].sum == sum {
			return s.snapshots[i].body, sum, true
		}
		last = i
	}
	if last >= 0 && m.stats.Rounds-s.snapshots[last].round < snapshotFresh {
		return s.snapshots[last].body, s.snapshots[last].sum, true
	}
	a := m.tableOf(now, path, "")
	if a == nil {
		return nil, 0, false
	}
	body := a.Append(nil)
	if len(body) > answerSizeMax {
		return nil, 1, true
	}
	s.put(snapshot{SubjectTable, path, body, sumOf(body), m.stats.Rounds})
	return body, sumOf(body), true
}

// put keeps a snapshot beside the one before it.
func (s *serving) put(latest snapshot) {
	first, count := -1, 0
	for i := range s.snapshots {
		if s.snapshots[i].path != latest.path {
			continue
		}
		if count++; first < 0 {
			first = i
		}
	}
	if count > 1 {
		s.snapshots = slices.Delete(s.snapshots, first, first+1)
	}
	s.snapshots = append(s.snapshots, latest)
}

// putRow keeps a snapshot of another answer.
func (s *serving) putRow(latest snapshot) {
	if len(s.rows) >= rowsServed {
		s.rows = slices.Delete(s.rows, 0, 1)
	}
	s.rows = append(s.rows, latest)
}
