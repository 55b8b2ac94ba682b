package astrolabe

import (
	"bytes"
	"crypto/sha256"
	"errors"
	"slices"
	"time"

	"spinglass/protocol"
)

// Bounds of asking.
const (
	questionsMax    = 64                     // that are under way
	askWindow       = 32                     // pieces that are asked for at once
	askRetryMin     = 200 * time.Millisecond // after which what has not come is asked for again,
	askRetryMax     = 800 * time.Millisecond // twice as long each time, up to this
	askPatience     = 4 * time.Second        // without a piece after which there will be no answer
	askRestartsMax  = 4                      // times that what is asked for may have changed meanwhile
	askAddressesMax = 16                     // of one who is asked
)

// Question is for what one member is asked.
type Question struct {
	Subject   Subject
	Path      string          // of the zone, the host or the row
	Hash      Hash            // of the blob
	To        protocol.NodeID // who is asked
	Addresses []protocol.Address
}

// Answered tells what came of a question. Of a table or a row the Body is the encoding of a TableAnswer, of a blob it is that itself.
type Answered struct {
	protocol.EventMark
	Number uint64
	From   protocol.NodeID
	Body   []byte // immutable
	Err    error
}

// Errors of questions.
var (
	ErrNotRunning = errors.New("this member does not take part yet, or no longer")
	ErrQuestions  = errors.New("too many questions are under way")
	ErrNoAddress  = errors.New("no address is known of who is to be asked")
	ErrNoAnswer   = errors.New("no answer")
	ErrNotHeld    = errors.New("who was asked does not hold it")
	ErrChanging   = errors.New("what was asked for changes faster than it comes")
)

// question is one that is under way.
type question struct {
	Question
	number   uint64
	sum      uint64 // of what the pieces are of, 0 while that is not known
	whole    int
	got      []byte            // all pieces before the first that is missing
	ahead    [askWindow][]byte // those behind it; the first one is missing
	asked    [askWindow]protocol.Time
	attempts int // since a piece has come
	restarts int
	next     protocol.Time // when to ask again
	until    protocol.Time // when to give up
}

// Ask asks a member for a table, a row or a blob. Answered tells, by the number, what comes of it, within askPatience of the last piece. Errors: ErrNotRunning, ErrQuestions, ErrNoAddress.
func (m *Machine) Ask(now protocol.Time, q Question, out *protocol.Output) (number uint64, err error) {
	switch {
	case m.config.Hosts.Own() == nil || m.next == protocol.Never:
		return 0, ErrNotRunning
	case len(m.questions) >= questionsMax:
		return 0, ErrQuestions
	case q.To == 0 || q.To == m.config.Self || len(q.Addresses) == 0 && !m.reaches(q.To):
		return 0, ErrNoAddress
	}
	q.Addresses = slices.Clone(q.Addresses[:min(len(q.Addresses), askAddressesMax)])
	asked := &question{Question: q, number: m.config.Rand.Uint64() | 1, until: now.Add(askPatience)}
	if q.Subject == SubjectBlob {
		asked.sum = firstOf(q.Hash)
	}
	m.questions = append(m.questions, asked)
	m.stats.Questions++
	m.askAgain(now, asked, out)
	return asked.number, nil
}

// Cancel ends a question of which nothing is wanted any longer.
func (m *Machine) Cancel(number uint64) {
	m.questions = slices.DeleteFunc(m.questions, func(q *question) bool { return q.number == number })
}

// reaches reports whether siblings and the driver know a member as a peer.
func (m *Machine) reaches(id protocol.NodeID) bool {
	return m.knowsHost(id) || m.knowsRepresentative(id)
}

// askAgain asks for what has not come, and sets when to do so again.
func (m *Machine) askAgain(now protocol.Time, q *question, out *protocol.Output) {
	wait := min(askRetryMin<<min(q.attempts, 8), askRetryMax)
	q.next = min(now.Add(wait), q.until)
	m.askMissing(now, q, wait, out)
	q.attempts++
}

// askMissing asks for the pieces within the window that have not come and were not asked for lately.
func (m *Machine) askMissing(now protocol.Time, q *question, wait time.Duration, out *protocol.Output) {
	first := len(q.got) / pieceSize
	for i := range askWindow {
		if i > 0 && lengthOf(q.whole, first+i) < 0 {
			return // there are no more, or it is not known yet how many
		}
		if q.ahead[i] != nil || q.asked[i] != 0 && now.Sub(q.asked[i]) < wait {
			continue
		}
		q.asked[i] = max(now, 1)
		ask := &Ask{Number: q.number, Subject: q.Subject, Path: q.Path, Hash: q.Hash, Sum: q.sum, Piece: first + i}
		m.stats.AsksSent++
		m.stats.BytesSent += uint64(ask.Size())
		if len(q.Addresses) == 0 || m.reaches(q.To) && q.attempts%2 == 0 {
			out.Send(q.To, ask)
		} else {
			out.SendAddress(q.Addresses[q.attempts%len(q.Addresses)], ask)
		}
	}
}

// receivePiece takes a piece of an answer, and the answer when it is complete.
func (m *Machine) receivePiece(now protocol.Time, from protocol.NodeID, p *Piece, out *protocol.Output) {
	i := slices.IndexFunc(m.questions, func(q *question) bool { return q.number == p.Number && q.To == from })
	if i < 0 {
		m.stats.PiecesUnasked++
		out.Drop(from, ReasonPieceUnasked)
		return
	}
	m.stats.PiecesReceived++
	q := m.questions[i]
	if err := q.take(p); err != nil {
		m.finish(q, nil, err, out)
		return
	}
	if len(q.got) < q.whole {
		q.attempts, q.next, q.until = 0, now.Add(askRetryMin), now.Add(askPatience)
		m.askMissing(now, q, askRetryMin, out)
		return
	}
	if q.Subject == SubjectBlob {
		if sha256.Sum256(q.got) != q.Hash {
			m.stats.BlobsForged++
			m.finish(q, nil, ErrAnswer, out)
			return
		}
		m.blobs.cache(q.Hash, q.got)
	}
	m.finish(q, q.got, nil, out)
}

// take adds a piece to what has come.
func (q *question) take(p *Piece) error {
	switch {
	case p.Whole == 0:
		return ErrNotHeld
	case q.Subject == SubjectBlob && (p.Sum != q.sum || p.Whole > BlobSizeMax || q.whole != 0 && p.Whole != q.whole):
		return ErrAnswer
	case q.sum != 0 && q.whole != 0 && (p.Sum != q.sum || p.Whole != q.whole):
		if q.restarts++; q.restarts > askRestartsMax {
			return ErrChanging
		}
		q.got, q.ahead, q.asked = nil, [askWindow][]byte{}, [askWindow]protocol.Time{}
	}
	q.sum, q.whole = p.Sum, p.Whole
	at := p.Piece - len(q.got)/pieceSize
	if at < 0 || at >= askWindow || q.ahead[at] != nil {
		return nil
	}
	q.ahead[at] = bytes.Clone(p.Bytes)
	n := 0
	for n < askWindow && q.ahead[n] != nil {
		q.got = append(q.got, q.ahead[n]...)
		n++
	}
	q.shift(n)
	return nil
}

// shift moves the window on by n pieces.
func (q *question) shift(n int) {
	copy(q.ahead[:], q.ahead[n:])
	copy(q.asked[:], q.asked[n:])
	for i := askWindow - n; i < askWindow; i++ {
		q.ahead[i], q.asked[i] = nil, 0
	}
}

// finish ends a question.
func (m *Machine) finish(q *question, body []byte, err error, out *protocol.Output) {
	m.Cancel(q.number)
	if err != nil {
		m.stats.QuestionsFailed++
	}
	out.Emit(Answered{Number: q.number, From: q.To, Body: body, Err: err})
}

// pursue asks again for what has not come in time, and gives up questions that nobody answers.
func (m *Machine) pursue(now protocol.Time, out *protocol.Output) {
	for _, q := range slices.Clone(m.questions) {
		switch {
		case now >= q.until:
			m.finish(q, nil, ErrNoAnswer, out)
		case now >= q.next:
			m.askAgain(now, q, out)
		}
	}
}

// abandon ends all questions of a member that leaves.
func (m *Machine) abandon(out *protocol.Output) {
	for _, q := range slices.Clone(m.questions) {
		m.finish(q, nil, ErrNotRunning, out)
	}
}

// pursueNext returns when a question wants to be looked at.
func (m *Machine) pursueNext() protocol.Time {
	next := protocol.Never
	for _, q := range m.questions {
		next = min(next, q.next, q.until)
	}
	return next
}
