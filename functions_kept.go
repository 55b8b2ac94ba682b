package spinglass

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"spinglass/astrolabe"
	"spinglass/live"
	"spinglass/stack"
)

// damagedFunctions is where functions go that were kept and cannot be read.
const damagedFunctions = "functions.damaged"

// restoreFunctions has the protocols take in the functions that the data directory keeps. They are looked at as if they came from others. What cannot be read is set aside, and told.
func (n *Node) restoreFunctions(dir string, machine *stack.Node) {
	if dir == "" {
		return
	}
	functions, err := readFunctions(dir)
	if err != nil {
		aside := filepath.Join(dir, damagedFunctions)
		n.log.Warn("the functions that this node has kept cannot be read; they are set aside, and come from others", "file", aside, "error", plain(err))
		if err := os.Rename(functionsPath(dir), aside); err != nil {
			n.log.Warn("and cannot be set aside", "error", err)
		}
		return
	}
	for _, f := range functions {
		switch err := machine.Restore(0, f); {
		case errors.Is(err, astrolabe.ErrExpired):
		case err != nil:
			n.log.Warn("a function that this node has kept is not in force", "name", f.Name, "zone", f.Scope, "error", err)
		}
	}
}

func functionsPath(dir string) string {
	return filepath.Join(dir, live.PersistedFile(astrolabe.FunctionsKey))
}

func readFunctions(dir string) ([]*astrolabe.Function, error) {
	info, err := os.Stat(functionsPath(dir))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, nil
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular() || info.Size() > astrolabe.FunctionsKeptSizeMax:
		return nil, astrolabe.ErrFunctionsKept
	}
	b, err := live.ReadPersisted(dir, astrolabe.FunctionsKey)
	if err != nil {
		return nil, err
	}
	return astrolabe.DecodeFunctions(b)
}
