package topic

import (
	"errors"
	"fmt"
	"strings"

	"spinglass/protocol"
)

// NameMax is the length of the longest name, and of the longest pattern, in bytes.
const NameMax = protocol.TopicMax

// Wildcards, as levels of their own.
const (
	One  = "+" // one level
	Rest = "#" // all levels that follow, also none
)

const separator = "/"

// System is the topic of the system itself. It and what stands below it are not for applications.
const System = "$topics"

// Groups is the topic above those that carry the data of groups, which are not for applications either. What members may do with these is said by their grants, as for topics of applications.
const Groups = "$groups"

// Errors, for use with errors.Is. What wraps them says more.
var (
	// ErrName tells that a text cannot be the name of a topic.
	ErrName = errors.New("topic: not a name")
	// ErrPattern tells that a text cannot be a pattern.
	ErrPattern = errors.New("topic: not a pattern")
)

// CheckName reports why a text cannot be a name: it is empty or too long, or one of its levels is a wildcard. Its error is an ErrName.
func CheckName(name string) error {
	if err := checkLength(name); err != "" {
		return fmt.Errorf("%w: %s", ErrName, err)
	}
	if HasWildcard(name) {
		return fmt.Errorf("%w: %q has a wildcard, which stands for many topics", ErrName, name)
	}
	return nil
}

func checkLength(text string) string {
	switch {
	case text == "":
		return "it is empty"
	case len(text) > NameMax:
		return fmt.Sprintf("%d bytes exceed the limit of %d", len(text), NameMax)
	}
	return ""
}

// HasWildcard reports whether one of the levels of a text is a wildcard.
func HasWildcard(text string) bool {
	for more := true; more; {
		var level string
		if level, text, more = strings.Cut(text, separator); level == One || level == Rest {
			return true
		}
	}
	return false
}

// IsSystem reports whether a name or a pattern is that of the system's topic, or stands below it.
func IsSystem(name string) bool { return below(name, System) }

// IsReserved reports whether a name or a pattern is not for applications: that of System or Groups, or below them.
func IsReserved(name string) bool { return IsSystem(name) || below(name, Groups) }

func below(name, above string) bool {
	rest, ok := strings.CutPrefix(name, above)
	return ok && (rest == "" || rest[0] == '/')
}
