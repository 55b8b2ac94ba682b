package directory

import (
	"cmp"
	"slices"
	"time"

	"spinglass/protocol"
	"spinglass/topic"
)

// find returns where a pattern stands on the board.
func (d *Directory) find(p topic.Pattern) (int, bool) {
	return slices.BinarySearchFunc(d.board, p.String(), func(q *posted, text string) int { return cmp.Compare(q.pattern.String(), text) })
}

// hearQuestion puts patterns on the board, and has them answered where the question is news.
func (d *Directory) hearQuestion(now protocol.Time, teller protocol.NodeID, asks []ask) {
	d.stats.QuestionsHeard++
	for i := range asks {
		d.post(now, teller, &asks[i])
	}
	d.begin(now)
}

// post puts a pattern on the board.
func (d *Directory) post(now protocol.Time, teller protocol.NodeID, a *ask) {
	asked := now.Add(-a.age)
	at, found := d.find(a.pattern)
	if !found {
		if len(d.board) >= BoardMax || teller != d.config.Self && d.toldBy(teller) >= BoardTellerMax {
			d.stats.BoardRefused++
			return
		}
		d.board = slices.Insert(d.board, at, &posted{pattern: a.pattern, teller: teller, asked: asked, answer: protocol.Never, answered: now.Add(-answerEvery)})
	}
	p := d.board[at]
	p.told = now
	if found && asked.Sub(p.asked) < fresher {
		return
	}
	p.asked = asked
	if p.answer == protocol.Never {
		pause := time.Duration(d.config.Rand.Int64N(int64(answerWithin)))
		p.answer = max(now.Add(pause), p.answered.Add(answerEvery))
		d.wake(p.answer)
	}
}

// toldBy returns how many patterns of the board a member has told of first.
func (d *Directory) toldBy(teller protocol.NodeID) (count int) {
	for _, p := range d.board {
		if p.teller == teller {
			count++
		}
	}
	return count
}

// hearCall has this member tell the board, unless others do so before, or the caller has called as often as a newcomer does. The whole board for a byte would be worth asking for again and again.
func (d *Directory) hearCall(now protocol.Time, caller protocol.NodeID) {
	d.stats.CallsHeard++
	d.begin(now)
	if known := d.callers[caller] > 0; d.callers[caller] >= callsTellerMax || !known && len(d.callers) >= callersMax {
		d.stats.CallsRefused++
		return
	}
	d.callers[caller]++
	if d.called = now; d.tell == protocol.Never {
		d.tell = now.Add(d.delay(tellWithin))
		d.wake(d.tell)
	}
}

// call asks others to tell the board.
func (d *Directory) call(now protocol.Time, out *protocol.Output) {
	d.callAt = protocol.Never
	if now.Sub(d.called) >= callQuiet && d.say([]byte{messageCall}, now, out) {
		d.stats.CallsSent++
	}
	if d.calls < len(callAfter) {
		d.callAt = now.Add(callAfter[d.calls])
		d.calls++
	}
}

// tellBoard tells what of the board nobody has told since it was called for.
func (d *Directory) tellBoard(now protocol.Time, out *protocol.Output) {
	d.tell = protocol.Never
	var asks []ask
	for _, p := range d.board {
		if age := now.Sub(p.asked); p.told < d.called && age < boardLife {
			asks = append(asks, ask{p.pattern, max(0, age).Truncate(time.Millisecond)})
			p.told = now
		}
	}
	d.question(now, asks, out)
}

// ask asks for the patterns of this member that are due.
func (d *Directory) ask(now protocol.Time, out *protocol.Output) {
	var asks []ask
	for _, w := range d.wants {
		if w.next <= now && d.due(now, w) {
			asks = append(asks, ask{pattern: w.pattern})
		}
		d.wake(w.next)
	}
	if len(asks) == 0 {
		return
	}
	slices.SortFunc(asks, func(a, b ask) int { return cmp.Compare(a.pattern.String(), b.pattern.String()) })
	for i := range asks {
		d.post(now, d.config.Self, &asks[i])
	}
	d.question(now, asks, out)
}

// due reports whether a pattern is to be asked for now, and says when it is next.
func (d *Directory) due(now protocol.Time, w *want) bool {
	if w.asks < len(askAfter) {
		w.next = now.Add(askAfter[w.asks])
		w.asks++
		return true
	}
	last := now.Add(-askEvery)
	if at, found := d.find(w.pattern); found {
		last = d.board[at].asked
	}
	if now.Sub(last) < askEvery { // another member has asked
		w.next = last.Add(askEvery + d.delay(askSpread))
		return false
	}
	w.next = now.Add(askEvery + d.delay(askSpread))
	return true
}

// question publishes a question, in as many messages as it takes.
func (d *Directory) question(now protocol.Time, asks []ask, out *protocol.Output) {
	for len(asks) > 0 {
		count, size := 0, 4
		for count < len(asks) && size+asks[count].size() <= MessageMax {
			size += asks[count].size()
			count++
		}
		if d.say(appendQuestion(make([]byte, 0, size), asks[:count]), now, out) {
			d.stats.QuestionsSent++
		}
		asks = asks[count:]
	}
}

// say publishes to all that listen. What cannot be published is said again in time.
func (d *Directory) say(payload []byte, now protocol.Time, out *protocol.Output) bool {
	if err := d.config.Host.Publish(now, topic.System, payload, out); err != nil {
		d.stats.PublishRefused++
		return false
	}
	return true
}
