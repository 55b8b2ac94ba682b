package rawudp

import (
	"testing"
	"time"
)

func TestMeasure(t *testing.T) {
	for _, size := range []int{1, 100, 1344, 9000, DatagramMax} {
		for duration := 50 * time.Millisecond; ; duration *= 10 { // in a short time a busy machine may do something else
			result, err := Measure(t.Context(), Options{Receivers: 3, DatagramSize: size, Duration: duration})
			if err != nil {
				t.Fatalf("%d bytes: %v", size, err)
			}
			if result.Seconds < duration.Seconds() || result.Datagrams == 0 && duration > 10*time.Second {
				t.Fatalf("%d bytes: %+v", size, result)
			}
			if result.Datagrams > 0 {
				break
			}
		}
	}
}

func TestMeasureRefusesWhatItCannotMeasure(t *testing.T) {
	for _, options := range []Options{{Receivers: 0, DatagramSize: 1}, {Receivers: 1}, {Receivers: 1, DatagramSize: DatagramMax + 1}} {
		if _, err := Measure(t.Context(), options); err == nil {
			t.Errorf("%+v was measured", options)
		}
	}
}

// BenchmarkFanout reports datagrams that arrive per second at 8 receivers together.
func BenchmarkFanout(b *testing.B) {
	for b.Loop() {
		result, err := Measure(b.Context(), Options{Receivers: 8, DatagramSize: 1200, Duration: time.Second})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(result.Datagrams)/result.Seconds, "datagrams/s")
		b.ReportMetric(float64(result.Lost), "lost")
	}
}
