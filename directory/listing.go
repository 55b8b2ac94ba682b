package directory

import (
	"cmp"
	"slices"

	"spinglass/protocol"
)

// listing is the topics of others that match what this member wants.
type listing struct {
	entries []*entry // ascending by name
	count   int      // of their publishers
	of      map[protocol.NodeID]int
}

// entry is a topic of others.
type entry struct {
	name       string
	publishers []listed // ascending by ID
}

type listed struct {
	Publisher
	expires protocol.Time
}

func newListing() listing { return listing{of: map[protocol.NodeID]int{}} }

func (l *listing) find(name string) (int, bool) {
	return slices.BinarySearchFunc(l.entries, name, func(e *entry, name string) int { return cmp.Compare(e.name, name) })
}

// named returns the entry of a topic, nil when there is none.
func (l *listing) named(name string) *entry {
	if at, found := l.find(name); found {
		return l.entries[at]
	}
	return nil
}

func (e *entry) find(id protocol.NodeID) (int, bool) {
	return slices.BinarySearchFunc(e.publishers, id, func(p listed, id protocol.NodeID) int { return cmp.Compare(p.ID, id) })
}

// put lists a publisher of a topic until an instant. It reports whether there was room, and whether the topic is new.
func (l *listing) put(name string, p Publisher, expires protocol.Time) (fits, fresh bool) {
	at, found := l.find(name)
	if found {
		if i, listed := l.entries[at].find(p.ID); listed {
			l.entries[at].publishers[i].Publisher, l.entries[at].publishers[i].expires = p, expires
			return true, false
		}
	}
	if l.count >= EntriesMax || l.of[p.ID] >= EntriesPublisherMax {
		return false, false
	}
	if !found {
		l.entries = slices.Insert(l.entries, at, &entry{name: name})
	}
	e := l.entries[at]
	i, _ := e.find(p.ID)
	e.publishers = slices.Insert(e.publishers, i, listed{p, expires})
	l.count++
	l.of[p.ID]++
	return true, !found
}

// forget takes a publisher from a topic, and reports whether it has none then.
func (l *listing) forget(e *entry, i int) bool {
	l.uncount(e.publishers[i].ID)
	e.publishers = slices.Delete(e.publishers, i, i+1)
	return len(e.publishers) == 0
}

func (l *listing) uncount(id protocol.NodeID) {
	l.count--
	if l.of[id]--; l.of[id] == 0 {
		delete(l.of, id)
	}
}

// expire takes from a topic the publishers whose time is over, and reports whether it has none then.
func (l *listing) expire(e *entry, now protocol.Time) bool {
	for i := len(e.publishers) - 1; i >= 0; i-- {
		if e.publishers[i].expires <= now {
			l.forget(e, i)
		}
	}
	return len(e.publishers) == 0
}

// drop takes topics away, and returns their names.
func (l *listing) drop(which func(*entry) bool) (names []string) {
	l.entries = slices.DeleteFunc(l.entries, func(e *entry) bool {
		if !which(e) {
			return false
		}
		for _, p := range e.publishers {
			l.uncount(p.ID)
		}
		names = append(names, e.name)
		return true
	})
	return names
}

// hear takes an announcement.
func (d *Directory) hear(now protocol.Time, author protocol.NodeID, channel string, payload []byte, out *protocol.Output) {
	p, items, err := decodeAnnouncement(payload)
	if err != nil || ChannelOf(p) != channel {
		d.stats.Malformed++
		return
	}
	if d.wanting(p) == nil {
		return // it has the same channel as one that is wanted
	}
	d.stats.AnnouncementsHeard++
	for i := range items {
		d.hearItem(now, author, &items[i], out)
	}
	d.begin(now)
}

func (d *Directory) hearItem(now protocol.Time, author protocol.NodeID, i *item, out *protocol.Output) {
	if i.gone {
		d.hearGone(now, author, i.name, out)
		return
	}
	if !d.config.Host.MayPublish(author, i.name) {
		d.stats.EntriesForbidden++
		return
	}
	fits, fresh := d.list.put(i.name, Publisher{author, i.messages, i.bytes}, now.Add(entryLife))
	if !fits {
		d.stats.EntriesRefused++
	}
	if fresh && !d.publishes(i.name) {
		d.config.Host.Found(now, i.name, out)
	}
}

func (d *Directory) hearGone(now protocol.Time, author protocol.NodeID, name string, out *protocol.Output) {
	at, found := d.list.find(name)
	if !found {
		return
	}
	e := d.list.entries[at]
	if i, listed := e.find(author); listed && d.list.forget(e, i) {
		d.list.entries = slices.Delete(d.list.entries, at, at+1)
		d.lost(now, name, out)
	}
}

// Stats counts what a Directory did, and tells what it holds.
type Stats struct {
	QuestionsSent      uint64
	QuestionsHeard     uint64
	CallsSent          uint64
	CallsHeard         uint64
	CallsRefused       uint64 // of these, those that were not answered: the caller had called too often
	AnnouncementsSent  uint64
	AnnouncementsHeard uint64 // of patterns that this member wants
	Malformed          uint64 // messages that are none
	BoardRefused       uint64 // patterns for which the board had no room
	OwnRefused         uint64 // times that a topic of this member was not announced because there are too many
	EntriesRefused     uint64 // topics of others for which there was no room
	EntriesForbidden   uint64 // topics that their publisher may not publish to
	ListenRefused      uint64 // times that this member could not subscribe to questions
	PublishRefused     uint64 // messages that were tried again later
	AnswersDelayed     uint64 // answers that were put off because others had taken their bytes

	Board   int // patterns that are wanted in the fleet, as far as this member knows
	Wants   int // of them, by this member
	Own     int // topics that it announces
	Entries int // topics of others that it lists, each counted for each of its publishers
}

// Stats returns what the directory counted so far.
func (d *Directory) Stats() Stats {
	s := d.stats
	s.Board, s.Wants, s.Own, s.Entries = len(d.board), len(d.wants), len(d.names), d.list.count
	return s
}
