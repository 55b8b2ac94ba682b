package bench

import (
	"context"

	"spinglass/internal/measure"
	"spinglass/internal/measure/node"
)

// Serve serves one member of a benchmark in this process, until the one that has started it is done with it.
func Serve(ctx context.Context) error {
	return measure.Serve(ctx, func(name string) (measure.System, bool) {
		system := node.System()
		return system, name == system.Name
	})
}
