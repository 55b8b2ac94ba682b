package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"spinglass"
	"spinglass/astrolabe/afc"
	"spinglass/enrolment"
	"spinglass/gateway/local"
	"spinglass/identity"
	"spinglass/protocol"
)

func newFunction() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "function",
		Short: "Say how zones are summarised: by programs that all members come to run",
		Long: "Commands for functions: programs that make attributes of a zone's row of the rows of its table. A function has a name and a zone, and is evaluated in that zone and in all below it.\n\n" +
			"Functions are signed by the authority of the fleet, so that adding, renewing and removing them works where that is: in the data directory of the first agent, or in the folder of --dir. " +
			"With --client FILE a person or program signs them at any agent, that the authority gave a client file with the right to: spinglass ca client.",
		Example: "  spinglass function test --zone /lab 'SELECT MAX(load) AS load'\n" +
			"  spinglass function add loads --zone / 'SELECT AVG(load, nmembers) AS load, COUNT(*) AS n'\n  spinglass table /",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return usagef("unknown command %q of function", args[0])
		},
		RunE: func(cmd *cobra.Command, _ []string) error { return cmd.Help() },
	}
	cmd.AddCommand(newFunctionAdd(), newFunctionList(), newFunctionRemove(), newFunctionRenew(), newFunctionTest())
	return cmd
}

// functionSettings are what the commands for functions are told.
type functionSettings struct {
	connection
	dir        string // of an authority that is kept apart
	clientFile string // of who may install functions
	json       bool
	zone       string
	life       time.Duration
	steps      int
}

// functionSigner is what signs functions: an authority, or a client that may install them.
type functionSigner interface {
	IssueFunction(ctx context.Context, name, zone string, function identity.Function, life time.Duration) (*identity.Bundle, error)
}

func (s *functionSettings) connectionFlags(cmd *cobra.Command) {
	s.connection.flags(cmd)
	cmd.Flags().BoolVar(&s.json, "json", false, "print JSON objects")
}

func (s *functionSettings) zoneFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.zone, "zone", "", "zone that the function is for, / for the whole fleet (required)")
}

func (s *functionSettings) authorityFlag(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.dir, "dir", "", "folder of an authority that is kept apart, instead of that in the data directory")
	cmd.Flags().StringVar(&s.clientFile, "client", "", "client file with the right to install functions, instead of an authority (spinglass ca client makes one)")
}

func (s *functionSettings) lifeFlag(cmd *cobra.Command) {
	cmd.Flags().DurationVar(&s.life, "for", spinglass.FunctionLifeDefault, "for how long it is in force, unless it is renewed")
}

func (s *functionSettings) stepsFlag(cmd *cobra.Command) {
	cmd.Flags().IntVar(&s.steps, "steps", afc.RowsDefault*afc.StepsPerRowDefault, "steps that an evaluation may take")
}

// check refuses what cannot be a zone, a life or a number of steps.
func (s *functionSettings) check(cmd *cobra.Command) error {
	if s.zone == "" {
		return usagef("give the zone that the function is for with --zone, / for the whole fleet")
	}
	if err := protocol.CheckName(s.zone); err != nil && s.zone != "/" {
		return usagef("--zone: %w", err)
	}
	if cmd.Flags().Lookup("for") != nil && (s.life < time.Second || s.life > enrolment.FunctionLifeMax) {
		return usagef("--for: %s is not from 1s to %s", s.life, enrolment.FunctionLifeMax)
	}
	if cmd.Flags().Lookup("steps") != nil && (s.steps < 1 || s.steps > identity.FunctionStepsMax) {
		return usagef("--steps: %d is not from 1 to %d", s.steps, identity.FunctionStepsMax)
	}
	return nil
}

// held refuses a zone that the agent is not in, whose rows and functions it does not hold.
func (s *functionSettings) held(zones []string) error {
	if slices.Contains(zones, s.zone) {
		return nil
	}
	return fmt.Errorf("no table of the zone %s: this node holds those of %s; run this at an agent in %s", s.zone, strings.Join(zones, ", "), s.zone)
}

// compile reports what is wrong with a program, before anybody is asked.
func (s *functionSettings) compile(program string) error {
	if _, err := afc.Compile(program, afc.Limits{Rows: afc.RowsDefault, Steps: s.steps}); err != nil {
		return usagef("program: %w", err)
	}
	return nil
}

func checkFunctionName(name string) error {
	if len(name) > identity.FunctionNameMax || strings.Contains(name, "/") || protocol.CheckName("/"+name) != nil {
		return usagef("the name %q of a function is not 1 to %d letters, digits, '-', '_' and '.'", shortened(name), identity.FunctionNameMax)
	}
	return nil
}

// signer returns what signs functions: the client of --client, the authority of --dir, or that in the agent's data directory.
func (s *functionSettings) signer() (functionSigner, error) {
	switch {
	case s.clientFile != "" && s.dir != "":
		return nil, usagef("--client and --dir name two signers")
	case s.clientFile != "":
		path, err := filepath.Abs(s.clientFile)
		if err != nil {
			return nil, err
		}
		return (&enrolment.Store{}).ReadClient(path)
	}
	dir, err := filepath.Abs(s.dir)
	if s.dir == "" {
		dir, err = dataDirOr(s.dataDir)
	}
	if err != nil {
		return nil, err
	}
	store := &enrolment.Store{Dir: dir}
	has, err := store.HasAuthority()
	switch {
	case err != nil:
		return nil, err
	case !has:
		return nil, fmt.Errorf("functions are signed by the fleet's authority, and there is none in %s: run this where the first agent is, name the folder of the authority with --dir, or a client file with --client", dir)
	}
	return store.Authority(), nil
}

// install signs a function as the next version of its name, and has the agent put it in force.
func (s *functionSettings) install(cmd *cobra.Command, signer functionSigner, client *local.Client, known []local.Function, name, program string, life time.Duration) (*functionLine, error) {
	function := identity.Function{Version: nextVersion(known, name, s.zone, time.Now()), Program: sha256.Sum256([]byte(program))}
	if program != "" {
		function.Steps = uint64(s.steps)
	}
	bundle, err := signer.IssueFunction(cmd.Context(), name, s.zone, function, life)
	if err != nil {
		return nil, err
	}
	if err := client.Install(cmd.Context(), bundle.Chain, program); err != nil {
		return nil, err
	}
	return &functionLine{
		Name: name, Zone: s.zone, Version: function.Version, Expires: bundle.Chain.NotAfter().String(), Program: program, Outputs: []string{}, Issuer: bundle.Chain.Leaf().Issuer.String(),
	}, nil
}

// nextVersion returns a version later than those that are known: milliseconds since 1970, as long as that is.
func nextVersion(known []local.Function, name, zone string, now time.Time) uint64 {
	next := uint64(max(now.UnixMilli(), 1))
	if f := findFunction(known, name, zone); f != nil {
		next = max(next, f.Version+1)
	}
	return next
}

// findFunction returns the function of a name for a zone, nil when there is none.
func findFunction(known []local.Function, name, zone string) *local.Function {
	for i := range known {
		if known[i].Name == name && known[i].Zone == zone {
			return &known[i]
		}
	}
	return nil
}

// errNoFunction says that the agent does not hold a function.
var errNoFunction = errors.New("there is no function")

// knownFunction returns a function that makes something, or an error that says which there are.
func (s *functionSettings) knownFunction(known []local.Function, name string) (*local.Function, error) {
	if f := findFunction(known, name, s.zone); f != nil && f.Program != "" {
		return f, nil
	}
	var there []string
	for i := range known {
		if known[i].Program != "" {
			there = append(there, known[i].Name+" for "+known[i].Zone)
		}
	}
	if len(there) == 0 {
		return nil, fmt.Errorf("%w %s for %s: this agent knows of none", errNoFunction, name, s.zone)
	}
	return nil, fmt.Errorf("%w %s for %s: this agent knows of %s", errNoFunction, name, s.zone, strings.Join(there, ", "))
}
