package measure

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// What TestMain does instead of running tests, when it is told so by the only argument.
const (
	memberArgument = "member" // serve one member
	driverArgument = "driver" // start a group, tell the processes, and stay
)

func TestMain(m *testing.M) {
	switch {
	case slices.Equal(os.Args[1:], []string{memberArgument}):
		if err := Serve(context.Background(), lookupLoopback); err != nil {
			os.Exit(1)
		}
	case slices.Equal(os.Args[1:], []string{driverArgument}):
		drive()
	default:
		os.Exit(m.Run())
	}
}

// drive starts a group, stops one of its processes, writes the numbers of all, and then waits to be killed.
func drive() {
	g, err := Start(context.Background(), Options{System: loopback(), Members: 3, Size: 64, Process: []string{memberArgument}})
	if err != nil {
		os.Exit(1)
	}
	g.members[2].process.stop()
	var text strings.Builder
	for _, r := range g.all() {
		fmt.Fprintf(&text, "%d ", r.process.Process.Pid)
	}
	os.Stdout.WriteString(text.String())
	select {}
}

func lookupLoopback(name string) (System, bool) {
	s := loopback()
	return s, name == s.Name
}

func TestMembersInProcesses(t *testing.T) {
	g, err := Start(t.Context(), Options{System: loopback(), Members: 4, Size: 64, Process: []string{memberArgument}})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	o := runIn(t, g, Trial{Rate: 500, Duration: 200 * time.Millisecond})
	if o.Published != 100 || o.Missing() != 0 || o.Deliveries() != 300 {
		t.Errorf("%d published, %d delivered, %d missing; want 100, 300, 0", o.Published, o.Deliveries(), o.Missing())
	}
	if p99 := o.Latency.Quantile(0.99); p99 <= 0 || p99 > time.Minute {
		t.Errorf("p99 is %v: the clocks of the processes disagree", p99)
	}
	if o.Used.CPU <= 0 || o.Used.Resident < 4<<20 {
		t.Errorf("used %+v", o.Used)
	}
	if o, err = g.Run(t.Context(), Trial{Window: 8, Duration: 100 * time.Millisecond}); err != nil || o.Published < 8 || o.Missing() != 0 {
		t.Errorf("a closed loop: %+v, %v", o, err)
	}
}

func TestSleepersAreStoppedAndGoOn(t *testing.T) {
	g, err := Start(t.Context(), Options{System: loopback(), Members: 3, Size: 64, Process: []string{memberArgument}})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	o := runIn(t, g, Trial{Rate: 80, Duration: 3 * time.Second, Perturbed: 1, Sleep: 1})
	if o.Missing() != 0 {
		t.Errorf("%d messages are missing at the receiver that did not sleep", o.Missing())
	}
	sleeper := o.perturbed()[0]
	asleep := uint64(0)
	for _, bin := range sleeper.Bins[40:55] { // from 2 s on: on a busy machine it may fall asleep late
		asleep += bin.Delivered
	}
	if asleep != 0 || sleeper.Delivered != 240 { // the socket's buffer holds them all
		t.Errorf("the sleeper got %d messages asleep and %d in all, want 0 and 240", asleep, sleeper.Delivered)
	}
}

func TestDeadMembersAreTold(t *testing.T) {
	g, err := Start(t.Context(), Options{System: loopback(), Members: 3, Size: 64, Process: []string{memberArgument}})
	if err != nil {
		t.Fatal(err)
	}
	defer g.Close()
	if err := g.members[2].process.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_, err = g.Run(t.Context(), Trial{Rate: 100, Duration: 100 * time.Millisecond})
	if err == nil || !strings.Contains(err.Error(), "receiver 2 has ended") {
		t.Errorf("a trial with a dead receiver: %v", err)
	}
	if _, again := g.Run(t.Context(), Trial{Rate: 100, Duration: 100 * time.Millisecond}); again != err {
		t.Errorf("another trial: %v, want the same error", again)
	}
}

func TestProcessesEndWithTheirDriver(t *testing.T) {
	driver := exec.Cmd{Path: "/proc/self/exe", Args: []string{os.Args[0], driverArgument}, SysProcAttr: &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}}
	out, err := driver.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := driver.Start(); err != nil {
		t.Fatal(err)
	}
	line := make([]byte, 100)
	n, err := out.Read(line)
	if err != nil {
		t.Fatal(err)
	}
	if err := driver.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = driver.Wait()
	processes := strings.Fields(string(line[:n]))
	if len(processes) != 3 {
		t.Fatalf("the driver told of %q", processes)
	}
	for _, text := range processes {
		pid, err := strconv.Atoi(text)
		if err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(time.Minute); alive(pid); time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("process %d lives on without its driver", pid)
			}
		}
	}
}

// alive reports whether a process runs or is stopped; one that nobody has waited for is neither.
func alive(pid int) bool {
	status, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if errors.Is(err, os.ErrNotExist) {
		return false
	}
	_, rest, _ := strings.Cut(string(status), ") ")
	return !strings.HasPrefix(rest, "Z")
}
