package main

import (
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"spinglass/wire"
)

// version says what this program was built from.
type version struct {
	Version  string `json:"version"` // of the module; (devel) for a build from a working tree without version control
	Revision string `json:"revision,omitempty"`
	Time     string `json:"time,omitempty"`     // of the revision
	Modified bool   `json:"modified,omitempty"` // the working tree differed from the revision
	Formats  [2]int `json:"formats"`            // oldest and latest that it speaks with other members
	Go       string `json:"go"`
	System   string `json:"os"`
	Machine  string `json:"arch"`
}

func newVersion() *cobra.Command {
	var asJSON bool
	cmd := &cobra.Command{
		Use:   "version",
		Short: "Print the version of this program",
		Args:  noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			out := newOutput(cmd.OutOrStdout())
			v := readVersion()
			if asJSON {
				if err := out.object(&v); err != nil {
					return err
				}
			} else {
				fmt.Fprintf(out, "spinglass %s", v.Version)
				if v.Revision != "" {
					fmt.Fprintf(out, " (%.12s)", v.Revision)
				}
				fmt.Fprintf(out, " formats %d to %d %s %s/%s\n", v.Formats[0], v.Formats[1], v.Go, v.System, v.Machine)
			}
			return out.flush()
		},
	}
	cmd.Flags().BoolVar(&asJSON, "json", false, "print a JSON object")
	return cmd
}

// readVersion returns what the linker knows.
func readVersion() version {
	v := version{Version: "unknown", Formats: [2]int{wire.FormatOldest, wire.FormatLatest}, Go: runtime.Version(), System: runtime.GOOS, Machine: runtime.GOARCH}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	if info.Main.Version != "" {
		v.Version = info.Main.Version
	}
	for _, setting := range info.Settings {
		switch setting.Key {
		case "vcs.revision":
			v.Revision = setting.Value
		case "vcs.time":
			v.Time = setting.Value
		case "vcs.modified":
			v.Modified = setting.Value == "true"
		}
	}
	return v
}
