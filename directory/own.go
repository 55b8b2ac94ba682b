package directory

import (
	"cmp"
	"slices"
	"time"

	"spinglass/protocol"
	"spinglass/topic"
	"spinglass/wire"
)

// own is a topic that this member publishes to.
type own struct {
	name     string
	last     protocol.Time // it was published to
	messages measured
	bytes    measured
	dirty    bool // others are to be told
	gone     bool
}

// measured is a meter with the rate that is announced.
type measured struct {
	meter
	rate Rate
}

// Begin tells that this member is about to publish to a topic, so that it gets its own first message if it wants it. Topics of the system are not announced.
func (d *Directory) Begin(now protocol.Time, name string, out *protocol.Output) {
	if o := d.own[name]; o == nil || o.gone {
		d.addOwn(now, o, name, out)
	}
}

// Published tells that this member has published so many messages to a topic, with so many bytes of payload.
func (d *Directory) Published(now protocol.Time, name string, messages, bytes int) {
	if o := d.own[name]; o != nil {
		o.last = now
		o.messages.count += uint64(messages)
		o.bytes.count += uint64(bytes)
	}
}

// addOwn takes up a topic, or one that was gone.
func (d *Directory) addOwn(now protocol.Time, o *own, name string, out *protocol.Output) {
	switch {
	case o != nil:
		o.gone = false
	case topic.IsSystem(name) || topic.CheckName(name) != nil:
		return
	case len(d.names) >= OwnMax:
		d.stats.OwnRefused++
		return
	default:
		o = &own{name: name}
		at, _ := slices.BinarySearchFunc(d.names, name, func(o *own, name string) int { return cmp.Compare(o.name, name) })
		d.names = slices.Insert(d.names, at, o)
		d.own[name] = o
	}
	if d.listen(now, out) == nil && d.calls == 0 && d.callAt == protocol.Never {
		d.callAt = now
	}
	o.dirty, o.last = true, now
	d.dirty = min(d.dirty, now)
	d.wake(now)
	d.begin(now)
	if d.wanted(name) && d.list.named(name) == nil {
		d.config.Host.Found(now, name, out)
	}
}

// measure ends the window of rates, and finds topics that are published to no longer.
func (d *Directory) measure(now protocol.Time, out *protocol.Output) {
	const seconds = int64(window / 1e9)
	for _, o := range d.names {
		if o.gone {
			continue
		}
		o.messages.end(seconds)
		o.bytes.end(seconds)
		messages, bytes := o.messages.rate.follow(o.messages.parts()), o.bytes.rate.follow(o.bytes.parts())
		if messages != o.messages.rate || bytes != o.bytes.rate {
			o.messages.rate, o.bytes.rate, o.dirty = messages, bytes, true
		}
		if now.Sub(o.last) >= ownLife {
			o.gone, o.dirty = true, true
			if d.wanted(o.name) && d.list.named(o.name) == nil {
				d.config.Host.Lost(now, o.name, out)
			}
		}
		if o.dirty {
			d.dirty = min(d.dirty, now)
		}
	}
}

// announceChanges announces own topics that are new, gone, or of another rate.
func (d *Directory) announceChanges(now protocol.Time, out *protocol.Output) {
	d.dirty = protocol.Never
	for _, p := range d.board {
		if !d.announce(now, p, true, out) {
			d.dirty = now.Add(again) // and then all of it, also to those that know: that is rare
		}
	}
	if d.dirty != protocol.Never {
		return
	}
	for _, o := range d.names {
		if o.dirty = false; o.gone {
			delete(d.own, o.name)
		}
	}
	d.names = slices.DeleteFunc(d.names, func(o *own) bool { return o.gone })
	d.rest(now, out)
}

// answer announces all that matches patterns that were asked for, those first that wait for longest, as far as the bytes go that answers may take: whoever asks for much does not
// have this member do nothing else.
func (d *Directory) answer(now protocol.Time, out *protocol.Output) {
	if d.debt > 0 {
		d.debt = max(0, d.debt-int(min(now.Sub(d.paid), time.Minute)*answerBytes/time.Second))
	}
	d.paid = now
	var due []*posted
	for _, p := range d.board {
		if p.answer <= now {
			due = append(due, p)
		} else {
			d.wake(p.answer)
		}
	}
	slices.SortStableFunc(due, func(a, b *posted) int { return cmp.Compare(a.answer, b.answer) })
	for i, p := range due {
		if d.debt >= answerBytes {
			d.stats.AnswersDelayed += uint64(len(due) - i)
			d.wake(now.Add(again))
			return
		}
		p.answer, p.answered = protocol.Never, now
		if !d.announce(now, p, false, out) {
			p.answer = now.Add(again)
			d.wake(p.answer)
		}
	}
}

// announce announces own topics that match a pattern: those of which others are to be told, or all. It reports whether all was published.
func (d *Directory) announce(now protocol.Time, p *posted, changes bool, out *protocol.Output) bool {
	var items []item
	for _, o := range d.names {
		if (o.dirty || !changes && !o.gone) && p.pattern.Match(o.name) {
			items = append(items, item{o.name, o.gone, o.messages.rate, o.bytes.rate})
		}
	}
	for len(items) > 0 {
		count, size := 0, 4+wire.BytesSize(len(p.pattern.String()))
		for count < len(items) && size+items[count].size() <= MessageMax {
			size += items[count].size()
			count++
		}
		payload := appendAnnouncement(make([]byte, 0, size), p.pattern, items[:count])
		if !changes {
			d.debt += len(payload)
		}
		if err := d.config.Host.Publish(now, ChannelOf(p.pattern), payload, out); err != nil {
			d.stats.PublishRefused++
			return false
		}
		d.stats.AnnouncementsSent++
		items = items[count:]
	}
	return true
}
