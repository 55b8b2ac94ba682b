package spinglass

import (
	"context"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"slices"
	"strings"
	"time"

	"spinglass/astrolabe"
	"spinglass/identity"
	"spinglass/protocol"
)

// Bounds of asking others for what this node does not hold.
const (
	askTimeout     = 30 * time.Second // for all of it
	askHopsMax     = 2 * astrolabe.DepthMax
	askContactsMax = 4 // members of one zone that are asked, one after the other
)

// Table is the table of a zone.
type Table struct {
	Zone string
	Rows []Row // by name
	// RowsExpected is how many rows the table should have, those that fell silent within the last hour among them.
	RowsExpected int
	// From is who told it: this node itself where it holds the table. The age of a row is what that one says.
	From protocol.NodeID
	// Unverified is how many rows were left out because their signatures, or the certificates of who made them, are not good.
	Unverified int
}

// Table returns the table of a zone, an empty one for the own. One that this node does not hold it asks others for: members of the deepest zone on the way there that it knows of, and so on
// down, at most 30 s. A host has a table as well: its path is the host's name, and it has the rows of [Node.SetRow].
//
// In a fleet whose members have identities the rows of others are shown only when their signatures are good, and those who made them may speak for what they are rows of.
//
// Errors: [ErrZone] for a zone that there is not, [ErrUnanswered] when nobody who should know it answers, [ErrLimit] when too much is asked for at once, [ErrNotRunning] while this node does
// not take part, [ErrClosed], and the context's error.
func (n *Node) Table(ctx context.Context, zone string) (*Table, error) {
	var statuses []astrolabe.RowStatus
	var failed error
	t := &Table{Zone: zone, From: n.id}
	err := n.call(ctx, func(protocol.Time, *protocol.Output) {
		if t.Zone == "" {
			zones := n.stack.Zones()
			t.Zone = zones[len(zones)-1]
		}
		if statuses, failed = n.statuses(t.Zone); failed == nil {
			t.RowsExpected = n.stack.Tables.ExpectedRows(t.Zone)
		}
	})
	switch {
	case err != nil:
		return nil, err
	case failed == nil:
		t.Rows = rowsOf(statuses)
		return t, nil
	case !strings.HasPrefix(zone, astrolabe.Root) || protocol.CheckName(zone) != nil:
		return nil, failed
	}
	found, err := n.drill(ctx, astrolabe.SubjectTable, zone)
	if errors.Is(err, errNowhere) {
		return nil, failed
	}
	if err != nil {
		return nil, err
	}
	t.From, t.Unverified, t.RowsExpected, t.Rows = found.from, found.unverified, found.answer.Expected, rowsOf(found.answer.Statuses())
	slices.SortFunc(t.Rows, func(a, b Row) int { return strings.Compare(a.Name, b.Name) })
	return t, nil
}

func rowsOf(statuses []astrolabe.RowStatus) []Row {
	rows := make([]Row, len(statuses))
	for i := range statuses {
		rows[i] = rowOf(&statuses[i])
	}
	return rows
}

// elsewhere reports whether a row of a name may be in a table that this node does not hold. Those of its own zone it holds all; hosts that stand directly in a zone above are not in its tables.
func (n *Node) elsewhere(name string, zones []string) bool {
	return protocol.CheckName(name) == nil && protocol.Zone(name) != zones[len(zones)-1]
}

// getRemote is Get for a row that is in none of the tables of this node.
func (n *Node) getRemote(ctx context.Context, name string) (Row, error) {
	found, err := n.drill(ctx, astrolabe.SubjectRow, name)
	if errors.Is(err, errNowhere) {
		return Row{}, fmt.Errorf("%w named %s: neither in the tables of this node nor in those of a zone that it knows", ErrRow, name)
	}
	if err != nil {
		return Row{}, err
	}
	return rowOf(&found.answer.Statuses()[0]), nil
}

// finding is what came of asking.
type finding struct {
	answer     *astrolabe.TableAnswer
	from       protocol.NodeID
	unverified int
}

// errNowhere says that already this node knows that there is no such thing.
var errNowhere = errors.New("nowhere")

// drill finds a table or a row: here, or at members of the zones on the way there, from the deepest one that is known down.
func (n *Node) drill(ctx context.Context, subject astrolabe.Subject, path string) (finding, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, askTimeout, fmt.Errorf("%w: %s took longer than %v", ErrUnanswered, path, askTimeout))
	defer cancel()
	found := finding{from: n.id}
	if err := n.call(ctx, func(now protocol.Time, _ *protocol.Output) { found.answer = n.stack.Resolve(now, subject, path) }); err != nil {
		return found, err
	}
	if found.answer.Form == astrolabe.FormNone {
		return found, errNowhere
	}
	asked := map[protocol.NodeID]bool{n.id: true}
	for range askHopsMax {
		var err error
		switch found.answer.Form {
		case astrolabe.FormFound:
			return found, nil
		case astrolabe.FormNone:
			return found, nothing(subject, path, found.answer.Zone, n.names.of(found.from))
		}
		if found, err = n.askZone(ctx, found.answer, subject, path, asked); err != nil {
			return found, err
		}
	}
	return found, fmt.Errorf("%w: for %s one member names the other", ErrUnanswered, path)
}

// nothing is the error that a member knows that there is no such thing.
func nothing(subject astrolabe.Subject, path, zone, told string) error {
	if subject == astrolabe.SubjectRow {
		return fmt.Errorf("%w named %s: nothing of the name is in the table of %s, as %s says", ErrRow, path, zone, told)
	}
	return fmt.Errorf("%w %s: nothing of the name is in the table of %s, as %s says", ErrZone, path, zone, told)
}

// askZone asks members of the zone, or the host, through which the way goes on, one after the other until one answers.
func (n *Node) askZone(ctx context.Context, way *astrolabe.TableAnswer, subject astrolabe.Subject, path string, asked map[protocol.NodeID]bool) (finding, error) {
	began, zone := time.Now(), way.Rows[0].Row.Name
	var none *finding
	var told []string
	for _, c := range n.contactsOf(way, asked) {
		asked[c.ID] = true
		found, err := n.askMember(ctx, c, subject, path)
		switch {
		case err == nil && (found.answer.Form != astrolabe.FormNone || found.answer.Zone == protocol.Zone(path)):
			return found, nil // or it holds the very table in which it would be
		case err == nil:
			none = &found // another one may know more
		case ctx.Err() != nil:
			return finding{}, context.Cause(ctx)
		case errors.Is(err, ErrClosed), errors.Is(err, ErrLimit), errors.Is(err, ErrNotRunning):
			return finding{}, err
		default:
			told = append(told, fmt.Sprintf("%s: %v", c, err))
		}
	}
	if none != nil {
		return *none, nil
	}
	if len(told) == 0 {
		return finding{}, fmt.Errorf("%w for %s: nobody else is known in %s", ErrUnanswered, path, zone)
	}
	return finding{}, fmt.Errorf("%w for %s: asked %d of %s, for %v (%s)", ErrUnanswered, path, len(told), zone, time.Since(began).Round(100*time.Millisecond), strings.Join(told, "; "))
}

// contactsOf returns who is to be asked next: a few that were not, in random order, so that not all ask the same.
func (n *Node) contactsOf(way *astrolabe.TableAnswer, asked map[protocol.NodeID]bool) (contacts []astrolabe.Contact) {
	for _, c := range way.Contacts() {
		if !asked[c.ID] && len(c.Addresses) > 0 && !slices.ContainsFunc(contacts, func(o astrolabe.Contact) bool { return o.ID == c.ID }) {
			contacts = append(contacts, c)
		}
	}
	mathrand.Shuffle(len(contacts), func(i, j int) { contacts[i], contacts[j] = contacts[j], contacts[i] })
	return contacts[:min(len(contacts), askContactsMax)]
}

// askMember asks one member, and checks what it says.
func (n *Node) askMember(ctx context.Context, c astrolabe.Contact, subject astrolabe.Subject, path string) (finding, error) {
	body, err := n.ask(ctx, astrolabe.Question{Subject: subject, Path: path, To: c.ID, Addresses: c.Addresses})
	if err != nil {
		return finding{}, err
	}
	answer, err := astrolabe.DecodeTableAnswer(body)
	if err != nil {
		return finding{}, err
	}
	found := finding{answer: answer, from: c.ID}
	var policy identity.Policy
	var root *identity.Certificate
	if n.credentials.policy != nil {
		policy, root = n.credentials.policy(), (*n.credentials.chain.Load())[0]
	}
	if found.unverified, err = answer.Check(subject, path, policy, root); err != nil {
		return finding{}, err
	}
	if len(answer.Rows) == 0 && found.unverified > 0 && (answer.Form == astrolabe.FormOnWay || subject == astrolabe.SubjectRow) {
		return finding{}, astrolabe.ErrUnverified
	}
	return found, nil
}

// ask puts a question to a member and waits for the answer.
func (n *Node) ask(ctx context.Context, q astrolabe.Question) ([]byte, error) {
	answer := make(chan astrolabe.Answered, 1)
	var number uint64
	var failed error
	err := n.call(ctx, func(now protocol.Time, out *protocol.Output) {
		if number, failed = n.stack.Ask(now, q, out); failed == nil {
			n.questions[number] = answer
		}
	})
	if err == nil {
		err = askError(failed)
	}
	if err != nil {
		return nil, err
	}
	select {
	case a := <-answer:
		return a.Body, askError(a.Err)
	case <-n.closing:
		return nil, ErrClosed
	case <-ctx.Done():
		_ = n.call(n.lifetime, func(protocol.Time, *protocol.Output) { // if it fails, all questions have ended
			n.stack.Tables.Cancel(number)
			delete(n.questions, number)
		})
		return nil, context.Cause(ctx)
	}
}

// askError returns the error of ask for one of the protocols.
func askError(err error) error {
	switch {
	case errors.Is(err, astrolabe.ErrQuestions):
		return fmt.Errorf("%w: %w", ErrLimit, err)
	case errors.Is(err, astrolabe.ErrNotRunning):
		return ErrNotRunning
	}
	return err
}

// answered hands an answer to who waits for it. It is called on the loop.
func (n *Node) answered(a astrolabe.Answered) {
	if waiting := n.questions[a.Number]; waiting != nil {
		delete(n.questions, a.Number)
		waiting <- a
	}
}
