package protocol

// Event is what a machine tells its siblings and the application, and what a driver tells a machine. Packages outside this one
// define events of their own by embedding [EventMark].
type Event interface{ event() }

// EventMark makes the struct that embeds it an Event. It has no size; put it first.
type EventMark struct{}

func (EventMark) event() {}
