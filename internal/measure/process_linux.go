package measure

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	progressDescriptor = 3 // of a child: the memory that the processes share
	stderrKept         = 4 << 10
	endTimeout         = 3 * time.Second // that a child gets to end by itself
)

// nursery starts children on a thread that lives as long as they may: the kernel kills them when it ends, however it does, stopped ones too.
type nursery struct {
	jobs chan func()
	done chan struct{}
}

func newNursery() *nursery {
	n := &nursery{jobs: make(chan func()), done: make(chan struct{})}
	go func() {
		runtime.LockOSThread() // never unlocked: the thread ends with the goroutine
		defer close(n.done)
		for job := range n.jobs {
			job()
		}
	}()
	return n
}

func (n *nursery) do(job func() error) error {
	result := make(chan error, 1)
	n.jobs <- func() { result <- job() }
	return <-result
}

func (n *nursery) close() { close(n.jobs); <-n.done }

// process is a member in a process of its own.
type process struct {
	*exec.Cmd
	in     io.WriteCloser
	out    io.ReadCloser
	stderr tail
}

// launcher starts members in processes of their own.
type launcher struct {
	nursery *nursery
	shared  *os.File
	memory  []byte
	args    []string // of this program, so that it serves a member
}

func newLauncher(members int, args []string) (*launcher, error) {
	descriptor, err := unix.MemfdCreate("progress", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("shared memory: %w", err)
	}
	shared := os.NewFile(uintptr(descriptor), "progress")
	memory, err := mapShared(shared, members*cellBytes)
	if err != nil {
		shared.Close()
		return nil, err
	}
	return &launcher{nursery: newNursery(), shared: shared, memory: memory, args: args}, nil
}

// mapShared makes the file as large as size, if that is above zero, and maps it.
func mapShared(file *os.File, size int) ([]byte, error) {
	if size > 0 {
		if err := file.Truncate(int64(size)); err != nil {
			return nil, err
		}
	}
	info, err := file.Stat()
	if err != nil {
		return nil, err
	}
	memory, err := unix.Mmap(int(file.Fd()), 0, int(info.Size()), unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	if err != nil {
		return nil, fmt.Errorf("shared memory: %w", err)
	}
	return memory, nil
}

func (l *launcher) progress() *progress { return progressOver(l.memory) }

// launch starts a process.
func (l *launcher) launch() (*process, error) {
	p := &process{Cmd: &exec.Cmd{
		Path: "/proc/self/exe", Args: append([]string{os.Args[0]}, l.args...), ExtraFiles: []*os.File{l.shared},
		// A group of its own, so that an interrupt from the terminal reaches the driver alone.
		SysProcAttr: &unix.SysProcAttr{Pdeathsig: unix.SIGKILL, Setpgid: true},
	}}
	var err error
	if p.in, err = p.StdinPipe(); err != nil {
		return nil, err
	}
	if p.out, err = p.StdoutPipe(); err != nil {
		return nil, err
	}
	p.Stderr = &p.stderr
	if err := l.nursery.do(p.Start); err != nil {
		return nil, fmt.Errorf("starting a process: %w", err)
	}
	return p, nil
}

func (l *launcher) close() {
	l.nursery.close()
	_ = unix.Munmap(l.memory)
	l.shared.Close()
}

// stop and resume take the processor away from the process, and give it back.
func (p *process) stop()   { _ = p.Process.Signal(unix.SIGSTOP) }
func (p *process) resume() { _ = p.Process.Signal(unix.SIGCONT) }

// end ends the process, by itself if it does so in time.
func (p *process) end() {
	p.resume()
	p.in.Close()
	killer := time.AfterFunc(endTimeout, func() { _ = p.Process.Kill() })
	defer killer.Stop()
	_ = p.Wait()
}

// complaint returns what the process wrote last to its standard error.
func (p *process) complaint() string { return p.stderr.last() }

// tail keeps the end of what is written to it.
type tail struct {
	mu   sync.Mutex
	text []byte
}

// Write implements io.Writer.
func (t *tail) Write(b []byte) (int, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.text = append(t.text, b...)
	if extra := len(t.text) - stderrKept; extra > 0 {
		t.text = append(t.text[:0], t.text[extra:]...)
	}
	return len(b), nil
}

// last returns the last line.
func (t *tail) last() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	lines := bytes.Split(bytes.TrimSpace(t.text), []byte("\n"))
	return strings.TrimSpace(string(lines[len(lines)-1]))
}

// Serve serves one member in this process, which a Group has started, until the group is done with it.
func Serve(ctx context.Context, lookup Lookup) error {
	shared := os.NewFile(progressDescriptor, "progress")
	memory, err := mapShared(shared, 0)
	if err != nil {
		return fmt.Errorf("not started to be measured: %w", err)
	}
	in, out := os.Stdin, os.Stdout
	os.Stdout = os.Stderr // what a library prints must not get among the replies
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	requests, writer := io.Pipe()
	go func() { // so that a member that is busy notices when its driver is gone
		_, err := io.Copy(writer, in)
		cancel()
		writer.CloseWithError(err)
	}()
	return serve(ctx, lookup, progressOver(memory), requests, out)
}
