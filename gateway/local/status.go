package local

import (
	"context"
	"math"
	"net/http"
	"time"

	"spinglass"
)

// Status is what an agent tells of itself.
type Status struct {
	ID            string         `json:"id"`
	Name          string         `json:"name"`
	Address       string         `json:"addr"`
	Version       string         `json:"version,omitempty"`
	Member        bool           `json:"member"` // it has met another member, or is the first of a fleet
	UptimeSeconds float64        `json:"uptime_s"`
	Peers         map[string]int `json:"peers"` // by state, the node itself not counted
	Streams       int64          `json:"streams"`
}

// Peer is one line of what an agent knows of the members.
type Peer struct {
	Name        string    `json:"name"`
	ID          string    `json:"id"`
	Address     string    `json:"addr"`
	Zone        string    `json:"zone"`
	State       string    `json:"state"`          // up, suspect, down or left
	RoundTrip   *float64  `json:"rtt_ms"`         // null when not measured
	Since       time.Time `json:"since,omitzero"` // in this state, as the agent saw it; not in events
	Unreachable bool      `json:"unreachable"`
	Self        bool      `json:"self"`
	Format      uint64    `json:"format"` // the latest that it speaks; 0 from an agent that does not tell
}

type peersAnswer struct {
	Peers []Peer `json:"peers"`
}

func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	peers, err := s.node.Peers(r.Context())
	if err != nil {
		writeError(w, failureStatus(err), err)
		return
	}
	byState := map[string]int{}
	for i := range peers {
		if !peers[i].Self {
			byState[string(peers[i].State)]++
		}
	}
	writeJSON(w, http.StatusOK, Status{
		ID: s.node.ID().String(), Name: s.node.Name(), Address: s.node.Addr(), Version: s.options.Version, Member: s.member(),
		UptimeSeconds: time.Since(s.started).Seconds(), Peers: byState, Streams: s.stats.streams.Load(),
	})
}

// member reports whether the node is a member by now.
func (s *Server) member() bool {
	now, cancel := context.WithCancel(context.Background())
	cancel() // do not wait
	return s.node.Ready(now) == nil
}

func (s *Server) peers(w http.ResponseWriter, r *http.Request) {
	peers, err := s.node.Peers(r.Context())
	if err != nil {
		writeError(w, failureStatus(err), err)
		return
	}
	answer := peersAnswer{Peers: make([]Peer, len(peers))}
	for i := range peers {
		answer.Peers[i] = *peerAnswer(&peers[i])
	}
	writeJSON(w, http.StatusOK, answer)
}

func peerAnswer(p *spinglass.Peer) *Peer {
	answer := &Peer{
		Name: p.Name, ID: p.ID.String(), Address: p.Address, Zone: p.Zone, State: string(p.State), Since: p.Since,
		Unreachable: p.Unreachable, Self: p.Self, Format: p.Format,
	}
	if p.RoundTrip > 0 {
		ms := math.Round(float64(p.RoundTrip)/float64(time.Microsecond)) / 1000
		answer.RoundTrip = &ms
	}
	return answer
}
