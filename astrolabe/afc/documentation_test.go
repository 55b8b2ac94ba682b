package afc

import (
	"os"
	"regexp"
	"testing"
)

// TestDocumentedPrograms compiles the programs of the manual: each is one in canonical form, and needs no warning.
func TestDocumentedPrograms(t *testing.T) {
	manual, err := os.ReadFile("../../docs/ASTROLABE.md")
	if err != nil {
		t.Fatal(err)
	}
	programs := regexp.MustCompile("(?m)^\\| `(SELECT [^`]+)`").FindAllStringSubmatch(string(manual), -1)
	if len(programs) < 5 {
		t.Fatalf("found %d programs", len(programs))
	}
	for _, match := range programs {
		p, err := Compile(match[1], Limits{})
		if err != nil {
			t.Errorf("%s: %v", match[1], err)
			continue
		}
		if p.String() != match[1] {
			t.Errorf("not canonical: %s", match[1])
		}
		for _, warning := range p.Warnings() {
			t.Errorf("%s: %s", match[1], warning.Message)
		}
	}
}
