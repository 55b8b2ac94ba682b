package main

import (
	"context"
	"fmt"
	"io"
	"strconv"

	"github.com/spf13/cobra"

	"spinglass/lab/astrolabe"
	"spinglass/lab/figure"
)

type labAstrolabeSettings struct {
	grid astrolabe.Grid
	full fullFlag
	labOutput
}

func newLabAstrolabe() *cobra.Command {
	s := labAstrolabeSettings{grid: astrolabe.DefaultGrid()}
	cmd := &cobra.Command{
		Use:   "astrolabe",
		Short: "In how many rounds news of one host reaches all members of a tree of zones, and what that costs",
		Long: "Makes fleets in which each zone has as many child zones, and has one host change its row. It counts the rounds until all members that are up see the change in the " +
			"summary of the whole fleet, and the messages and bytes that a member sends in a round meanwhile. Published figures stand beside, where there are any; they are for " +
			"390625 members.\n\n" +
			"Each flag that takes several values multiplies the runs. A size goes with the branching factors of which it is a power; of those that are given, also with one of which it is a power " +
			"times less: the root has as many child zones.",
		Example: "  spinglass lab astrolabe --members 15625 --branching 5,25,125\n  GOMEMLIMIT=18GiB spinglass lab astrolabe --members 1000000 --branching 10 --representatives 1 --loss 0 --rounds 20\n  spinglass lab astrolabe --crashed 0,0.08 --updates 0,10 --seeds 5 --json --out results",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			return s.run(cmd)
		},
	}
	flags, g := cmd.Flags(), &s.grid
	flags.IntSliceVar(&g.Members, "members", g.Members, "members of the fleet")
	flags.IntSliceVar(&g.Branching, "branching", nil, "child zones of a zone, and hosts of the lowest ones (default those of 5, 25 and 125 that fit the sizes)")
	flags.IntSliceVar(&g.Representatives, "representatives", g.Representatives, "representatives of a zone")
	flags.Float64SliceVar(&g.Loss, "loss", g.Loss, "part of the messages that are lost")
	flags.Float64SliceVar(&g.Crashed, "crashed", g.Crashed, "part of the members that crash at the instant of the change")
	flags.IntSliceVar(&g.Updates, "updates", g.Updates, "times a round that each member changes its row besides, and with it all summaries: a flood")
	flags.IntVar(&g.Rounds, "rounds", g.Rounds, "rounds after the change that a run takes at most")
	seedFlags(cmd, &g.Seeds, &g.Seed)
	s.full.flag(cmd, "the published sizes, where no other ones are given: takes many hours, and up to 22 GB of memory")
	larger := astrolabe.FullGrid()
	fullValue(&s.full, "members", &g.Members, larger.Members)
	fullValue(&s.full, "loss", &g.Loss, larger.Loss)
	fullValue(&s.full, "crashed", &g.Crashed, larger.Crashed)
	s.labOutput.flags(cmd)
	return cmd
}

func (s *labAstrolabeSettings) run(cmd *cobra.Command) error {
	return (&series[astrolabe.Config, astrolabe.Result]{
		full: &s.full, grid: s.grid.Runs,
		name: func(c *astrolabe.Config) string { return fmt.Sprintf("%d members", c.Members()) },
		run: func(ctx context.Context, c astrolabe.Config, progress func(string)) (astrolabe.Result, error) {
			prepare(c.Members())
			before := forgetMemory()
			result, err := astrolabe.Run(ctx, c, progress)
			result.MemoryBytes = memoryUsed(before)
			return result, err
		},
		write: writeLabAstrolabe, draw: drawLabAstrolabe, out: s.labOutput,
	}).do(cmd)
}

// drawLabAstrolabe draws rounds and messages against the size of the fleet, a line for each branching factor, number of representatives, and fault.
func drawLabAstrolabe(rows []astrolabe.Result) []*figure.Figure {
	members := figure.Axis{Label: "members", Log: true}
	rounds := figure.Figure{Name: "astrolabe_rounds", Title: "Rounds until all members see a change", X: members, Y: figure.Axis{Label: "rounds", Zero: true}}
	messages := figure.Figure{Name: "astrolabe_messages", Title: "Load of a member", X: members, Y: figure.Axis{Label: "messages per round", Zero: true}}
	for _, r := range rows {
		name := fmt.Sprintf("branching %d, %d rep.", r.Branching, r.Representatives)
		if r.Loss > 0 {
			name += ", loss " + percent(r.Loss)
		}
		if r.Crashed > 0 {
			name += ", crashed " + percent(r.Crashed)
		}
		if r.Updates > 0 {
			name += fmt.Sprintf(", %d updates", r.Updates)
		}
		if r.RoundsToAll != nil {
			rounds.Observe(name, float64(r.Members), *r.RoundsToAll)
		}
		if r.PublishedRounds != nil && r.Loss == 0 && r.Crashed == 0 && r.Updates == 0 {
			rounds.Observe("published: "+name, float64(r.PublishedMembers), *r.PublishedRounds)
		}
		messages.Observe(name, float64(r.Members), r.Messages)
	}
	if len(rounds.Series) == 0 {
		return []*figure.Figure{&messages}
	}
	return []*figure.Figure{&rounds, &messages}
}

// writeLabAstrolabe writes a result for people, the first one with a header before it.
func writeLabAstrolabe(w io.Writer, first bool, r *astrolabe.Result) {
	const format = "%8s %9s %4s %6s %8s %8s %5s %8s %10s %9s %12s %11s %9s\n"
	if first {
		fmt.Fprintf(w, format, "members", "branching", "reps", "loss", "crashed", "updates", "seed", "rounds", "published", "messages", "at most", "bytes", "memory")
		fmt.Fprintf(w, format, "", "", "", "", "", "/round", "", "to all", "rounds", "/round", "(published)", "/round", "")
	}
	number := strconv.Itoa
	rounds, most := number(r.Reached)+"/"+number(r.Up), number(int(r.Most))
	if r.RoundsToAll != nil {
		rounds = fmt.Sprintf("%.1f", *r.RoundsToAll)
	}
	published := "-"
	if r.PublishedRounds != nil {
		published = fmt.Sprintf("%.0f", *r.PublishedRounds)
	}
	if r.PublishedMost != nil {
		most += fmt.Sprintf(" (%.0f)", *r.PublishedMost)
	}
	memory := "-"
	if r.MemoryBytes != nil {
		memory = bytesText(int64(*r.MemoryBytes))
	}
	fmt.Fprintf(w, format, number(r.Members), number(r.Branching), number(r.Representatives), percent(r.Loss), percent(r.Crashed), number(r.Updates), strconv.FormatUint(r.Seed, 10),
		rounds, published, fmt.Sprintf("%.2f", r.Messages), most, fmt.Sprintf("%.0f", r.Bytes), memory)
}

func percent(part float64) string { return strconv.FormatFloat(part*100, 'g', 3, 64) + " %" }
