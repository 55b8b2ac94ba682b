package adhoc

import "testing"

// What has been seen is known until SeenMax others have come after it.
func TestSeen(t *testing.T) {
	var s Seen[int]
	for i := range SeenMax {
		if !s.Add(i) || s.Add(i) {
			t.Fatalf("%d is not new, or new twice", i)
		}
	}
	for i := range SeenMax / 2 {
		if !s.Add(SeenMax + i) {
			t.Fatalf("%d is not new", SeenMax+i)
		}
	}
	for i := SeenMax / 2; i < SeenMax; i++ {
		if s.Add(i) {
			t.Fatalf("%d is forgotten early", i)
		}
	}
	if !s.Add(0) || len(s.keys) != SeenMax {
		t.Errorf("the oldest is not forgotten; %d are remembered", len(s.keys))
	}
}
