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
	if s.Sent-s.GroupSent+s.GroupCopies+s.Duplicated != s.Received+lost+pending {
		return fmt.Errorf("account: %d datagrams sent, %d of them to groups with %d copies, and %d duplicated, but %d received, %d lost, %d under way",
			s.Sent, s.GroupSent, s.GroupCopies, s.Duplicated, s.Received, lost, pending)
	}
	return nil
}
