package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"spinglass/enrolment"
	"spinglass/gateway/local"
	"spinglass/identity"
	"spinglass/internal/enroltest"
)

const (
	awaitMax      = 2 * time.Minute
	awaitInterval = 20 * time.Millisecond
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"spinglass": main})
}

// TestScripts runs the scripts of testdata/script. Besides the usual commands they have those of this file; PORT1 to PORT3 are
// free ports, and LONG is a text of 1000 bytes.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 filepath.Join("testdata", "script"),
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			for i := range 3 {
				port, err := freePort()
				if err != nil {
					return err
				}
				env.Setenv("PORT"+strconv.Itoa(i+1), strconv.Itoa(port))
			}
			env.Setenv("LONG", strings.Repeat("x", 1000))
			env.Setenv("XDG_STATE_HOME", filepath.Join(env.WorkDir, "state"))
			return nil
		},
		Condition: condition,
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"await":         await,
			"await-streams": awaitStreams,
			"await-route":   awaitRoute,
			"long-line":     longLine,
			"await-metric":  awaitMetric,
			"occupy":        occupy,
			"fleet":         fleet,
			"issuer":        issuer,
			"fails":         fails,
			"damage":        damage,
			"token":         token,
			"cut":           cut,
			"tampered":      tampered,
			"overstep":      overstep,
		},
	})
}

// condition is "ipv6": whether loopback has an IPv6 address.
func condition(name string) (bool, error) {
	if name != "ipv6" {
		return false, errors.New("no such condition")
	}
	listener, err := net.Listen("tcp", "[::1]:0")
	if err != nil {
		return false, nil
	}
	return true, listener.Close()
}

// ports are those that scripts have been given.
var ports struct {
	sync.Mutex
	given map[int]bool
}

// freePort returns a port that was free for both UDP and TCP on loopback a moment ago, and that no other script has. It is below those that the system gives to whoever asks for any,
// as the scripts that run at the same time do, and those of test/upgrade.
func freePort() (int, error) {
	const low, high, attempts = 20_000, 26_000, 100
	ports.Lock()
	defer ports.Unlock()
	for range attempts {
		port := low + rand.IntN(high-low)
		if ports.given[port] {
			continue
		}
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		listener, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		packets, err := net.ListenPacket("udp", address)
		_ = listener.Close()
		if err != nil {
			continue
		}
		if ports.given == nil {
			ports.given = map[int]bool{}
		}
		ports.given[port] = true
		return port, packets.Close()
	}
	return 0, errors.New("no free port found")
}

// await REGEXP COMMAND... runs a command until it succeeds and its standard output matches.
func await(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) < 2 {
		ts.Fatalf("usage: await REGEXP COMMAND...")
	}
	pattern, err := regexp.Compile("(?m)" + args[0])
	ts.Check(err)
	poll(ts, "await "+strings.Join(args, " "), func() bool {
		return ts.Exec(args[1], args[2:]...) == nil && pattern.MatchString(ts.ReadFile("stdout"))
	})
}

// poll returns once condition holds.
func poll(ts *testscript.TestScript, what string, condition func() bool) {
	for deadline := time.Now().Add(awaitMax); !condition(); time.Sleep(awaitInterval) {
		if time.Now().After(deadline) {
			ts.Fatalf("%s: not within %v", what, awaitMax)
		}
	}
}

func client(ts *testscript.TestScript, dataDir string) *local.Client {
	dir := ts.MkAbs(dataDir)
	c, err := local.NewClient(local.DefaultAddress(dir), dir)
	ts.Check(err)
	return c
}

// await-streams DIR N waits until the agent of a data directory has N streams open, such as those of sub.
func awaitStreams(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) != 2 {
		ts.Fatalf("usage: await-streams DIR N")
	}
	want, err := strconv.ParseInt(args[1], 10, 64)
	ts.Check(err)
	c := client(ts, args[0])
	defer c.Close()
	poll(ts, "await-streams", func() bool {
		status, err := c.Status(context.Background())
		return err == nil && status.Streams == want
	})
}

// await-route FROM TO [PATTERN [TOPIC]] waits until what the agent of one data directory publishes to a topic reaches another agent that subscribes to a pattern, or to the topic. All subscriptions of a
// member travel together, so that those made before are known by then as well.
func awaitRoute(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) < 2 || len(args) > 4 {
		ts.Fatalf("usage: await-route FROM TO [PATTERN [TOPIC]]")
	}
	if len(args) == 2 {
		args = append(args, "await-route")
	}
	pattern, topic := args[2], args[len(args)-1]
	from, to := client(ts, args[0]), client(ts, args[1])
	defer from.Close()
	defer to.Close()
	ctx, cancel := context.WithTimeout(context.Background(), awaitMax)
	defer cancel()
	stream, err := to.Subscribe(ctx, pattern, 0)
	ts.Check(err)
	defer stream.Close()
	arrived := make(chan error, 1)
	go func() {
		_, err := stream.Next()
		arrived <- err
	}()
	for {
		_, err := from.Publish(ctx, topic, bytes.NewReader(local.AppendFrame(nil, []byte("probe"))))
		ts.Check(err)
		select {
		case err := <-arrived:
			ts.Check(err)
			return
		case <-time.After(awaitInterval):
		}
	}
}

// await-metric PORT REGEXP waits until a line of the metrics that are served on the loopback port matches.
func awaitMetric(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) != 2 {
		ts.Fatalf("usage: await-metric PORT REGEXP")
	}
	pattern, err := regexp.Compile("(?m)" + args[1])
	ts.Check(err)
	poll(ts, "await-metric", func() bool {
		response, err := http.Get("http://127.0.0.1:" + args[0] + "/metrics")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		text, err := io.ReadAll(response.Body)
		return err == nil && response.StatusCode == http.StatusOK && pattern.Match(text)
	})
}

// long-line FILE N writes a line of N bytes after two short ones.
func longLine(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) != 2 {
		ts.Fatalf("usage: long-line FILE N")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), []byte("one\ntwo\n"+strings.Repeat("x", n)+"\nfour\n"), 0o600))
}

// occupy PORT listens on the loopback port, UDP and TCP, until the script ends.
func occupy(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) != 1 {
		ts.Fatalf("usage: occupy PORT")
	}
	address := net.JoinHostPort("127.0.0.1", args[0])
	packets, err := net.ListenPacket("udp", address)
	ts.Check(err)
	ts.Defer(func() { packets.Close() })
	listener, err := net.Listen("tcp", address)
	ts.Check(err)
	ts.Defer(func() { listener.Close() })
}

// fleet [AGO] DIR=NAME... gives data directories certificates of one fleet, whose authority is in vault, as if their machines had been enrolled before: now,
// or some time ago.
func fleet(ts *testscript.TestScript, negated bool, args []string) {
	now := time.Now
	if len(args) > 0 && !strings.Contains(args[0], "=") {
		now, args = ago(ts, args[0]), args[1:]
	}
	if negated || len(args) == 0 {
		ts.Fatalf("usage: fleet [AGO] DIR=NAME...")
	}
	for _, arg := range args {
		dir, name, _ := strings.Cut(arg, "=")
		ts.Check(enroltest.EnrolAt(context.Background(), now, ts.MkAbs("vault"), ts.MkAbs(dir), name))
	}
}

// ago returns a clock that is late by a duration, or, for a negative one, early.
func ago(ts *testscript.TestScript, text string) func() time.Time {
	late, err := time.ParseDuration(text)
	ts.Check(err)
	return func() time.Time { return time.Now().Add(-late) }
}

// token AGO DIR NAME sets the environment variable NAME to a token of the authority in a data directory, made some time ago for one join within an hour.
func token(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) != 3 {
		ts.Fatalf("usage: token AGO DIR NAME")
	}
	store := &enrolment.Store{Dir: ts.MkAbs(args[1]), Now: ago(ts, args[0])}
	made, err := store.Authority().NewToken(context.Background(), 1, enrolment.TokenLifeDefault)
	ts.Check(err)
	ts.Setenv(args[2], made.Text())
}

// issuer AGO DIR PORT answers joins on the loopback port until the script ends, by the authority and the certificate of a data directory and a clock that is late.
func issuer(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) != 3 {
		ts.Fatalf("usage: issuer AGO DIR PORT")
	}
	now := ago(ts, args[0])
	store := &enrolment.Store{Dir: ts.MkAbs(args[1]), Now: now}
	member, err := store.Member()
	ts.Check(err)
	listener, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", args[2]))
	ts.Check(err)
	i := enrolment.NewIssuer(enrolment.IssuerConfig{Authority: store.Authority(), Chain: func() identity.Chain { return member.Bundle.Chain }, Now: now})
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- i.ServeListener(ctx, listener, member.Key) }()
	ts.Defer(func() {
		cancel()
		ts.Check(<-ended)
	})
}

// fails STATUS REGEXP COMMAND... runs a command that has to exit with a status, after it wrote nothing on standard output and on standard error one line, which has
// to match behind "spinglass: ".
func fails(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) < 3 {
		ts.Fatalf("usage: fails STATUS REGEXP COMMAND...")
	}
	status, err := strconv.Atoi(args[0])
	ts.Check(err)
	pattern, err := regexp.Compile("^spinglass: " + args[1] + "\n$")
	ts.Check(err)
	var exit *exec.ExitError
	if err := ts.Exec(args[2], args[3:]...); !errors.As(err, &exit) || exit.ExitCode() != status {
		ts.Fatalf("%v, want status %d", err, status)
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("on standard output: %q", out)
	}
	if text := ts.ReadFile("stderr"); !pattern.MatchString(text) || strings.Count(text, "\n") != 1 {
		ts.Fatalf("no match for %s", pattern)
	}
}

// damage FILE changes a bit in the middle of a file.
func damage(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) != 1 {
		ts.Fatalf("usage: damage FILE")
	}
	content := []byte(ts.ReadFile(args[0]))
	content[len(content)/2] ^= 1
	ts.Check(os.WriteFile(ts.MkAbs(args[0]), content, 0o600))
}

// cut FILE N NAME sets the environment variable NAME to the first line of a file without its last N characters.
func cut(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) != 3 {
		ts.Fatalf("usage: cut FILE N NAME")
	}
	n, err := strconv.Atoi(args[1])
	ts.Check(err)
	line, _, _ := strings.Cut(ts.ReadFile(args[0]), "\n")
	ts.Setenv(args[2], line[:len(line)-n])
}

// tampered DIR AGENT... signs a function by the authority in a data directory, and offers it with another program to agents, which have to refuse it, and then as it is to
// the first of them, which has to take it.
func tampered(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) < 2 {
		ts.Fatalf("usage: tampered DIR AGENT...")
	}
	const program = "SELECT COUNT(*) AS tampered"
	ctx, cancel := context.WithTimeout(context.Background(), awaitMax)
	defer cancel()
	store := &enrolment.Store{Dir: ts.MkAbs(args[0])}
	bundle, err := store.Authority().IssueFunction(ctx, "tampered", "/", identity.Function{Version: 1, Program: sha256.Sum256([]byte(program))}, time.Hour)
	ts.Check(err)
	for _, agent := range args[1:] {
		c := client(ts, agent)
		defer c.Close()
		if err := c.Install(ctx, bundle.Chain, program+", MAX(load) AS load"); err == nil || !strings.Contains(err.Error(), "the program is not the one of the function's certificate") {
			ts.Fatalf("a program that was not signed: %v", err)
		}
	}
	c := client(ts, args[1])
	defer c.Close()
	ts.Check(c.Install(ctx, bundle.Chain, program))
}

// overstep FILE ZONE NAME AGENT... offers agents a function that the holder of a client file has signed without a look at what it may: none takes it in.
func overstep(ts *testscript.TestScript, _ bool, args []string) {
	text, err := os.ReadFile(ts.MkAbs(args[0]))
	ts.Check(err)
	holder, err := identity.ParseClient(text)
	ts.Check(err)
	const program = "SELECT COUNT(*) AS stolen"
	now := identity.InstantOf(time.Now())
	function := &identity.Certificate{
		Kind: identity.KindFunction, Issuer: holder.Key.Public(), Serial: 1, NotBefore: now, NotAfter: now.Add(time.Hour), Name: args[2], Scope: args[1],
		Function: identity.Function{Version: 1, Program: sha256.Sum256([]byte(program)), Steps: 1000},
	}
	ts.Check(function.Sign(holder.Key))
	chain := append(slices.Clone(holder.Bundle.Chain), function)
	for _, agent := range args[3:] {
		c := client(ts, agent)
		defer c.Close()
		if err := c.Install(context.Background(), chain, program); err == nil || !strings.Contains(err.Error(), "not allowed: ") {
			ts.Fatalf("a function that its signer may not install: %v", err)
		} else {
			ts.Logf("%v", err)
		}
	}
}
