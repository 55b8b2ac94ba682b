package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"spinglass/lab/figure"
)

// exhibit is an experiment on the page of all of them.
type exhibit struct {
	make          func() *cobra.Command
	title         string
	source, claim string
}

const (
	spinglassPaper     = "Birman, van Renesse, Vogels, \"Spinglass: Secure and Scalable Communication Tools for Mission-Critical Computing\", 2001"
	bimodalPaper       = "Birman et al., \"Bimodal Multicast\", ACM TOCS 17(2), 1999"
	gravitationalPaper = "Jenkins, Hopkinson, Birman, \"A Gossip Protocol for Subgroup Multicast\", 2001"
	anonymousPaper     = "Chandra, Ramasubramanian, Birman, \"Anonymous Gossip\", ICDCS 2001"
	astrolabePaper     = "van Renesse, Birman, Vogels, \"Astrolabe\", ACM TOCS 21(2), 2003"
)

// exhibits are all experiments, in the order of the paper.
var exhibits = []exhibit{
	{newLabThroughput, "Throughput with perturbed members", spinglassPaper + ", figure 1",
		"One member that sleeps now and then brings down the rate of a whole group in traditional virtual synchrony, the sooner the larger the group; with gossip the others do not notice."},
	{newLabMicropartitions, "Micropartitions", spinglassPaper + ", section 2",
		"With failure detection ever more aggressive, wrong ejections and the time lost in changes of the view grow about quadratically with the group."},
	{newLabViews, "Changes of the view", "Gupta, Birman, van Renesse, \"Fighting Fire with Fire\", Quality and Reliability Engineering International 18, 2002",
		"Over a probabilistic lower layer virtual synchrony breaks through the scalability barrier: changes of the view cost large groups little."},
	{newLabDetection, "Failure detection", "van Renesse, Minsky, Hayden, \"A Gossip-Style Failure Detection Service\", Middleware 1998; Dadgar, Phillips, Currey, \"Lifeguard\", 2017",
		"Heartbeats that spread by gossip find out who has failed, with few mistakes in spite of loss, at a load that hardly grows; members that judge their own health do not take others for failed when they are slow themselves."},
	{newLabConvoys, "Convoys", spinglassPaper + ", figure 2",
		"In a hierarchy of groups messages bunch up more at each level, in total order more than in FIFO order; gossip does not."},
	{newLabStorms, "Storms of requests and repairs", spinglassPaper + ", figure 3; " + bimodalPaper,
		"The requests and repairs that a member of SRM receives climb with the size of the group at a constant rate of loss; those of gossip stay as they are."},
	{newLabOverhead, "Overhead beside RMTP and FEC", spinglassPaper + ", section 2",
		"What other reliable multicasts cost grows somewhere with the group: at the sender, at designated receivers, or in redundancy."},
	{newLabLinks, "Load of the links between sites", bimodalPaper,
		"Where members gossip with anybody, and where a sender sends to all, the few links between the parts of a network carry what grows with the group; with gossip that knows where members are they do not."},
	{newLabBuffers, "Buffers", spinglassPaper + ", section 2; " + bimodalPaper,
		"What members of a traditional group hold until all are known to have it grows with the group, and with a slow member; what gossip keeps for a number of rounds does not."},
	{newLabDeadlines, "Deadlines", spinglassPaper + ", section 1",
		"A deadline of a second that a fleet kept was missed when a few participants were added."},
	{newLabScale, "Scale", bimodalPaper, "The load of a member is constant, and the rounds until all have a message grow with the logarithm of the group."},
	{newLabRatings, "Ratings", gravitationalPaper,
		"A member that wants a part of the messages gets about that part, and carries load in proportion."},
	{newLabTopics, "Topics at fixed interests", gravitationalPaper, "What a member receives follows from the fractions that it wants, and not from how many topics others publish to."},
	{newLabManet, "Multicast in mobile ad-hoc networks", anonymousPaper,
		"Gossip that walks the network, among members that do not know each other, mends nearly all losses of a multicast tree, for the worst member above all, at little cost."},
	{newLabAstrolabe, "News in trees of zones", astrolabePaper + ", section 8",
		"News of one host is everywhere within a number of rounds that grows with the logarithm of the fleet, at a constant load of each member."},
}

func newLabAll() *cobra.Command {
	var directory string
	var only []string
	cmd := &cobra.Command{
		Use:   "all",
		Short: "Run all experiments, and make one page of their pictures and rows",
		Long: "Runs all experiments with their defaults, one after the other. Rows and pictures go into a directory, with a page, index.html, that shows those of each experiment beside what its " +
			"source claims.",
		Example: "  spinglass lab all --out results",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			chosen, err := chooseExhibits(only)
			if err != nil {
				return err
			}
			return runExhibits(cmd, chosen, directory)
		},
	}
	cmd.Flags().StringVar(&directory, "out", "results", "directory for rows, pictures and the page")
	cmd.Flags().StringSliceVar(&only, "experiments", nil, "those to run (default all)")
	return cmd
}

// chooseExhibits returns the experiments with the names, all where there are none.
func chooseExhibits(names []string) (chosen []exhibit, err error) {
	var known []string
	for _, e := range exhibits {
		name := e.make().Name()
		known = append(known, name)
		if len(names) == 0 || slices.Contains(names, name) {
			chosen = append(chosen, e)
		}
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return nil, usagef("--experiments: %q is none of %s", name, strings.Join(known, ", "))
		}
	}
	return chosen, nil
}

// runExhibits makes the page. It is written after each experiment, so that it shows what there is if a later one is interrupted.
func runExhibits(cmd *cobra.Command, chosen []exhibit, directory string) error {
	var entries []figure.Entry
	for i, e := range chosen {
		experiment := e.make()
		fmt.Fprintf(cmd.OutOrStdout(), "%s (%d of %d)\n", e.title, i+1, len(chosen))
		var rows bytes.Buffer
		experiment.SetArgs([]string{"--out", directory})
		experiment.SetOut(io.MultiWriter(cmd.OutOrStdout(), &rows))
		experiment.SetErr(cmd.ErrOrStderr())
		experiment.SilenceErrors, experiment.SilenceUsage = true, true
		if err := experiment.ExecuteContext(cmd.Context()); err != nil {
			return fmt.Errorf("%s: %w", experiment.Name(), err)
		}
		pictures, moving, err := picturesOf(directory, experiment.Name())
		if err != nil {
			return err
		}
		entries = append(entries, figure.Entry{
			Name: experiment.Name(), Title: e.title, Source: e.source, Claim: e.claim, Command: "spinglass lab " + experiment.Name(), Pictures: pictures, Moving: moving, Rows: rows.String(),
		})
		if err := writePage(filepath.Join(directory, "index.html"), entries); err != nil {
			return fmt.Errorf("--out: %w", err)
		}
	}
	fmt.Fprintln(cmd.OutOrStdout(), "written:", filepath.Join(directory, "index.html"))
	return nil
}

// picturesOf returns the names of the pictures of an experiment, and of its animations, which are there as SVG only.
func picturesOf(directory, experiment string) (pictures, moving []string, err error) {
	paths, err := filepath.Glob(filepath.Join(directory, experiment+"*.svg"))
	for _, path := range paths {
		path = strings.TrimSuffix(path, ".svg")
		if _, err := os.Stat(path + ".png"); err == nil {
			pictures = append(pictures, filepath.Base(path))
		} else {
			moving = append(moving, filepath.Base(path))
		}
	}
	return pictures, moving, err
}

func writePage(path string, entries []figure.Entry) error {
	var page bytes.Buffer
	if err := figure.Page(&page, "The laboratory of Spinglass", entries); err != nil {
		return err
	}
	return os.WriteFile(path, page.Bytes(), 0o666)
}
