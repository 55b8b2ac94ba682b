package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
)

// writeTables writes the results of one size and number of members, as tables that Markdown understands.
func writeTables(w io.Writer, results []*result) error {
	table := tabwriter.NewWriter(w, 0, 0, 1, ' ', tabwriter.AlignRight|tabwriter.Debug)
	fmt.Fprintf(w, "\n%d members, messages of %d bytes\n\n", results[0].Members, results[0].Size)
	row(table, "system", "messages/s each", "MB/s", "of udp-gso", "p50 us at half", "p99 us", "CPU us/delivery", "MB/member")
	for _, r := range results {
		switch {
		case r.Error != "":
			row(table, r.System, "failed", "", "", "", "", "", "")
		case r.Rate == 0:
			row(table, r.System, "none", "", "", "", "", "", fmt.Sprintf("%.0f", r.Resident))
		default:
			row(table, r.System, fmt.Sprintf("%.0f", r.Rate), fmt.Sprintf("%.1f", r.Megabytes), ratio(r.Ratio),
				fmt.Sprintf("%.0f", r.P50), fmt.Sprintf("%.0f", r.P99), fmt.Sprintf("%.2f", r.CPU), fmt.Sprintf("%.0f", r.Resident))
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	for _, r := range results {
		if r.Error != "" {
			fmt.Fprintf(w, "%s failed: %s\n", r.System, r.Error)
		} else if r.Lowest != nil {
			fmt.Fprintf(w, "%s: at %.0f messages/s %.4f %% arrived; %s\n", r.System, r.Lowest.Rate, r.Lowest.Delivered*100, r.Limit)
		}
	}
	return writePerturbed(w, results)
}

// writePerturbed writes what became of the results while receivers slept.
func writePerturbed(w io.Writer, results []*result) error {
	table := tabwriter.NewWriter(w, 0, 0, 1, ' ', tabwriter.AlignRight|tabwriter.Debug)
	rows := 0
	for _, r := range results {
		for _, p := range r.Perturbed {
			if rows++; rows == 1 {
				fmt.Fprintf(w, "\nhealthy receivers while others sleep, at half of the rate of each system\n\n")
				row(table, "system", "asleep", "offered/s", "mean", "worst 500 ms", "delivered", "p99 us", "delivered to sleepers")
			}
			row(table, r.System, fmt.Sprintf("%d for %.0f %%", p.Members, p.Sleep*100), fmt.Sprintf("%.0f", r.HalfRate), percent(p.Mean), percent(p.Worst),
				fmt.Sprintf("%.4f %%", p.HealthyDelivered*100), fmt.Sprintf("%.0f", p.P99), percent(p.PerturbedDelivered))
		}
	}
	return table.Flush()
}

func percent(x float64) string { return fmt.Sprintf("%.1f %%", x*100) }

// ratio is a part of the limit, unless that was not measured.
func ratio(x float64) string {
	if x == 0 {
		return "-"
	}
	return percent(x)
}

func row(w io.Writer, cells ...string) { fmt.Fprintln(w, strings.Join(cells, "\t")+"\t") }

// progress is a line that is written over and over, on a terminal only.
type progress struct{ w io.Writer }

func newProgress(f *os.File) *progress {
	if info, err := f.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return &progress{w: io.Discard}
	}
	return &progress{w: f}
}

func (p *progress) show(format string, args ...any) { fmt.Fprintf(p.w, "\r\x1b[K"+format, args...) }

func (p *progress) clear() { fmt.Fprint(p.w, "\r\x1b[K") }
