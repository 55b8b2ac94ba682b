package astrolabe

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"spinglass/identity"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/table"
	"spinglass/wire"
)

// TableAnswer is what a member says when it is asked for a table or a row.
type TableAnswer struct {
	Form     Form
	Zone     string // in whose table the rows are
	Expected int    // rows that the table should have, where it is told: those that fell silent lately count as well
	Rows     []AnsweredRow
}

// Form says what an answer brings.
type Form byte

// The forms of answers.
const (
	FormFound Form = iota + 1 // what was asked for
	FormOnWay                 // the row of the zone, or of the host, through which the way goes on to who holds it
	FormNone                  // there is no such thing in Zone, whose table the asked one holds
)

// AnsweredRow is a row as another member holds it.
type AnsweredRow struct {
	Row     *table.Row
	Host    bool
	Own     bool          // it is one that a host keeps for its applications, below its own name
	Suspect bool          // where it is held
	Silence time.Duration // since it was heard of there, in milliseconds
	Chain   []byte        // certificates of who made it, without the root's, where the row does not carry them
}

const (
	flagHost    = 1
	flagSuspect = 2
	flagOwn     = 4
	silenceMax  = uint64(1 << 40) // milliseconds
	rowsMax     = 1 << 14         // of an answer
)

// Append appends the encoding of the answer to b.
func (a *TableAnswer) Append(b []byte) []byte {
	b = wire.AppendBytes(append(b, byte(a.Form)), a.Zone)
	b = wire.AppendUvarint(wire.AppendUvarint(b, uint64(a.Expected)), uint64(len(a.Rows)))
	for i := range a.Rows {
		r := &a.Rows[i]
		b = wire.AppendUvarint(append(b, r.flags()), min(uint64(max(0, r.Silence/time.Millisecond)), silenceMax))
		b = r.Row.Append(wire.AppendUvarint(b, uint64(r.Row.Size())))
		b = wire.AppendBytes(b, r.Chain)
	}
	return b
}

func (r *AnsweredRow) flags() (flags byte) {
	if r.Host {
		flags |= flagHost
	}
	if r.Suspect {
		flags |= flagSuspect
	}
	if r.Own {
		flags |= flagOwn
	}
	return flags
}

// DecodeTableAnswer reads the encoding of one answer, which must fill b. The answer does not alias b.
func DecodeTableAnswer(b []byte) (*TableAnswer, error) {
	r := wire.NewReader(b)
	a := &TableAnswer{Form: Form(r.Byte()), Zone: readZone(&r), Expected: int(r.UvarintMax(rowsMax))}
	if r.Err() == nil && (a.Form < FormFound || a.Form > FormNone) {
		r.Fail(wire.ErrRange)
	}
	for range r.Count(rowsMax, 4) {
		flags := r.Byte()
		if flags > flagHost|flagSuspect|flagOwn || flags&flagHost != 0 && flags&flagOwn != 0 {
			r.Fail(wire.ErrRange)
		}
		row := AnsweredRow{Host: flags&flagHost != 0, Own: flags&flagOwn != 0, Suspect: flags&flagSuspect != 0}
		row.Silence = time.Duration(r.UvarintMax(silenceMax)) * time.Millisecond
		var err error
		if row.Row, err = table.DecodeRow(r.Bytes(table.RowSizeMax)); err != nil {
			r.Fail(err)
		}
		row.Chain = append([]byte(nil), r.Bytes(identity.ChainSizeMax)...)
		if r.Err() != nil {
			break
		}
		a.Rows = append(a.Rows, row)
	}
	return a, r.Done()
}

// Errors of answers.
var (
	ErrAnswer     = errors.New("the answer is not one to the question")
	ErrUnverified = errors.New("the row is not proven to be of who it says")
)

// Check reports whether the answer is one to a question for a table or a row, and takes out the rows that are not what they say; it returns how many. root is the certificate of the
// fleet's root; without one rows are taken at their word, but for their names. What the answer says beside its rows, such as their silence, is the word of who gave it.
func (a *TableAnswer) Check(subject Subject, path string, policy identity.Policy, root *identity.Certificate) (unverified int, err error) {
	if err := a.fits(subject, path); err != nil {
		return 0, err
	}
	kept := a.Rows[:0]
	for i := range a.Rows {
		if a.Rows[i].check(a.Zone, policy, root) != nil {
			unverified++
			continue
		}
		kept = append(kept, a.Rows[i])
	}
	a.Rows = kept
	return unverified, nil
}

// fits reports why an answer is none to a question.
func (a *TableAnswer) fits(subject Subject, path string) error {
	switch {
	case a.Form == FormFound && subject == SubjectTable && a.Zone == path:
		return nil
	case a.Form == FormFound && subject == SubjectRow && len(a.Rows) > 0:
		for i := range a.Rows {
			if a.Rows[i].Row.Name != path {
				return fmt.Errorf("%w: a row of %s for %s", ErrAnswer, a.Rows[i].Row.Name, path)
			}
		}
		return nil
	case a.Form == FormOnWay && len(a.Rows) == 1 && onWay(a.Rows[0].Row.Name, path):
		return nil
	case a.Form == FormNone && len(a.Rows) == 0 && (a.Zone == path || below(path, a.Zone)):
		return nil
	}
	return ErrAnswer
}

// below reports whether a path is below a zone.
func below(path, zone string) bool { return zone == Root || strings.HasPrefix(path, zone+"/") }

// onWay reports whether who holds the table of a zone, or stands for its hosts, knows more of a path.
func onWay(zone, path string) bool {
	zone = strings.TrimSuffix(zone, "/"+hosts)
	return zone == "" || zone == path || below(path, zone)
}

// check reports why a row is not what it says: one of a child zone, a host or an application of that table.
func (r *AnsweredRow) check(zone string, policy identity.Policy, root *identity.Certificate) error {
	row := r.Row
	holder := zone
	if r.Host {
		holder = hostsOf(zone)
	}
	if row.Left || row.Name == Root || parent(row.Name) != holder {
		return ErrUnverified
	}
	if root == nil {
		return nil
	}
	certificates := r.Chain
	if r.Host {
		certificates = row.Certificates
	}
	chain, err := identity.DecodeChain(certificates)
	if err != nil || len(chain) == 0 || len(chain) >= identity.ChainMax {
		return ErrUnverified
	}
	verified, err := policy.Verify(append(identity.Chain{root}, chain...))
	if err != nil {
		return fmt.Errorf("%w: %w", ErrUnverified, err)
	}
	if verified.Kind != identity.KindMember || verified.NodeID != row.Owner || string(verified.Key[:]) != string(row.PublicKey) || len(row.Signature) != identity.SignatureSize {
		return ErrUnverified
	}
	var s identity.Statement
	switch {
	case r.Host:
		if verified.Name != protocol.ConfiguredName(row.Name) || protocol.CheckPlace(row.Name) != nil || !membership.MaySet(verified.Grants, row) {
			return ErrUnverified
		}
		s = membership.StatementOf(row)
	case r.Own && verified.Name == protocol.ConfiguredName(parent(row.Name)), !r.Own && protocol.SpeaksFor(verified.Name, row.Name):
		s = statementOf(row)
	default:
		return ErrUnverified
	}
	if s.Verify() != nil {
		return ErrUnverified
	}
	return nil
}

// hostsOf returns in which zone the hosts are that a table has.
func hostsOf(zone string) string {
	if zone = strings.TrimSuffix(zone, "/"+hosts); zone == "" {
		return Root
	}
	return zone
}

// Contacts returns the members who may know more, where the answer is a row on the way.
func (a *TableAnswer) Contacts() []Contact {
	var all []Contact
	for i := range a.Rows {
		row := a.Rows[i].Row
		if !a.Rows[i].Host && !a.Rows[i].Own {
			all = append(all, contactsOf(row)...)
		}
		all = append(all, contactOf(row))
	}
	return all
}

// Statuses returns the rows as applications see them.
func (a *TableAnswer) Statuses() []RowStatus {
	all := make([]RowStatus, len(a.Rows))
	for i := range a.Rows {
		r := &a.Rows[i]
		all[i] = RowStatus{
			Zone: a.Zone, Name: r.Row.Name, Host: r.Host, Owner: r.Row.Owner, Addresses: r.Row.Addresses, Attributes: r.Row.Attributes, Age: r.Silence, RowsIn: 1, Expected: 1, Suspect: r.Suspect,
		}
		if !r.Host && !r.Own {
			s := &all[i]
			s.Age = shownAge(r.Silence + time.Duration(count(r.Row, AttributeAge))*time.Second)
			s.RowsIn, s.Expected = count(r.Row, AttributeRowsIn), count(r.Row, AttributeRowsExpected)
		}
	}
	return all
}

// sumOf returns the first bytes of a hash, never 0.
func sumOf(body []byte) uint64 { return firstOf(sha256.Sum256(body)) }

func firstOf(h Hash) uint64 { return max(1, binary.BigEndian.Uint64(h[:])) }
