// Command spinglass runs an agent of a fleet, and the commands that talk to the agent on the same machine.
//
// Every command takes --json, which prints one object per line with stable keys. A command that fails prints one line that begins
// with "spinglass: " on standard error and exits with status 1, or 2 when it was called wrongly.
//
// An agent keeps its identity in a data directory, and commands find the agent by its data directory: --data-dir, else
// SPINGLASS_DATA_DIR, else spinglass under XDG_STATE_HOME (~/.local/state). The agent's other flags can also be given as
// SPINGLASS_<FLAG> in the environment or as keys of a TOML file (--config); a flag wins over the environment, and that over the
// file.
package main
