package local

import (
	"context"
	"fmt"
	"math"
	"net/http"

	"spinglass"
	"spinglass/protocol"
)

// Row is a row of the table of a zone, as an agent holds it.
type Row struct {
	Zone         string     `json:"zone"` // whose table it is in
	Name         string     `json:"name"` // of the host, or of the child zone
	Host         bool       `json:"host"` // it is of a host, and not a summary of a zone
	ID           string     `json:"id"`   // of the host, or of a member that represents the zone
	Self         bool       `json:"self"` // it is of the agent itself
	Attributes   Attributes `json:"attributes"`
	RowsIn       int        `json:"rows_in"`       // that the summary was made of; 1 for a host
	RowsExpected int        `json:"rows_expected"` // that it should have been made of
	AgeSeconds   float64    `json:"age_s"`         // since the oldest host in it was heard of
	Suspect      bool       `json:"suspect"`       // it has not been heard of for some time
}

// Complete reports whether everything that should is in the row.
func (r *Row) Complete() bool { return r.RowsIn >= r.RowsExpected }

// Table is the table of a zone, as an agent holds it, or as another member has told it.
type Table struct {
	Zone         string `json:"zone"`
	Rows         []Row  `json:"rows"`
	RowsExpected int    `json:"rows_expected"` // that the table should have
	From         string `json:"from"`          // id of who holds it
	Held         bool   `json:"held"`          // by the agent itself
	Unverified   int    `json:"unverified"`    // rows that were left out because they are not proven
}

type zonesAnswer struct {
	Zones []string `json:"zones"`
}

type setRequest struct {
	Attributes Attributes `json:"attributes"`
}

func (s *Server) zones(w http.ResponseWriter, r *http.Request) {
	zones, err := s.node.Zones(r.Context())
	if err != nil {
		writeError(w, failureStatus(err), err)
		return
	}
	writeJSON(w, http.StatusOK, zonesAnswer{zones})
}

func (s *Server) rows(w http.ResponseWriter, r *http.Request) {
	zone, err := pathOf(r, "zone")
	if err != nil {
		writeError(w, http.StatusBadRequest, err)
		return
	}
	table, err := s.node.Table(r.Context(), zone)
	if err != nil {
		writeError(w, failureStatus(err), err)
		return
	}
	answer := Table{
		Zone: table.Zone, Rows: make([]Row, len(table.Rows)), RowsExpected: table.RowsExpected, From: table.From.String(), Held: table.From == s.node.ID(),
		Unverified: table.Unverified,
	}
	for i := range table.Rows {
		answer.Rows[i] = s.rowAnswer(&table.Rows[i])
	}
	writeJSON(w, http.StatusOK, answer)
}

func (s *Server) row(w http.ResponseWriter, r *http.Request) {
	name, err := pathOf(r, "name")
	if err != nil {
		writeError(w, http.StatusBadRequest, err)
		return
	}
	row, err := s.node.Get(r.Context(), name)
	if err != nil {
		writeError(w, failureStatus(err), err)
		return
	}
	writeJSON(w, http.StatusOK, s.rowAnswer(&row))
}

// pathOf returns the path of a zone or a member that a request names, "" when it names none.
func pathOf(r *http.Request, key string) (string, error) {
	path := r.URL.Query().Get(key)
	if len(path) > protocol.NameMax {
		return "", fmt.Errorf("%s of %d bytes exceeds the limit of %d", key, len(path), protocol.NameMax)
	}
	return path, nil
}

func (s *Server) rowAnswer(r *spinglass.Row) Row {
	return Row{
		Zone: r.Zone, Name: r.Name, Host: r.Host, ID: r.ID.String(), Self: r.Host && r.ID == s.node.ID(), Attributes: Attributes(r.Attributes),
		RowsIn: r.RowsIn, RowsExpected: r.RowsExpected, AgeSeconds: math.Round(r.Age.Seconds()*1000) / 1000, Suspect: r.Suspect,
	}
}

// set changes the own row of the node, or another row that it keeps.
func (s *Server) set(w http.ResponseWriter, r *http.Request) {
	var request setRequest
	if !readBody(w, r, "attributes to set", setBodyMax, &s.stats.setsRefused, &request) {
		return
	}
	set := s.node.Set
	if row := r.URL.Query().Get("row"); row != "" {
		set = func(ctx context.Context, attributes spinglass.Attrs) error {
			return s.node.SetRow(ctx, row, attributes)
		}
	}
	if err := set(r.Context(), spinglass.Attrs(request.Attributes)); err != nil {
		writeError(w, failureStatus(err), err)
		return
	}
	writeJSON(w, http.StatusOK, struct{}{})
}
