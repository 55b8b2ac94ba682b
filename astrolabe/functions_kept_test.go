package astrolabe

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"spinglass/astrolabe/afc"
)

func heldFunctions(n int, program string) (all []*held) {
	for i := range n {
		f := &Function{Name: fmt.Sprintf("f%04d", i), Scope: "/eu", Version: uint64(i + 1), Expires: 3600, Program: program}
		all = append(all, &held{Function: f, encoding: f.Append(nil)})
	}
	return all
}

// What is kept reads back, bounded; what is damaged anywhere does not.
func TestFunctionsAreKept(t *testing.T) {
	for _, n := range []int{0, 1, 40} {
		kept, left := appendKept(nil, heldFunctions(n, "SELECT COUNT(*) AS n"))
		functions, err := DecodeFunctions(kept)
		if err != nil || len(functions) != n || left != 0 {
			t.Fatalf("%d functions of %d, %d left, %v", len(functions), n, left, err)
		}
		for i := range functions {
			if f := functions[i]; f.Name != fmt.Sprintf("f%04d", i) || f.Version != uint64(i+1) || f.Program != "SELECT COUNT(*) AS n" {
				t.Errorf("%+v", f)
			}
		}
		for i := range kept {
			damaged := slices.Clone(kept)
			damaged[i] ^= 1 << (i % 8)
			if _, err := DecodeFunctions(damaged); !errors.Is(err, ErrFunctionsKept) {
				t.Fatalf("with byte %d changed: %v", i, err)
			}
			if _, err := DecodeFunctions(kept[:i]); !errors.Is(err, ErrFunctionsKept) {
				t.Fatalf("the first %d bytes: %v", i, err)
			}
		}
	}
	kept, left := appendKept(nil, heldFunctions(400, strings.Repeat(" ", afc.TextMax)))
	functions, err := DecodeFunctions(kept)
	if err != nil || left == 0 || len(functions)+left != 400 || len(kept) > FunctionsKeptSizeMax || len(kept) < FunctionsKeptSizeMax-FunctionSizeMax {
		t.Errorf("%d bytes, %d functions, %d left, %v", len(kept), len(functions), left, err)
	}
}

func FuzzDecodeFunctions(f *testing.F) {
	kept, _ := appendKept(nil, heldFunctions(3, "SELECT COUNT(*) AS n"))
	f.Add(kept)
	f.Fuzz(func(t *testing.T, b []byte) {
		functions, err := DecodeFunctions(b)
		if err != nil {
			return
		}
		var all []*held
		for _, function := range functions {
			all = append(all, &held{Function: function, encoding: function.Append(nil)})
		}
		if again, _ := appendKept(nil, all); string(again) != string(b) {
			t.Errorf("%x reads as %x", b, again)
		}
	})
}
