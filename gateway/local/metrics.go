package local

import (
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// Metrics returns the handler of /metrics alone, for a listener of its own that needs no token.
func (s *Server) Metrics() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", s.metrics)
	return mux
}

// metricsHandler serves the counters of the node, of the server, of the process and of Options.Metrics, from a registry of their own.
func (s *Server) metricsHandler() http.Handler {
	registry := prometheus.NewRegistry()
	registry.MustRegister(
		s.node.Metrics(),
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: "spinglass_api_streams", Help: "Streams that commands have open at the agent.",
		}, func() float64 { return float64(s.stats.streams.Load()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "spinglass_api_refused_total", Help: "Streams refused because too many were open.",
		}, func() float64 { return float64(s.stats.refused.Load()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "spinglass_api_sets_refused_total", Help: "Requests to set attributes refused because they were too long.",
		}, func() float64 { return float64(s.stats.setsRefused.Load()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "spinglass_api_functions_refused_total", Help: "Requests to install or try functions refused because they were too long.",
		}, func() float64 { return float64(s.stats.functionsRefused.Load()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "spinglass_api_sql_refused_total", Help: "Requests to do statements of SQL refused because they were too long.",
		}, func() float64 { return float64(s.stats.sqlRefused.Load()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "spinglass_api_patterns_refused_total", Help: "Requests to subscribe to patterns refused because they were too long.",
		}, func() float64 { return float64(s.stats.patternsRefused.Load()) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: "spinglass_api_unauthorized_total", Help: "Requests refused because they did not carry the token.",
		}, func() float64 { return float64(s.stats.unauthorized.Load()) }),
	)
	registry.MustRegister(s.options.Metrics...)
	return promhttp.HandlerFor(registry, promhttp.HandlerOpts{MaxRequestsInFlight: scrapesMax})
}
