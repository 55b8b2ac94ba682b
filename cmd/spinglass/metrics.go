package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"spinglass/enrolment"
)

// issuerMetric is one number of an issuer.
type issuerMetric struct {
	name, help, reason string // the reason is a label, unless it is empty
	value              func(enrolment.Stats) uint64
}

const (
	connectionsDropped     = "connections_dropped_total"
	connectionsDroppedHelp = "Connections to the issuer that brought no request, by reason: bounds, what is no message, or the end of the connection."
)

var issuerMetrics = []issuerMetric{
	{"connections_total", "Connections to the issuer.", "", func(s enrolment.Stats) uint64 { return s.Connections }},
	{"joins_total", "Joins granted.", "", func(s enrolment.Stats) uint64 { return s.Joined }},
	{"renewals_total", "Renewals granted.", "", func(s enrolment.Stats) uint64 { return s.Renewed }},
	{"tokens_total", "Join tokens handed out over the network.", "", func(s enrolment.Stats) uint64 { return s.Tokens }},
	{"refused_total", "Requests that were understood and refused.", "", func(s enrolment.Stats) uint64 { return s.Refused }},
	{"failed_total", "Requests that could not be granted through no fault of who asked: files, locks.", "", func(s enrolment.Stats) uint64 { return s.Failed }},
	{connectionsDropped, connectionsDroppedHelp, "busy", func(s enrolment.Stats) uint64 { return s.Busy }},
	{connectionsDropped, connectionsDroppedHelp, "limited", func(s enrolment.Stats) uint64 { return s.Limited }},
	{connectionsDropped, connectionsDroppedHelp, "crowded", func(s enrolment.Stats) uint64 { return s.Crowded }},
	{connectionsDropped, connectionsDroppedHelp, "malformed", func(s enrolment.Stats) uint64 { return s.Malformed }},
	{connectionsDropped, connectionsDroppedHelp, "cut", func(s enrolment.Stats) uint64 { return s.Cut }},
	{connectionsDropped, connectionsDroppedHelp, "protocol", func(s enrolment.Stats) uint64 { return s.Protocol }},
}

// metrics are those of the renewals of the own certificate and, where there is an authority, of who asks it.
func (e *enrolled) metrics() []prometheus.Collector {
	collectors := []prometheus.Collector{
		enrolmentCounter("own_renewals_total", "Renewals of this node's own certificate.", "", func() uint64 {
			renewed, _ := e.renewer.Counts()
			return renewed
		}),
		enrolmentCounter("own_renewals_failed_total", "Tries to renew this node's own certificate that failed.", "", func() uint64 {
			_, failed := e.renewer.Counts()
			return failed
		}),
	}
	if e.issuer == nil {
		return collectors
	}
	for _, m := range issuerMetrics {
		collectors = append(collectors, enrolmentCounter(m.name, m.help, m.reason, func() uint64 { return m.value(e.issuer.Stats()) }))
	}
	return collectors
}

func enrolmentCounter(name, help, reason string, value func() uint64) prometheus.Collector {
	options := prometheus.CounterOpts{Name: "spinglass_enrolment_" + name, Help: help}
	if reason != "" {
		options.ConstLabels = prometheus.Labels{"reason": reason}
	}
	return prometheus.NewCounterFunc(options, func() float64 { return float64(value()) })
}
