package sim

import "fmt"

// Account checks that every datagram is accounted for: received, counted as lost, or still under way.
type Account struct{ world *World }

// NewAccount returns an Account of the given world.
func NewAccount(w *World) *Account { return &Account{world: w} }

// Observe implements Checker.
func (a *Account) Observe(*Step) {}

// Finish implements Checker.
func (a *Account) Finish() error {
	var pending uint64
	for i := range a.world.inputs {
		if a.world.inputs[i].kind == InputReceive {
			pending++
		}
	}
	s := &a.world.stats
	lost := s.Lost + s.Corrupted + s.Cut + s.EgressFull + s.LinkFull + s.InboxFull + s.InboxLost + s.Down + s.NoAddress + s.NoHost +
		s.TooLarge + s.FlightFull
	if err := a.radio(); err != nil {
		return err
	}
	// What was given to a radio is no datagram to anybody; each copy that was received is one.
	sent := s.Sent - s.Radio.Unicasts - s.Radio.Broadcasts + s.Radio.Copies
	if sent-s.GroupSent+s.GroupCopies+s.Duplicated != s.Received+lost+pending {
		return fmt.Errorf("account: %d datagrams sent, %d of them to groups with %d copies, and %d duplicated, but %d received, %d lost, %d under way",
			sent, s.GroupSent, s.GroupCopies, s.Duplicated, s.Received, lost, pending)
	}
	return nil
}

// radio checks that what was given to radios was transmitted, lost before, or waits, and that no acknowledgement came from nowhere.
func (a *Account) radio() error {
	if a.world.medium == nil {
		return nil
	}
	r := &a.world.stats.Radio
	given := r.Unicasts + r.Broadcasts
	gone := r.QueueFull + r.TooLarge + r.QueueLost + r.Acknowledged + r.Broken + r.Done
	if waiting := a.world.medium.underway(); given != gone+waiting || r.Acknowledged > r.Acknowledgements {
		return fmt.Errorf("account: %d datagrams given to radios, %d gone, %d waiting: %+v", given, gone, waiting, *r)
	}
	return nil
}
