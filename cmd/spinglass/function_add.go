package main

import (
	"fmt"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"spinglass/enrolment"
	"spinglass/gateway/local"
	"spinglass/identity"
)

func newFunctionAdd() *cobra.Command {
	var s functionSettings
	cmd := &cobra.Command{
		Use:   "add NAME PROGRAM",
		Short: "Sign a function and put it in force in its zone and all below",
		Long: "Shows what the program makes of the rows of the agent's own zone as they are, then signs it and has the agent put it in force, from where it spreads to all members of the zone in seconds. " +
			"An earlier version of the same name and zone is replaced. It ends after the time of --for unless it is renewed.",
		Example: "  spinglass function add loads --zone /eu 'SELECT AVG(load, nmembers) AS load, MAX(load) AS load_max'",
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("add takes NAME and PROGRAM, got %d arguments; quote the program", len(args))
			}
			return checkFunctionName(args[0])
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := s.compile(args[1]); err != nil {
				return err
			}
			return s.change(cmd, func(signer functionSigner, client *local.Client, known []local.Function) error {
				return s.add(cmd, signer, client, known, args[0], args[1])
			})
		},
	}
	s.connectionFlags(cmd)
	s.authorityFlag(cmd)
	s.zoneFlag(cmd)
	s.lifeFlag(cmd)
	s.stepsFlag(cmd)
	return cmd
}

// change does what needs a signer, an agent, and what that knows.
func (s *functionSettings) change(cmd *cobra.Command, do func(functionSigner, *local.Client, []local.Function) error) error {
	if err := s.check(cmd); err != nil {
		return err
	}
	client, err := s.client(cmd)
	if err != nil {
		return err
	}
	defer client.Close()
	signer, err := s.signer()
	if err != nil {
		return err
	}
	known, err := client.Functions(cmd.Context())
	if err != nil {
		return noAgentHint(err)
	}
	return do(signer, client, known)
}

func (s *functionSettings) add(cmd *cobra.Command, signer functionSigner, client *local.Client, known []local.Function, name, program string) error {
	zones, err := client.Zones(cmd.Context())
	if err != nil {
		return err
	}
	if err := s.held(zones); err != nil {
		return fmt.Errorf("%w, with --client or --dir where the authority is not", err)
	}
	tried := zones[len(zones)-1] // it is evaluated there as well, and above the hosts there is nothing to read before it is in force
	trial, err := client.TryFunction(cmd.Context(), tried, program)
	if err != nil {
		return err
	}
	if trial.Steps > s.steps {
		return usagef("program: for as many rows as a table of this agent may have it takes %d steps, and %d are allowed: allow more with --steps, at most %d, or shorten it", trial.Steps, s.steps, identity.FunctionStepsMax)
	}
	trial.Warnings = append(trial.Warnings, twice(known, name, s.zone, outputsOf(&trial))...)
	line, err := s.install(cmd, signer, client, known, name, program, s.life)
	if err != nil {
		return err
	}
	line.Outputs, line.Trial = outputsOf(&trial), s.lineOf(tried, &trial)
	out := newOutput(cmd.OutOrStdout())
	if !s.json {
		s.writeTrial(out, tried, &trial, palette{on: colourful(cmd.OutOrStdout())})
	}
	return s.print(out, line, fmt.Sprintf("added: %s for %s, until %s", name, s.zone, line.Expires))
}

// print writes what was done.
func (s *functionSettings) print(out *output, line *functionLine, text string) error {
	if s.json {
		if err := out.object(line); err != nil {
			return err
		}
	} else if err := out.line([]byte(text)); err != nil {
		return err
	}
	return out.flush()
}

// twice warns of outputs that other functions make as well.
func twice(known []local.Function, name, zone string, outputs []string) (warnings []local.Warning) {
	for i := range known {
		f := &known[i]
		if f.Name == name { // one of them is in force at each zone
			continue
		}
		for _, output := range outputs {
			if slices.Contains(f.Outputs, output) {
				warnings = append(warnings, local.Warning{
					Message: fmt.Sprintf("output %s is also made by function %s for %s: in zones of both it is that of %s", output, f.Name, f.Zone, min(name, f.Name)),
				})
			}
		}
	}
	return warnings
}

func newFunctionRemove() *cobra.Command {
	var s functionSettings
	cmd := &cobra.Command{
		Use:   "remove NAME",
		Short: "Take a function back",
		Long: "Signs a later version of the function that makes nothing, and has the agent spread it. It stays as long as the one that it takes back would have, so that this does not return from a member " +
			"that was cut off. A function of the same name for a zone above is in force instead.",
		Args: oneArgument("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.change(cmd, func(signer functionSigner, client *local.Client, known []local.Function) error {
				f, err := s.knownFunction(known, args[0])
				if err != nil {
					return err
				}
				// Clocks of members may differ by identity.Skew from this one's either way.
				life := max(time.Until(f.Expires), 0) + 2*identity.Skew
				line, err := s.install(cmd, signer, client, known, args[0], "", min(life, enrolment.FunctionLifeMax))
				if err != nil {
					return err
				}
				return s.print(newOutput(cmd.OutOrStdout()), line, fmt.Sprintf("removed: %s for %s", args[0], s.zone))
			})
		},
	}
	s.connectionFlags(cmd)
	s.authorityFlag(cmd)
	s.zoneFlag(cmd)
	return cmd
}

func newFunctionRenew() *cobra.Command {
	var s functionSettings
	cmd := &cobra.Command{
		Use:   "renew NAME",
		Short: "Keep a function in force for longer",
		Long:  "Signs the same program again, for the time of --for from now, and has the agent spread it.",
		Args:  oneArgument("NAME"),
		RunE: func(cmd *cobra.Command, args []string) error {
			return s.change(cmd, func(signer functionSigner, client *local.Client, known []local.Function) error {
				f, err := s.knownFunction(known, args[0])
				if err != nil {
					return err
				}
				if err := s.compile(f.Program); err != nil {
					return err
				}
				line, err := s.install(cmd, signer, client, known, args[0], f.Program, s.life)
				if err != nil {
					return err
				}
				line.Outputs = f.Outputs
				return s.print(newOutput(cmd.OutOrStdout()), line, fmt.Sprintf("renewed: %s for %s, until %s", args[0], s.zone, line.Expires))
			})
		},
	}
	s.connectionFlags(cmd)
	s.authorityFlag(cmd)
	s.zoneFlag(cmd)
	s.lifeFlag(cmd)
	s.stepsFlag(cmd)
	return cmd
}
