package bimodal

import (
	"errors"
	"testing"
)

func TestSpreadNames(t *testing.T) {
	for s := SpreadAuto; s.Valid(); s++ {
		if got, err := ParseSpread(s.String()); got != s || err != nil {
			t.Errorf("%v is read as %v, error %v", s, got, err)
		}
	}
	if _, err := ParseSpread("pigeons"); !errors.Is(err, ErrSpread) {
		t.Errorf("error %v", err)
	}
	m := benchMachine(t, 1, nil)
	if err := m.Configure(0, "orders", TopicOptions{Spread: SpreadMulticast + 1}); !errors.Is(err, ErrSpread) {
		t.Errorf("error %v", err)
	}
}
