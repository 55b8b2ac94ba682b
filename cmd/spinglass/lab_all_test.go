package main

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// Animations, which are there as SVG only, are told from pictures.
func TestPicturesOf(t *testing.T) {
	directory := t.TempDir()
	for _, name := range []string{"manet_range.svg", "manet_range.png", "manet_network.svg", "other.svg", "manet.csv"} {
		if err := os.WriteFile(filepath.Join(directory, name), nil, 0o666); err != nil {
			t.Fatal(err)
		}
	}
	pictures, moving, err := picturesOf(directory, "manet")
	if err != nil || !slices.Equal(pictures, []string{"manet_range"}) || !slices.Equal(moving, []string{"manet_network"}) {
		t.Errorf("%v, %v, %v", pictures, moving, err)
	}
}
