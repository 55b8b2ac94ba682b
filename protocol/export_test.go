package protocol

// SetDebt says what a source owes, for tests.
func (p *Portion) SetDebt(debt int) { p.debt = debt }
