package local

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"spinglass"
)

// Group is how a membership of an agent in a group stands.
type Group struct {
	Name       string        `json:"name"`
	Order      string        `json:"order"` // fifo, causal or total
	Phase      string        `json:"phase"` // joining, state, member, changing, outside or ended
	Primary    bool          `json:"primary"`
	View       string        `json:"view"`       // epoch and number with a dot between them; empty while in none
	Recoveries int           `json:"recoveries"` // how often the group was recovered, as far as this view knows
	Rank       int           `json:"rank"`       // of the agent in the view; -1 while in none
	Weight     int           `json:"weight"`
	Members    []GroupMember `json:"members"` // of the view, by rank
	Replicated bool          `json:"replicated"`
	Applied    uint64        `json:"applied"`     // commands that the state has carried out
	StateBytes uint64        `json:"state_bytes"` // of the state that have come so far
	Queued     int           `json:"queued_bytes"`
	Ejections  uint64        `json:"ejections"`
}

// GroupMember is a member of a view of a group.
type GroupMember struct {
	ID     string `json:"id"`
	Name   string `json:"name"`
	Weight int    `json:"weight"`
	Since  uint64 `json:"since"` // number of the view that it came with
}

// GroupEvent is something that happens in a group. A stream ends with one of type [EventEnd].
type GroupEvent struct {
	Type     string        `json:"type"`              // view, message, state, ready, changing, outside, ejected, suspected or end
	View     string        `json:"view,omitempty"`    // of view and message
	Rank     int           `json:"rank"`              // of view: of the agent
	Members  []GroupMember `json:"members,omitempty"` // of view
	From     string        `json:"from,omitempty"`    // of message and state; of suspected, who is
	Sequence uint64        `json:"seq,omitempty"`     // of message
	Payload  []byte        `json:"payload,omitempty"` // of message
	Bytes    uint64        `json:"bytes,omitempty"`   // of state and ready
	Reason   string        `json:"reason,omitempty"`  // of ejected, suspected and end
}

// GroupOptions are the options of a membership.
type GroupOptions struct {
	Order      spinglass.GroupOrder
	Weight     int
	FoundAfter time.Duration
	QueueBytes int // 0 for the agent's default
}

// DefaultGroupOptions returns those of package spinglass.
func DefaultGroupOptions() GroupOptions {
	return GroupOptions{Order: spinglass.TotalOrder, Weight: 1, FoundAfter: spinglass.GroupFoundAfterDefault}
}

func (o *GroupOptions) options() []spinglass.GroupOption {
	options := []spinglass.GroupOption{o.Order, spinglass.Weight(o.Weight), spinglass.FoundAfter(o.FoundAfter)}
	if o.QueueBytes != 0 {
		options = append(options, spinglass.GroupQueue(o.QueueBytes))
	}
	return options
}

func (o *GroupOptions) query() url.Values {
	q := url.Values{"order": {o.Order.String()}, "weight": {strconv.Itoa(o.Weight)}, "found_after": {o.FoundAfter.String()}}
	if o.QueueBytes != 0 {
		q.Set("queue", strconv.Itoa(o.QueueBytes))
	}
	return q
}

// groupOptionsOf reads the query of a request.
func groupOptionsOf(q url.Values) (o GroupOptions, err error) {
	o = DefaultGroupOptions()
	for key, read := range map[string]func(string) error{
		"order":       func(text string) (err error) { o.Order, err = spinglass.ParseGroupOrder(text); return err },
		"weight":      func(text string) (err error) { o.Weight, err = strconv.Atoi(text); return err },
		"found_after": func(text string) (err error) { o.FoundAfter, err = time.ParseDuration(text); return err },
		"queue":       func(text string) (err error) { o.QueueBytes, err = strconv.Atoi(text); return err },
	} {
		if text := q.Get(key); text != "" {
			if err := read(text); err != nil {
				return o, fmt.Errorf("%s: %w", key, err)
			}
		}
	}
	return o, nil
}

type groupsAnswer struct {
	Groups []Group `json:"groups"`
}

// groups lists the groups that the node is in.
func (s *Server) groups(w http.ResponseWriter, r *http.Request) {
	all, err := s.node.Groups(r.Context())
	if err != nil {
		writeError(w, failureStatus(err), err)
		return
	}
	answer := groupsAnswer{Groups: make([]Group, len(all))}
	for i := range all {
		answer.Groups[i] = groupAnswer(&all[i])
	}
	writeJSON(w, http.StatusOK, answer)
}

func groupAnswer(g *spinglass.GroupStatus) Group {
	answer := Group{
		Name: g.Name, Order: g.Order.String(), Phase: string(g.Phase), Primary: g.Primary(), Rank: g.View.Rank, Weight: g.Weight, Members: membersAnswer(g.View.Members),
		Replicated: g.Replicated, Applied: g.Applied, StateBytes: g.StateBytes, Queued: g.Queued, Ejections: g.Ejections,
	}
	if len(g.View.Members) > 0 {
		answer.View, answer.Recoveries = g.View.ID.String(), g.View.ID.Recoveries()
	}
	return answer
}

func membersAnswer(members []spinglass.GroupMember) []GroupMember {
	answer := make([]GroupMember, len(members))
	for i, m := range members {
		answer[i] = GroupMember{ID: m.ID.String(), Name: m.Name, Weight: m.Weight, Since: m.Since}
	}
	return answer
}

const groupPrefix = "/v1/groups/"

// What the path of a group ends with, behind its name.
const (
	eventsSuffix   = "/events"
	recoverySuffix = "/recovery"
)

// group serves a group: its events, for as long as a command has the agent join it, what is cast to it then, and its recovery.
func (s *Server) group(w http.ResponseWriter, r *http.Request) {
	name, what, ok := cutGroup(r.URL.EscapedPath())
	if !ok {
		notFound(w, r)
		return
	}
	switch {
	case what == eventsSuffix && r.Method == http.MethodGet:
		s.stream(w, r, func(ctx context.Context) { s.joinGroup(ctx, w, r, name) })
	case what == topicSuffix && r.Method == http.MethodPost:
		s.stream(w, r, func(ctx context.Context) { s.cast(ctx, w, r, name) })
	case what == recoverySuffix && r.Method == http.MethodPost:
		s.recoverGroup(w, r, name)
	default:
		w.Header().Set("Allow", "GET, POST")
		writeError(w, http.StatusMethodNotAllowed, errors.New("a group is joined with GET of its events, cast to with POST of messages, and recovered with POST of recovery"))
	}
}

// cutGroup returns the group of an escaped path, and what of it is meant. A group may be called like that.
func cutGroup(path string) (name, what string, ok bool) {
	segment, rest, _ := strings.Cut(strings.TrimPrefix(path, groupPrefix), "/")
	what = "/" + rest
	name, err := url.PathUnescape(segment)
	return name, what, err == nil && (what == eventsSuffix || what == topicSuffix || what == recoverySuffix)
}

// errWord says that a group is to be recovered without a person's word.
var errWord = errors.New("a group is recovered only with majority=lost: the word that those of its members that cannot be reached are gone for good")

// recoverGroup has a group go on that the node is in.
func (s *Server) recoverGroup(w http.ResponseWriter, r *http.Request, name string) {
	if r.URL.Query().Get("majority") != "lost" {
		writeError(w, http.StatusBadRequest, errWord)
		return
	}
	if err := s.node.RecoverGroup(r.Context(), name); err != nil {
		writeError(w, failureStatus(err), err)
		return
	}
	all, err := s.node.Groups(r.Context())
	if err != nil {
		writeError(w, failureStatus(err), err)
		return
	}
	i := slices.IndexFunc(all, func(g spinglass.GroupStatus) bool { return g.Name == name })
	if i < 0 {
		writeError(w, http.StatusServiceUnavailable, spinglass.ErrClosed) // it was left meanwhile
		return
	}
	writeJSON(w, http.StatusOK, groupAnswer(&all[i]))
}

// joinGroup is in a group for as long as the stream of its events lasts.
func (s *Server) joinGroup(ctx context.Context, w http.ResponseWriter, r *http.Request, name string) {
	o, err := groupOptionsOf(r.URL.Query())
	if err != nil {
		writeError(w, http.StatusBadRequest, err)
		return
	}
	g, err := s.node.group(ctx, name, o)
	if err != nil {
		err = told(ctx, err)
		writeError(w, failureStatus(err), err)
		return
	}
	s.joined.Store(name, g)
	defer func() {
		s.joined.CompareAndDelete(name, g) // another command may have the agent join it anew, where the membership has ended by itself
		leaving, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveTimeout)
		defer cancel()
		_ = g.Leave(leaving) // it goes on leaving
	}()
	serveBatches(ctx, w, linesType, func(ctx context.Context, b *batch) { copyGroup(ctx, g, b) })
}

// copyGroup appends what happens in a group until it ends, and then why.
func copyGroup(ctx context.Context, g group, b *batch) {
	var reason error
	for e, err := range g.Events(ctx) {
		if err != nil {
			reason = err
			break
		}
		answer := groupEventAnswer(e)
		if !b.appendLine(&answer) {
			return
		}
	}
	end := GroupEvent{Type: EventEnd}
	if reason = told(ctx, reason); reason != nil {
		end.Reason = reason.Error()
	}
	b.appendLine(&end)
}

func groupEventAnswer(e spinglass.GroupEvent) GroupEvent {
	switch e := e.(type) {
	case spinglass.GroupView:
		return GroupEvent{Type: "view", View: e.ID.String(), Rank: e.Rank, Members: membersAnswer(e.Members)}
	case spinglass.GroupMessage:
		return GroupEvent{Type: "message", View: e.View.String(), From: e.From, Sequence: e.Sequence, Payload: e.Payload}
	case spinglass.GroupState:
		return GroupEvent{Type: "state", From: e.From, Bytes: e.Bytes}
	case spinglass.GroupReady:
		return GroupEvent{Type: "ready", Bytes: e.Bytes}
	case spinglass.GroupChanging:
		return GroupEvent{Type: "changing"}
	case spinglass.GroupOutside:
		return GroupEvent{Type: "outside"}
	case spinglass.GroupEjected:
		return GroupEvent{Type: "ejected", Reason: e.Err.Error()}
	case spinglass.GroupSuspected:
		return GroupEvent{Type: "suspected", From: e.Name, Reason: e.Reason}
	}
	return GroupEvent{Type: "unknown", Reason: e.String()}
}

// errNotJoined says that a command casts to a group that the agent is not in for a command.
var errNotJoined = errors.New("no command has this agent join the group")

// cast casts the messages of a request's body to a group as they arrive, and answers when all of them are stable.
func (s *Server) cast(ctx context.Context, w http.ResponseWriter, r *http.Request, name string) {
	joined, ok := s.joined.Load(name)
	if !ok {
		writeError(w, http.StatusNotFound, fmt.Errorf("%w %q", errNotJoined, name))
		return
	}
	g := joined.(group)
	stop := context.AfterFunc(ctx, func() { _ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	done, status, err := s.sendAll(ctx, bufio.NewReaderSize(r.Body, readBuffer), spinglass.GroupMessageMax, g.Cast, g.Flush)
	if err != nil {
		w.Header().Set("Connection", "close")
		writeJSON(w, status, &Error{Message: err.Error(), Published: done})
		return
	}
	writeJSON(w, http.StatusOK, done)
}

// groupURL returns the address of something of a group.
func groupURL(name, what string) *url.URL {
	escaped := url.PathEscape(name)
	if strings.Trim(name, ".") == "" {
		escaped = strings.ReplaceAll(escaped, ".", "%2E") // "." and ".." would be taken for steps of the path
	}
	return &url.URL{Path: groupPrefix + name + what, RawPath: groupPrefix + escaped + what}
}
