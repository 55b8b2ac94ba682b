package main

import (
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"spinglass/cmd/spinglass/internal/demo"
)

type demoSettings struct {
	options demo.Options
	json    bool
}

func newDemo() *cobra.Command {
	var s demoSettings
	cmd := &cobra.Command{
		Use:   "demo",
		Short: "Show a fleet on this machine that keeps its rate while some members are slow",
		Long: "Starts a fleet on this machine, over real sockets. One member publishes steadily and all others subscribe, while " +
			"some of them are asleep for much of the time. Each second it prints how many messages the members received.",
		Args: noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := s.options.Check(); err != nil {
				return &usageError{err}
			}
			return s.run(cmd)
		},
	}
	flags, o := cmd.Flags(), &s.options
	flags.IntVar(&o.Members, "members", 32, "members of the fleet, the publisher among them")
	flags.Float64Var(&o.Perturbed, "perturbed", 0.25, "part of the members that sleep")
	flags.Float64Var(&o.Sleep, "sleep", 0.5, "part of the time that these are asleep")
	flags.DurationVar(&o.Duration, "duration", 20*time.Second, "how long to publish")
	flags.Float64Var(&o.Rate, "rate", 1000, "messages published per second")
	flags.IntVar(&o.Size, "size", 1000, "bytes of a message")
	flags.BoolVar(&s.json, "json", false, "print one JSON object per second and a summary")
	return cmd
}

func (s *demoSettings) run(cmd *cobra.Command) error {
	out := newOutput(cmd.OutOrStdout())
	view := &demoView{out: out, json: s.json, perturbed: s.options.PerturbedMembers() > 0, progress: newProgress(cmd.ErrOrStderr())}
	if !s.json {
		s.explain(out)
	}
	if err := out.flush(); err != nil {
		return err
	}
	summary, err := demo.Run(cmd.Context(), s.options, view)
	view.progress.clear()
	if err != nil {
		return err
	}
	if s.json {
		err = out.object(&summary)
	} else {
		writeDemoSummary(out, &summary)
	}
	if err != nil {
		return err
	}
	return out.flush()
}

// explain says what is going to happen.
func (s *demoSettings) explain(w io.Writer) {
	o := &s.options
	fmt.Fprintf(w, "%d members on this machine; one publishes %.0f messages of %d bytes per second to all others for %v.\n",
		o.Members, o.Rate, o.Size, o.Duration)
	if n := o.PerturbedMembers(); n > 0 {
		fmt.Fprintf(w, "%d of them are asleep %.0f %% of the time. Watch the healthy ones: their rate should stay that of the publisher.\n\n",
			n, o.Sleep*100)
	} else {
		fmt.Fprintf(w, "Nothing goes wrong this time (--perturbed 0): everyone should receive at the publisher's rate.\n\n")
	}
}

// demoView shows a demonstration as a table or as JSON.
type demoView struct {
	out       *output
	json      bool
	perturbed bool // some members are
	progress  *progress
}

// Forming implements demo.Watcher.
func (v *demoView) Forming(ready, members int) {
	v.progress.show("%d of %d members see all others", ready, members)
}

// Formed implements demo.Watcher.
func (v *demoView) Formed(after time.Duration) {
	v.progress.clear()
	if v.json {
		return
	}
	fmt.Fprintf(v.out, "All members see each other after %.1f s.\n\n", after.Seconds())
	fmt.Fprintf(v.out, "%6s %10s %21s %21s %8s %8s\n", "", "", "healthy members", "perturbed members", "", "")
	fmt.Fprintf(v.out, "%6s %10s %10s %10s %10s %10s %8s %8s\n", "second", "offered/s", "mean/s", "min/s", "mean/s", "min/s", "gaps", "lost")
}

// Second implements demo.Watcher.
func (v *demoView) Second(s demo.Second) error {
	if v.json {
		if err := v.out.object(&s); err != nil {
			return err
		}
	} else {
		perturbed := fmt.Sprintf("%10s %10s", "-", "-")
		if v.perturbed {
			perturbed = fmt.Sprintf("%10.0f %10.0f", s.PerturbedMean, s.PerturbedMin)
		}
		fmt.Fprintf(v.out, "%6d %10.0f %10.0f %10.0f %s %8d %8d\n",
			s.Second, s.Offered, s.HealthyMean, s.HealthyMin, perturbed, s.Gaps, s.Lost)
	}
	return v.out.flush()
}

// Draining implements demo.Watcher.
func (v *demoView) Draining() { v.progress.show("waiting for the last messages") }

func writeDemoSummary(w io.Writer, s *demo.Summary) {
	fmt.Fprintf(w, "\n%d messages published, %.0f per second.\n", s.Published, s.Rate)
	fmt.Fprintf(w, "Healthy members:   %.0f per second on average, %.0f in the worst second of any of them; %.4f %% of all messages delivered.\n",
		s.HealthyMean, s.HealthyMin, s.HealthyDelivered*100)
	if s.Perturbed > 0 {
		fmt.Fprintf(w, "Perturbed members: %.4f %% of all messages delivered.\n", s.PerturbedDelivered*100)
	}
	fmt.Fprintf(w, "%d messages were lost and told as such, in %d gaps.\n", s.Lost, s.Gaps)
}
