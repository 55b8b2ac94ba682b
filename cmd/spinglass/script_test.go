package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"spinglass/gateway/local"
	"spinglass/internal/enroltest"
)

const (
	awaitMax      = 20 * time.Second
	awaitInterval = 20 * time.Millisecond
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"spinglass": main})
}

// TestScripts runs the scripts of testdata/script. Besides the usual commands they have those of this file; PORT1 to PORT3 are
// free ports.
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
			"cut":           cut,
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

// freePort returns a port that was free for both UDP and TCP on loopback a moment ago. It is below those that the system gives to whoever asks for any,
// as the scripts that run at the same time do.
func freePort() (int, error) {
	const low, high, attempts = 20_000, 32_000, 100
	for range attempts {
		port := low + rand.IntN(high-low)
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		listener, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		defer listener.Close()
		packets, err := net.ListenPacket("udp", address)
		if err != nil {
			continue
		}
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

// await-route FROM TO waits until what the agent of one data directory publishes reaches another agent. All subscriptions of a
// member travel together, so that those made before are known by then as well.
func awaitRoute(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) != 2 {
		ts.Fatalf("usage: await-route FROM TO")
	}
	from, to := client(ts, args[0]), client(ts, args[1])
	defer from.Close()
	defer to.Close()
	ctx, cancel := context.WithTimeout(context.Background(), awaitMax)
	defer cancel()
	stream, err := to.Subscribe(ctx, "await-route", 0)
	ts.Check(err)
	defer stream.Close()
	arrived := make(chan error, 1)
	go func() {
		_, err := stream.Next()
		arrived <- err
	}()
	for {
		_, err := from.Publish(ctx, "await-route", bytes.NewReader(local.AppendFrame(nil, []byte("probe"))))
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

// fleet DIR=NAME... gives data directories certificates of one fleet, as if their machines had been enrolled before.
func fleet(ts *testscript.TestScript, negated bool, args []string) {
	if negated || len(args) == 0 {
		ts.Fatalf("usage: fleet DIR=NAME...")
	}
	for _, arg := range args {
		dir, name, _ := strings.Cut(arg, "=")
		ts.Check(enroltest.Enrol(context.Background(), ts.MkAbs("vault"), ts.MkAbs(dir), name))
	}
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
