package sql

import (
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// stats count what happens; gauges can go down.
type stats struct {
	sessions, connections, results atomic.Int64 // gauges

	statements, failures, writes, snapshots                                                                           atomic.Uint64
	sessionsRefused, connectionsRefused, handshakesRefused, handshakesFailed, passwordsRefused, messagesRefused       atomic.Uint64
	preparedRefused, statementsRefused, writesRefused, unauthorized, late, queued, resultsCut, resultsRefused, memory atomic.Uint64
	treesLimited, treesLate, columnsRefused, idle, stalled, panics                                                    atomic.Uint64
}

// Stats are counters of a gateway since it was made.
type Stats struct {
	Sessions    int // open databases, those in process among them
	Connections int // of clients
	Results     int // bytes of results on their way

	Statements         uint64 // done, those that failed among them
	Failures           uint64 // statements that failed
	Writes             uint64 // changes of own rows
	Snapshots          uint64 // of the tables that were taken
	SessionsRefused    uint64 // beyond the limit
	ConnectionsRefused uint64 // beyond ConnectionsMax
	HandshakesRefused  uint64 // beyond HandshakesMax
	HandshakesFailed   uint64 // clients that did not say who they are in time, or in no form that is known
	PasswordsRefused   uint64 // clients with a wrong password
	MessagesRefused    uint64 // longer than MessageMax, or malformed; the connection ends
	PreparedRefused    uint64 // statements and portals beyond PreparedMax
	StatementsRefused  uint64 // of other kinds than those that are for clients
	WritesRefused      uint64 // of rows of others
	Unauthorized       uint64 // what SQLite was not allowed to do
	Late               uint64 // statements that computed for longer than StatementTime
	Queued             uint64 // statements that waited for longer than QueueTime
	ResultsCut         uint64 // results longer than RowsMax or ResultMax
	ResultsRefused     uint64 // results beyond ResultsMax
	Memory             uint64 // statements for which SQLite held too much
	TreesLimited       uint64 // calls of zone_tree beyond ZoneTreeTablesMax
	TreesLate          uint64 // tables of others that did not come within ZoneTreeTime
	ColumnsRefused     uint64 // times that an attribute was seen that has no column of its own
	Idle               uint64 // connections ended because the client was silent for IdleTime
	Stalled            uint64 // connections ended because the client took nothing for WriteTime
	Panics             uint64 // connections ended because of a fault of this program
}

// Stats returns the counters.
func (g *Gateway) Stats() Stats {
	s := &g.stats
	return Stats{
		Sessions: int(s.sessions.Load()), Connections: int(s.connections.Load()), Results: int(s.results.Load()), Statements: s.statements.Load(), Failures: s.failures.Load(), Writes: s.writes.Load(),
		Snapshots: s.snapshots.Load(), SessionsRefused: s.sessionsRefused.Load(), ConnectionsRefused: s.connectionsRefused.Load(), HandshakesRefused: s.handshakesRefused.Load(),
		HandshakesFailed: s.handshakesFailed.Load(), PasswordsRefused: s.passwordsRefused.Load(), MessagesRefused: s.messagesRefused.Load(), PreparedRefused: s.preparedRefused.Load(),
		StatementsRefused: s.statementsRefused.Load(), WritesRefused: s.writesRefused.Load(), Unauthorized: s.unauthorized.Load(), Late: s.late.Load(), Queued: s.queued.Load(), ResultsCut: s.resultsCut.Load(),
		ResultsRefused: s.resultsRefused.Load(), Memory: s.memory.Load(), TreesLimited: s.treesLimited.Load(), TreesLate: s.treesLate.Load(), ColumnsRefused: s.columnsRefused.Load(), Idle: s.idle.Load(),
		Stalled: s.stalled.Load(), Panics: s.panics.Load(),
	}
}

// metric is one number with its name and what it means.
type metric struct {
	name, help string
	gauge      bool
	value      func(s *Stats) float64
}

func count(name, help string, value func(s *Stats) uint64) metric {
	return metric{name, help, false, func(s *Stats) float64 { return float64(value(s)) }}
}

func level(name, help string, value func(s *Stats) int) metric {
	return metric{name, help, true, func(s *Stats) float64 { return float64(value(s)) }}
}

var metrics = []metric{
	level("sessions", "Open databases of clients, those in process among them.", func(s *Stats) int { return s.Sessions }),
	level("connections", "Clients that are connected.", func(s *Stats) int { return s.Connections }),
	level("results_bytes", "Bytes of results on their way to clients.", func(s *Stats) int { return s.Results }),
	count("statements_total", "Statements done, those that failed among them.", func(s *Stats) uint64 { return s.Statements }),
	count("failures_total", "Statements that failed.", func(s *Stats) uint64 { return s.Failures }),
	count("writes_total", "Changes of own rows.", func(s *Stats) uint64 { return s.Writes }),
	count("snapshots_total", "Snapshots of the tables that were taken.", func(s *Stats) uint64 { return s.Snapshots }),
	count("sessions_refused_total", "Sessions beyond the limit.", func(s *Stats) uint64 { return s.SessionsRefused }),
	count("connections_refused_total", "Connections beyond the limit.", func(s *Stats) uint64 { return s.ConnectionsRefused }),
	count("handshakes_refused_total", "Connections refused because too many clients were saying who they are.", func(s *Stats) uint64 { return s.HandshakesRefused }),
	count("handshakes_failed_total", "Clients that did not say who they are in time, or in no form that is known.", func(s *Stats) uint64 { return s.HandshakesFailed }),
	count("passwords_refused_total", "Clients with a wrong password.", func(s *Stats) uint64 { return s.PasswordsRefused }),
	count("messages_refused_total", "Messages that were too long or malformed; the connection ends.", func(s *Stats) uint64 { return s.MessagesRefused }),
	count("prepared_refused_total", "Prepared statements and portals beyond the limit.", func(s *Stats) uint64 { return s.PreparedRefused }),
	count("statements_refused_total", "Statements of kinds that are not for clients.", func(s *Stats) uint64 { return s.StatementsRefused }),
	count("writes_refused_total", "Changes of rows that are not the member's own.", func(s *Stats) uint64 { return s.WritesRefused }),
	count("unauthorized_total", "Things that SQLite was not allowed to do for a statement.", func(s *Stats) uint64 { return s.Unauthorized }),
	count("late_total", "Statements that computed for too long.", func(s *Stats) uint64 { return s.Late }),
	count("queued_total", "Statements that waited for too long for others to end.", func(s *Stats) uint64 { return s.Queued }),
	count("results_cut_total", "Results with too many rows or bytes.", func(s *Stats) uint64 { return s.ResultsCut }),
	count("results_refused_total", "Results for which there was no room among those on their way.", func(s *Stats) uint64 { return s.ResultsRefused }),
	count("memory_total", "Statements for which SQLite held too much memory.", func(s *Stats) uint64 { return s.Memory }),
	count("trees_limited_total", "Tables that zone_tree did not ask for because a statement asked for too many.", func(s *Stats) uint64 { return s.TreesLimited }),
	count("trees_late_total", "Tables of other members that did not come in time.", func(s *Stats) uint64 { return s.TreesLate }),
	count("columns_refused_total", "Times that an attribute was seen for which there was no column.", func(s *Stats) uint64 { return s.ColumnsRefused }),
	count("idle_total", "Connections ended because the client was silent for too long.", func(s *Stats) uint64 { return s.Idle }),
	count("stalled_total", "Connections ended because the client took nothing of what was sent to it.", func(s *Stats) uint64 { return s.Stalled }),
	count("panics_total", "Statements ended because of a fault of the program.", func(s *Stats) uint64 { return s.Panics }),
}

// collector offers the counters to Prometheus.
type collector struct {
	gateway      *Gateway
	descriptions []*prometheus.Desc
}

// Metrics returns the counters for Prometheus, with names that begin with spinglass_sql_.
func (g *Gateway) Metrics() prometheus.Collector {
	c := &collector{gateway: g}
	for _, m := range metrics {
		c.descriptions = append(c.descriptions, prometheus.NewDesc("spinglass_sql_"+m.name, m.help, nil, nil))
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *collector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range c.descriptions {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *collector) Collect(out chan<- prometheus.Metric) {
	s := c.gateway.Stats()
	for i, m := range metrics {
		kind := prometheus.CounterValue
		if m.gauge {
			kind = prometheus.GaugeValue
		}
		out <- prometheus.MustNewConstMetric(c.descriptions[i], kind, m.value(&s))
	}
}
