package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/net/netutil"

	"spinglass"
	"spinglass/cmd/spinglass/internal/facts"
	"spinglass/gateway/local"
	"spinglass/gateway/sql"
	"spinglass/protocol"
)

const (
	leaveTimeout          = 5 * time.Second  // for an agent to tell its peers that it leaves
	metricsConnectionsMax = 16               // on the address of its own that metrics may have, to which anybody can connect who reaches it
	metricsHeaderTimeout  = 10 * time.Second // for the header of a scrape to arrive
	metricsWriteTimeout   = 30 * time.Second // for a scrape to be taken
	metricsIdleTimeout    = 2 * time.Minute  // between two of one connection
	filesMin              = 32               // that an agent has to be able to open: about 16 for itself, and some for links and commands
)

// agentSettings are the flags of an agent.
type agentSettings struct {
	connection
	config    string
	name      string
	named     bool // the name was given, and is not that of the host
	token     string
	listen    string
	advertise string
	join      []string
	first     bool
	outbound  bool
	gateway   bool
	zoneLimit int

	automaticLimit int
	noMulticast    bool
	multicastPort  int
	metricsListen  string
	sql            sqlListener
	facts          bool
	factsEvery     time.Duration
	log            logSettings
}

func newAgent() *cobra.Command {
	var s agentSettings
	cmd := &cobra.Command{
		Use:   "agent",
		Short: "Run a member of a fleet on this machine",
		Long: "Runs a member of a fleet until it is interrupted; then it tells the others that it leaves.\n\n" +
			"Every flag can also be given in the environment (SPINGLASS_DATA_DIR for --data-dir) or as a key of the TOML file " +
			"that --config names (data-dir = \"...\").\n" +
			"A flag wins over the environment, and the environment over the file.\n\n" +
			"With --first and an empty data directory it makes the authority of a new fleet, and prints the command by which other machines join. " +
			"With --token it joins that fleet.",
		Example: "  spinglass agent --name /eu/fra/web-1 --first\n  spinglass agent --name /eu/fra/web-2 --token spinglass1...",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := fillSettings(cmd.Flags()); err != nil {
				return err
			}
			return s.run(cmd)
		},
	}
	s.connection.flags(cmd)
	flags := cmd.Flags()
	flags.StringVar(&s.config, flagConfig, "", "TOML file with settings")
	flags.StringVar(&s.name, "name", "", "path of this member, such as /eu/fra/web-1 (default / and the host's name)")
	flags.StringVar(&s.listen, "listen", ":7400", "address to listen on, HOST:PORT")
	flags.StringVar(&s.advertise, "advertise", "", "address under which others reach this member (default found by itself)")
	flags.StringSliceVar(&s.join, "join", nil, "addresses of members to join by, HOST:PORT,... (default those of the token)")
	flags.StringVar(&s.token, "token", "", "token to join by; not needed again once this node has its certificate")
	flags.BoolVar(&s.first, "first", false, "make a new fleet and its authority, if this node is of none; with --join, go on alone when nobody can be joined")
	flags.BoolVar(&s.outbound, "outbound", false, "only open TCP connections, to gateways, which are the addresses of --join (or of the token); listen on nothing, and be reached through them")
	flags.BoolVar(&s.gateway, "gateway", false, "be a gateway for members with --outbound: pass on what is sealed for them, and what they seal for others")
	flags.IntVar(&s.zoneLimit, "zone-limit", 0, "members that a zone may hold (default 128)")
	flags.IntVar(&s.automaticLimit, "automatic-limit", 0, "members of a zone in which those stand that have no zone in their names; beyond it they are spread below /auto (default 64)")
	flags.BoolVar(&s.noMulticast, "no-multicast", false, "do not use IP multicast")
	flags.IntVar(&s.multicastPort, "multicast-port", spinglass.MulticastPortDefault, "UDP port of IP multicast, the same for all members")
	flags.StringVar(&s.metricsListen, "metrics-listen", "", "address for Prometheus, [HOST]:PORT, the host by default loopback (default none)")
	s.sql.flags(flags)
	flags.BoolVar(&s.facts, "facts", true, "keep what this machine is and how busy it is in the agent's row: load, memory_used_bytes, disk_free_bytes, ...")
	flags.DurationVar(&s.factsEvery, "facts-every", facts.IntervalDefault, "how often these are read")
	s.log.flags(flags)
	return cmd
}

// run runs an agent until ctx ends.
func (s *agentSettings) run(cmd *cobra.Command) error {
	logger, err := s.log.logger(cmd.ErrOrStderr())
	if err != nil {
		return err
	}
	if err := s.check(); err != nil {
		return err
	}
	if err := checkFiles(); err != nil {
		return err
	}
	address, dataDir, err := s.address()
	if err != nil {
		return err
	}
	listener, err := local.Listen(address, dataDir)
	if err != nil {
		return err
	}
	defer listener.Close()
	enrolled, err := s.enrol(cmd.Context(), logger, dataDir)
	if err != nil {
		return err
	}
	defer enrolled.close()
	if err := s.checkGateways(); err != nil {
		return err
	}
	if len(s.join) == 0 && !s.first {
		logger.Warn("no addresses of members are known: starting alone; others can join this one, or give --join")
	}
	node, err := s.start(cmd.Context(), logger, dataDir, enrolled)
	if err != nil {
		return err
	}
	defer node.Close()
	gateway := sql.New(node, sql.Options{Logger: logger})
	defer gateway.Close()
	server := local.New(node, local.Options{Version: readVersion().Version, Logger: logger, Metrics: append(enrolled.metrics(), gateway.Metrics()), SQL: doSQL(gateway)})
	defer server.Close()
	clients, err := s.sql.serve(gateway, dataDir, logger)
	if err != nil {
		return err
	}
	if clients != nil {
		defer clients.Close()
	}
	metrics, err := s.serveMetrics(server, logger)
	if err != nil {
		return err
	}
	defer metrics.Close()
	go logEvents(node, logger)
	if s.facts {
		go s.keepFacts(cmd.Context(), node, dataDir, logger)
	}
	if err := enrolled.start(cmd.Context(), node); err != nil && cmd.Context().Err() == nil {
		return err
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }() // commands wait until then, so that a token has the addresses of the agent
	fmt.Fprintf(cmd.OutOrStdout(), "agent %s (%s) %s, api %s\n", node.Name(), node.ID(), s.whereabouts(node), listener.Address())
	if err := enrolled.invite(cmd.Context(), cmd.OutOrStdout(), node.Name()); err != nil && cmd.Context().Err() == nil {
		return err
	}
	select {
	case err := <-failed:
		return fmt.Errorf("api: %w", err)
	case err := <-enrolled.ended:
		return err
	case <-cmd.Context().Done():
	}
	leave(node, server, logger)
	return nil
}

// check completes the settings and refuses those that cannot be.
func (s *agentSettings) check() error {
	s.named = s.name != ""
	if !s.named {
		host, err := os.Hostname()
		if err != nil {
			return fmt.Errorf("no name: %w; give one with --name", err)
		}
		s.name = "/" + strings.ToLower(host)
	}
	if err := cmp.Or(protocol.CheckName(s.name), protocol.CheckReserved(s.name)); err != nil {
		return usagef("--name: %w", err)
	}
	if s.automaticLimit != 0 && (s.automaticLimit < spinglass.AutomaticLimitMin || s.automaticLimit > spinglass.ZoneLimitMax) {
		return usagef("--automatic-limit: %d is not in %d to %d", s.automaticLimit, spinglass.AutomaticLimitMin, spinglass.ZoneLimitMax)
	}
	if s.multicastPort < 1 || s.multicastPort > 65535 {
		return usagef("--multicast-port: %d is not in 1 to 65535", s.multicastPort)
	}
	if s.zoneLimit < 0 {
		return usagef("--zone-limit: %d is negative", s.zoneLimit)
	}
	if s.factsEvery < facts.IntervalMin || s.factsEvery > facts.IntervalMax {
		return usagef("--facts-every: %v is not from %v to %v", s.factsEvery, facts.IntervalMin, facts.IntervalMax)
	}
	if err := s.sql.check(); err != nil {
		return err
	}
	if s.outbound && s.gateway {
		return usagef("--gateway: nobody can connect to a member with --outbound")
	}
	if s.outbound && s.advertise != "" {
		return usagef("--advertise: a member with --outbound has no address of its own")
	}
	return nil
}

// checkGateways refuses an agent in an enclave that knows no gateways, or too many.
func (s *agentSettings) checkGateways() error {
	switch {
	case !s.outbound:
		return nil
	case len(s.join) == 0:
		return usagef("--outbound: no gateways are known: give their addresses by --join")
	case len(s.join) > spinglass.GatewaysMax:
		return usagef("--outbound: %d gateways are more than %d: give those that are to be used by --join", len(s.join), spinglass.GatewaysMax)
	}
	return nil
}

// whereabouts says how the agent is reached.
func (s *agentSettings) whereabouts(node *spinglass.Node) string {
	if s.outbound {
		return "reached through " + strings.Join(s.join, " and ")
	}
	return "listening on " + node.Addr()
}

// enoughFiles refuses a limit of files that an agent would exhaust by itself: it would run, but neither answer commands nor talk to others.
func enoughFiles(limit uint64) error {
	if limit < filesMin {
		return fmt.Errorf("only %d files may be open at a time, and an agent needs %d, better 1024: raise the limit (ulimit -n, LimitNOFILE)", limit, filesMin)
	}
	return nil
}

// start starts the node. ctx ends the wait for it, not the node.
func (s *agentSettings) start(ctx context.Context, logger *slog.Logger, dataDir string, enrolled *enrolled) (*spinglass.Node, error) {
	id, err := spinglass.DataDirNodeID(dataDir)
	if err != nil {
		return nil, err
	}
	starting, cancel := context.WithCancel(context.WithoutCancel(ctx))
	stop := context.AfterFunc(ctx, cancel)
	defer stop()
	node, err := spinglass.Start(starting, spinglass.Config{
		Name: s.name, Listen: s.listen, Advertise: s.advertise, Join: s.join, First: s.first, Outbound: s.outbound, Gateway: s.gateway,
		DataDir: dataDir, Logger: logger, Identity: enrolled.equip(id), ZoneLimit: s.zoneLimit, AutomaticLimit: s.automaticLimit, NoMulticast: s.noMulticast, MulticastPort: s.multicastPort,
	})
	if err != nil {
		cancel()
		return nil, err
	}
	return node, nil
}

// keepFacts keeps the facts of this machine in the agent's row until ctx ends.
func (s *agentSettings) keepFacts(ctx context.Context, node *spinglass.Node, dataDir string, logger *slog.Logger) {
	keeper := facts.Keeper{
		Read: func(ctx context.Context, before spinglass.Attrs) (spinglass.Attrs, error) {
			return facts.Read(ctx, dataDir, readVersion().Version, before)
		},
		Set:    node.Set,
		Logger: logger,
	}
	ticker := time.NewTicker(s.factsEvery)
	defer ticker.Stop()
	keeper.Keep(ctx, ticker.C)
}

// serveMetrics serves the metrics on an address of their own, where one is wanted.
func (s *agentSettings) serveMetrics(server *local.Server, logger *slog.Logger) (*http.Server, error) {
	if s.metricsListen == "" {
		return &http.Server{}, nil
	}
	host, port, err := net.SplitHostPort(s.metricsListen)
	if err != nil {
		return nil, usagef("--metrics-listen: %q is not [HOST]:PORT", s.metricsListen)
	}
	if host == "" {
		host = "127.0.0.1"
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(host, port))
	if err != nil {
		return nil, fmt.Errorf("metrics: %w", err)
	}
	logger.Info("metrics are served", "address", listener.Addr().String())
	return serveScrapes(listener, server.Metrics(), logger), nil
}

// serveScrapes answers the scrapes of a listener. Its connections are bounded, in number and time, so that they leave the agent its files.
func serveScrapes(listener net.Listener, handler http.Handler, logger *slog.Logger) *http.Server {
	metrics := &http.Server{
		Handler: handler, ReadHeaderTimeout: metricsHeaderTimeout, WriteTimeout: metricsWriteTimeout, IdleTimeout: metricsIdleTimeout,
		ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
	go func() {
		if err := metrics.Serve(netutil.LimitListener(listener, metricsConnectionsMax)); !errors.Is(err, http.ErrServerClosed) {
			logger.Error("metrics are no longer served", "error", err)
		}
	}()
	return metrics
}

// leave ends the commands that use the agent and tells the other members, within leaveTimeout.
func leave(node *spinglass.Node, server *local.Server, logger *slog.Logger) {
	ctx, cancel := context.WithTimeout(context.Background(), leaveTimeout)
	defer cancel()
	logger.Info("leaving")
	if err := server.Close(); err != nil {
		logger.Warn("some commands were cut", "error", err)
	}
	if err := node.Leave(ctx); err != nil {
		logger.Warn("not every member may know that this one left", "error", err)
	}
}
