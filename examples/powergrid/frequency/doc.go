// Package frequency is the line frequency of a power grid, as the balance of what is generated and what is used moves it.
//
// # Model
//
// All rotating masses of the grid turn as one, the usual model for seconds to minutes (Kundur, "Power System Stability and Control", 1994, chapter 11). With f the frequency in Hz, its nominal value f0, the
// rated power S in MW, the inertia constant H in seconds (what is stored in the masses, over S), and the damping D of the load (part of S by which load changes when f changes by f0):
//
//	df/dt = f0 / (2 H S) * (generation - load - D S (f - f0) / f0)
//
// A [Unit] is a generator. Its setpoint is what its operator wants, in MW. Primary control is local: the governor adds what its droop says, -(f - f0)/f0 / droop of its rated power, as far as its reserve goes.
// The output follows with a lag of first order. Secondary control, which brings the frequency back to f0, moves a unit's correction, by [Unit.Restore]; it is for the operator to know the frequency.
//
// # Contract
//
// Everything follows from the arguments. Time goes on in steps of [StepMax] or less. Frequencies are in Hz, powers in MW, times in seconds but for steps, which are durations.
//
// # Limitations
//
// There are no lines, voltages or phase angles; the frequency is the same everywhere. Nothing trips: that a frequency is beyond what machines and loads stand is for the caller to see. It stays within [Swing] of f0.
package frequency
