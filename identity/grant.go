package identity

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"spinglass/protocol"
	"spinglass/wire"
)

// Limits of grants.
const (
	GrantsMax  = 32  // of one certificate
	PatternMax = 255 // bytes
)

// Verb is what a grant allows.
type Verb uint8

// The verbs. Their numbers are part of encodings and stay.
const (
	VerbJoin      Verb = 1 // take part in zones other than the own one; subject: the zone
	VerbPublish   Verb = 2 // subject: the topic
	VerbSubscribe Verb = 3 // subject: the topic
	VerbSet       Verb = 4 // set attributes of the own row; subject: the attribute's name
	VerbInstall   Verb = 5 // install functions; subject: see InstallSubject
	VerbIssue     Verb = 6 // issue member certificates; subject: the member's zone
	VerbCall      Verb = 7 // call the interface of an agent; subject: the call's name
)

var verbNames = [...]string{
	VerbJoin: "join", VerbPublish: "publish", VerbSubscribe: "subscribe", VerbSet: "set", VerbInstall: "install", VerbIssue: "issue", VerbCall: "call",
}

// String returns the verb as it stands in the text of a grant.
func (v Verb) String() string {
	if !v.known() {
		return fmt.Sprintf("verb %d", uint8(v))
	}
	return verbNames[v]
}

func (v Verb) known() bool { return v >= VerbJoin && int(v) < len(verbNames) }

// ofZones reports whether subjects of the verb are zones, and its patterns paths.
func (v Verb) ofZones() bool { return v == VerbJoin || v == VerbInstall || v == VerbIssue }

// Grant allows a verb for all subjects that its pattern matches. The pattern of join, install and issue is the path of a zone, and matches the zone
// and those below it. The pattern of the other verbs is a name, or the beginning of names with a '*' behind it. That of install may have such a one behind the
// path and a colon: for functions of these names only.
type Grant struct {
	Verb    Verb
	Pattern string
}

// String returns verb and pattern with a colon between them, such as publish:orders*.
func (g Grant) String() string { return g.Verb.String() + ":" + g.Pattern }

// ParseGrant reads the form that String writes. Its error is an ErrText or an ErrMalformed.
func ParseGrant(s string) (Grant, error) {
	name, pattern, found := strings.Cut(s, ":")
	verb := slices.Index(verbNames[VerbJoin:], name) + int(VerbJoin)
	if !found || verb < int(VerbJoin) {
		return Grant{}, fmt.Errorf("grant %.80q is not of the form VERB:PATTERN with one of the verbs %s: %w", s, strings.Join(verbNames[VerbJoin:], ", "), ErrText)
	}
	g := Grant{Verb: Verb(verb), Pattern: pattern}
	return g, g.check()
}

// InstallSubject is the subject of VerbInstall: a function of a name for a zone.
func InstallSubject(zone, function string) string { return zone + ":" + function }

// zone returns the path in the pattern of a verb of zones, and the pattern of the names of functions behind it, empty for all.
func (g Grant) zone() (path, names string, named bool) {
	if g.Verb != VerbInstall {
		return g.Pattern, "", false
	}
	return strings.Cut(g.Pattern, ":")
}

// checkFunctions reports why a pattern cannot be one of names of functions.
func checkFunctions(names string) error {
	prefix := strings.TrimSuffix(names, "*")
	if prefix == "" || len(prefix) > FunctionNameMax || strings.Contains(prefix, "/") || protocol.CheckName("/"+prefix) != nil {
		return fmt.Errorf("%.80q is not the name of a function, nor the beginning of one with a '*' behind it: %w", names, ErrMalformed)
	}
	return nil
}

func (g Grant) check() error {
	switch {
	case !g.Verb.known():
		return fmt.Errorf("grant of an unknown %s: %w", g.Verb, ErrMalformed)
	case g.Verb.ofZones():
		path, names, named := g.zone()
		err := checkZone(path)
		if err == nil && named {
			err = checkFunctions(names)
		}
		if err != nil {
			return fmt.Errorf("grant %.80q: %w", g, err)
		}
	case g.Pattern == "" || len(g.Pattern) > PatternMax || !utf8.ValidString(g.Pattern):
		return fmt.Errorf("the pattern of grant %.80q is not 1 to %d bytes of UTF-8: %w", g, PatternMax, ErrMalformed)
	}
	return nil
}

// allows reports whether the grant is of the verb and its pattern matches the subject.
func (g Grant) allows(verb Verb, subject string) bool {
	if g.Verb != verb {
		return false
	}
	if !verb.ofZones() {
		return matches(g.Pattern, subject)
	}
	path, names, named := g.zone()
	if verb != VerbInstall {
		return within(subject, path)
	}
	zone, function, _ := strings.Cut(subject, ":")
	return within(zone, path) && (!named || matches(names, function))
}

// matches reports whether a name is that of a pattern, or begins as that does before a '*'.
func matches(pattern, name string) bool {
	if prefix, ok := strings.CutSuffix(pattern, "*"); ok {
		return strings.HasPrefix(name, prefix)
	}
	return name == pattern
}

// covers reports whether g allows all that h does.
func (g Grant) covers(h Grant) bool {
	if g == h {
		return true
	}
	prefix, open := strings.CutSuffix(h.Pattern, "*")
	if !open || h.Verb.ofZones() {
		return g.allows(h.Verb, h.Pattern)
	}
	wider, ok := strings.CutSuffix(g.Pattern, "*")
	return ok && g.Verb == h.Verb && strings.HasPrefix(prefix, wider)
}

func compareGrants(g, h Grant) int {
	return cmp.Or(cmp.Compare(g.Verb, h.Verb), cmp.Compare(g.Pattern, h.Pattern))
}

// Grants are what a certificate allows: in ascending order of verbs and patterns, none twice, at most GrantsMax.
type Grants []Grant

// NewGrants brings grants into their order. Its error is an ErrMalformed or an ErrTooLarge.
func NewGrants(grants ...Grant) (Grants, error) {
	sorted := slices.Clone(grants)
	slices.SortFunc(sorted, compareGrants)
	g := Grants(slices.Compact(sorted))
	return g, g.check()
}

// MemberGrants returns what a plain member may do: publish and subscribe any topic, and set any attribute of its own row.
func MemberGrants() Grants {
	return Grants{{VerbPublish, "*"}, {VerbSubscribe, "*"}, {VerbSet, "*"}}
}

// ZoneGrants returns all that a zone may hand down: everything, within its path.
func ZoneGrants(path string) Grants {
	return Grants{
		{VerbJoin, path}, {VerbPublish, "*"}, {VerbSubscribe, "*"}, {VerbSet, "*"}, {VerbInstall, path}, {VerbIssue, path}, {VerbCall, "*"},
	}
}

func (g Grants) check() error {
	if len(g) > GrantsMax {
		return fmt.Errorf("%d grants, the limit is %d: %w", len(g), GrantsMax, ErrTooLarge)
	}
	for i := range g {
		if err := g[i].check(); err != nil {
			return err
		}
		if i > 0 && compareGrants(g[i-1], g[i]) >= 0 {
			return ErrOrder
		}
	}
	return nil
}

// Allows reports whether one of the grants allows the verb for the subject.
func (g Grants) Allows(verb Verb, subject string) bool {
	return slices.ContainsFunc(g, func(grant Grant) bool { return grant.allows(verb, subject) })
}

// Covers reports which grant of others allows something that no single grant of g does: nil or a *GrantError.
func (g Grants) Covers(others Grants) error {
	for _, other := range others {
		if !slices.ContainsFunc(g, func(grant Grant) bool { return grant.covers(other) }) {
			return &GrantError{other}
		}
	}
	return nil
}

// outside returns the first grant of zones that are not within path.
func (g Grants) outside(path string) (Grant, bool) {
	i := slices.IndexFunc(g, func(grant Grant) bool {
		zone, _, _ := grant.zone()
		return grant.Verb.ofZones() && !within(zone, path)
	})
	if i < 0 {
		return Grant{}, false
	}
	return g[i], true
}

func (g Grants) append(b []byte) []byte {
	b = wire.AppendUvarint(b, uint64(len(g)))
	for i := range g {
		b = wire.AppendBytes(append(b, byte(g[i].Verb)), g[i].Pattern)
	}
	return b
}

func readGrants(in *wire.Reader) (g Grants) {
	for range in.Count(GrantsMax, 2) {
		verb, pattern := Verb(in.Byte()), in.Bytes(PatternMax)
		if in.Err() != nil {
			return nil
		}
		g = append(g, Grant{verb, string(pattern)})
	}
	return g
}

// checkZone reports why path cannot be that of a zone: "/" is the root's, and all others are as names are.
func checkZone(path string) error {
	if path == "/" {
		return nil
	}
	if err := protocol.CheckName(path); err != nil {
		return fmt.Errorf("%w: %w", err, ErrMalformed)
	}
	return nil
}

// within reports whether path is zone or lies below it.
func within(path, zone string) bool {
	if zone == "/" {
		return strings.HasPrefix(path, "/")
	}
	rest, ok := strings.CutPrefix(path, zone)
	return ok && (rest == "" || rest[0] == '/')
}
