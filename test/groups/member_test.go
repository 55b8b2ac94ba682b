package groups_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"spinglass"
)

// memberVariable has this test binary run as a member; its value are the settings.
const memberVariable = "SPINGLASS_GROUPS_MEMBER"

// settings of a member.
type settings struct {
	Index        int
	Run          int // how often it was started before
	Listen, Join string
	DataDir      string
	Founds       bool
	Rate         int // casts a second
	Batch        int // of casts that one flush acknowledges
}

// line is what a member tells the test.
type line struct {
	Type    string         // ready, settled, uncertain or state
	Batch   string         // settled and uncertain
	Why     string         // uncertain
	Applied uint64         // state: commands
	Sum     string         // state: of all commands in their order
	Counts  map[string]int // state: commands of each batch
	Members int            // state: of the view
}

// tally is a state machine that counts the commands of batches, and sums them up in their order. A command is the member's index, its run, the batch, and the number in it, 4 bytes each.
type tally struct {
	mu    sync.Mutex
	state tallied
}

type tallied struct {
	Applied uint64
	Sum     [sha256.Size]byte
	Counts  map[string]int
}

func (t *tally) Apply(c spinglass.Command) any {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.state.Counts == nil {
		t.state.Counts = map[string]int{}
	}
	word := func(i int) uint32 { return binary.BigEndian.Uint32(c.Payload[4*i:]) }
	t.state.Applied++
	t.state.Counts[batchName(word(0), word(1), word(2))]++
	t.state.Sum = sha256.Sum256(append(t.state.Sum[:], c.Payload...))
	return nil
}

func batchName(index, run, batch uint32) string { return fmt.Sprintf("%d.%d.%d", index, run, batch) }

func (t *tally) Snapshot() (io.WriterTo, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	b, err := json.Marshal(&t.state)
	return bytes.NewReader(b), err
}

func (t *tally) Restore(r io.Reader) error {
	var state tallied
	if err := json.NewDecoder(r).Decode(&state); err != nil {
		return err
	}
	t.mu.Lock()
	t.state = state
	t.mu.Unlock()
	return nil
}

// runMember is a member: it casts at its rate and says what is acknowledged, until it gets an interrupt; then it says what its state is each time that it is asked by a line of standard input.
func runMember(text string) error {
	var s settings
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return err
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT)
	defer stop()
	c := spinglass.Config{Name: fmt.Sprintf("/lab/m%d", s.Index), Listen: s.Listen, DataDir: s.DataDir, First: s.Founds}
	if s.Join != "" {
		c.Join = []string{s.Join}
	}
	node, err := spinglass.Start(ctx, c)
	if err != nil {
		return err
	}
	defer node.Close()
	machine := &tally{}
	options := []spinglass.GroupOption{spinglass.Replicated(machine)}
	if s.Founds {
		options = append(options, spinglass.FoundAfter(100*time.Millisecond))
	}
	group, err := node.Group(ctx, "tally", options...)
	if err != nil {
		return err
	}
	var out sync.Mutex
	tell := func(l line) {
		out.Lock()
		defer out.Unlock()
		_ = json.NewEncoder(os.Stdout).Encode(&l)
	}
	if err := group.Ready(ctx); err != nil && ctx.Err() == nil {
		return err
	}
	tell(line{Type: "ready"})
	castAll(ctx, group, s, tell)
	for in := bufio.NewScanner(os.Stdin); in.Scan(); {
		machine.mu.Lock()
		l := line{Type: "state", Applied: machine.state.Applied, Sum: fmt.Sprintf("%x", machine.state.Sum), Counts: machine.state.Counts, Members: len(group.View().Members)}
		tell(l)
		machine.mu.Unlock()
	}
	return nil
}

// castAll casts batches until ctx ends, and tells of each what has become of it.
func castAll(ctx context.Context, group *spinglass.Group, s settings, tell func(line)) {
	var batches sync.WaitGroup
	defer batches.Wait()
	next := time.Now()
	for batch := uint32(0); ctx.Err() == nil; batch++ {
		batches.Go(func() {
			if err := castBatch(group, s, batch); err != nil {
				tell(line{Type: "uncertain", Batch: batchName(uint32(s.Index), uint32(s.Run), batch), Why: err.Error()})
			} else {
				tell(line{Type: "settled", Batch: batchName(uint32(s.Index), uint32(s.Run), batch)})
			}
		})
		next = next.Add(time.Duration(s.Batch) * time.Second / time.Duration(s.Rate))
		select {
		case <-time.After(time.Until(next)):
		case <-ctx.Done():
		}
	}
}

// castBatch casts a batch, and waits until all of it is settled.
func castBatch(group *spinglass.Group, s settings, batch uint32) error {
	ctx, cancel := context.WithTimeout(context.Background(), settleLimit)
	defer cancel()
	results := make([]error, s.Batch)
	var casts sync.WaitGroup
	for i := range results {
		var command []byte
		for _, word := range [...]uint32{uint32(s.Index), uint32(s.Run), batch, uint32(i)} {
			command = binary.BigEndian.AppendUint32(command, word)
		}
		casts.Go(func() { _, results[i] = group.Propose(ctx, command) })
	}
	casts.Wait()
	for _, err := range results {
		if err != nil {
			return err
		}
	}
	return nil
}

// settleLimit is how long a command may take.
const settleLimit = 30 * time.Second
