package main

import (
	"cmp"
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// fractions returns the means, by rating, the highest first.
func fractions(sums map[float64]*fraction) (all []fraction) {
	for _, s := range sums {
		all = append(all, fraction{s.rating, s.subscriptions, s.got / float64(s.subscriptions), s.lost / float64(s.subscriptions)})
	}
	slices.SortFunc(all, func(a, b fraction) int { return cmp.Compare(b.rating, a.rating) })
	return all
}

// perMember returns what a member sends and receives, bytes a second: of topics, and of membership and tables.
func (r *result) perMember() (topics, others float64) {
	n := float64(len(r.topology.members))
	return r.topics / n, r.others / n
}

// report prints results beside each other.
func report(w io.Writer, results []*result) error {
	t := results[0].topology
	fmt.Fprintf(w, "%d regions, %d lines, %d members, %d contracts with a signal each; %v each of calm, storm and calm\n\n", t.regions, len(t.lines), len(t.members), len(t.contracts), results[0].config.phase)
	for _, r := range results {
		fmt.Fprintf(w, "%-10s  %s\n", r.policy.name, r.policy.what)
	}
	fmt.Fprintln(w)
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	row := func(name string, value func(r *result) string) {
		fmt.Fprint(table, name)
		for _, r := range results {
			fmt.Fprint(table, "\t", value(r))
		}
		fmt.Fprintln(table)
	}
	row("", func(r *result) string { return r.policy.name })
	for i, name := range phaseNames {
		row("frequency "+name+", Hz", func(r *result) string { return fmt.Sprintf("%.3f to %.3f", r.low[i], r.high[i]) })
	}
	row("frequency at the end, Hz", func(r *result) string { return fmt.Sprintf("%.3f", r.end) })
	row("control", func(r *result) string {
		if r.held {
			return "held"
		}
		return fmt.Sprintf("lost after %v", r.lost.Round(100*time.Millisecond))
	})
	row("subscriptions", func(r *result) string { return fmt.Sprint(r.wanted) })
	row("bytes/s a member, topics", func(r *result) string { topics, _ := r.perMember(); return fmt.Sprintf("%.0f", topics) })
	for i := range role(roles) {
		row("   "+i.String(), func(r *result) string { return fmt.Sprintf("%.0f", r.roles[i].topics) })
	}
	row("   busiest member", func(r *result) string { return fmt.Sprintf("%.0f", r.busiest) })
	row("bytes/s a member, membership and tables", func(r *result) string { _, others := r.perMember(); return fmt.Sprintf("%.0f", others) })
	for _, i := range []role{producer, relay} {
		row("delay in the storm, ms, to "+i.String(), func(r *result) string { return delay(&r.roles[i]) })
	}
	for _, i := range []role{producer, relay, coordinator, market} {
		row("load in the storm, known to "+i.String()+": off by", func(r *result) string { return percent(r.roles[i].tracking) })
	}
	row("energy, settled by markets: off by", func(r *result) string { return percent(r.roles[market].energy) })
	if err := table.Flush(); err != nil {
		return err
	}
	return reportFractions(w, results[0])
}

// reportFractions prints what subscriptions got of what they asked for.
func reportFractions(w io.Writer, r *result) error {
	fmt.Fprintf(w, "\nwith %s:\n", r.policy.name)
	table := tabwriter.NewWriter(w, 0, 0, 3, ' ', 0)
	fmt.Fprintln(table, "asked\tsubscriptions\tgot\ttold as lost")
	for _, f := range r.asked {
		fmt.Fprintf(table, "%s\t%d\t%s\t%s\n", percent(f.rating), f.subscriptions, percent(f.got), percent(f.lost))
	}
	return table.Flush()
}

func delay(d *duty) string {
	if d.stormy == 0 {
		return "-"
	}
	return fmt.Sprintf("%.0f", d.delay)
}

func percent(v float64) string { return fmt.Sprintf("%.1f %%", 100*v) }
