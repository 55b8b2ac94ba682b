// Package facts keeps attributes of an agent's row that tell what its machine is and how busy it is.
//
// # Vocabulary
//
// A fact is an attribute that this package sets:
//
//   - load (float): processes that run or wait to, on average over the last minute, in two digits; another one when it is a tenth, and 0.1, away. Not on Windows.
//   - cpus (int): processors that the agent may use.
//   - memory_bytes, memory_used_bytes (int): memory of the machine, and how much of it is not available to programs, to 1 %.
//   - disk_free_bytes (int): what is free for the agent in the file system of its data directory, to 1 % of its size.
//   - uptime_s (int): seconds since the machine was started: in whole minutes within the first hour, whole hours within the first two days, and whole days then.
//   - version, os, arch (string): of the program.
//
// # Contract
//
// Values are coarse, so that rows change only when there is something to tell: each change travels to all members of the zone. What cannot be read is left out, and taken
// away if it was there. While facts are kept, they are set over what applications set by the same names.
//
// # Limitations
//
// Memory and load are those of the machine, also in a container with limits of its own.
package facts
