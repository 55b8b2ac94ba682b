package astrolabe

import (
	"slices"
	"strings"
	"testing"
)

func TestPath(t *testing.T) {
	for zone, want := range map[string][]string{
		"/":       {"/", "/."},
		"/eu":     {"/", "/eu", "/eu/."},
		"/eu/fra": {"/", "/eu", "/eu/fra", "/eu/fra/."},
	} {
		if got := path(zone); !slices.Equal(got, want) {
			t.Errorf("path of %s: %v, want %v", zone, got, want)
		}
	}
}

// common is held against what it means: how many zones, of whose tables both have one, the two paths share.
func TestCommon(t *testing.T) {
	zones := []string{"/", "/a", "/b", "/ab", "/a/a", "/a/b", "/a/ab", "/ab/a", "/a/a/a", "/a/a/b", "/a/b/a", "/aa/b/c"}
	for _, a := range zones {
		for _, b := range zones {
			want := 0
			pathA, pathB := path(a), path(b)
			for want < min(len(pathA), len(pathB))-1 && pathA[want] == pathB[want] {
				want++
			}
			if got := common(a, b); got != want {
				t.Errorf("%s and %s have %d tables in common, want %d", a, b, got, want)
			}
		}
	}
}

func TestCheckName(t *testing.T) {
	for name, ok := range map[string]bool{
		"/a": true, "/eu/fra/web-1": true, "": false, "web": false, "/a/./b": false, "/.": false,
		strings.Repeat("/a", DepthMax-1): true, strings.Repeat("/a", DepthMax): false,
	} {
		if err := checkName(name); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
}
