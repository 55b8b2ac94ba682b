package live

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ed25519"
	"errors"
	"net/netip"
	"runtime"
	"slices"
	"sync"

	"spinglass/protocol"
)

// Errors of work that a bound of Config refused.
var (
	ErrWorkRefused   = errors.New("live: too much work under way")
	ErrStreamRefused = errors.New("live: too many streams")
)

// signersMax bounds the goroutines that make and check signatures.
const signersMax = 4

// completion is the end of a piece of work, on its way to the machine.
type completion struct {
	kind   completionKind
	event  protocol.Event // signature, persist
	stream *stream        // the others
	data   []byte         // read
	err    error          // closed
	link   *linked
	notice *notice
	peer   protocol.NodeID // key wanted, absent, call wanted
	caller protocol.NodeID // call wanted
	route  netip.AddrPort  // absent
}

type completionKind uint8

const (
	completionSignature completionKind = iota + 1
	completionPersist
	completionStreamOpened
	completionStreamRead
	completionStreamWritten
	completionStreamClosed
	completionLink
	completionNotice
	completionKeyWanted
	completionAbsent
	completionCallWanted
)

// work does what the machine may not wait for. The counts and the streams belong to the loop.
type work struct {
	key         ed25519.PrivateKey
	signatures  chan protocol.Work
	persists    chan *protocol.Persist
	completions chan completion
	refused     []protocol.Event

	signing, persisting int // under way
	signingMax          int
	persistingMax       int
	lifetime            context.Context // ends with the node
	running             sync.WaitGroup
}

func newWork(lifetime context.Context, c *Config) *work {
	return &work{
		lifetime:   lifetime,
		key:        c.Key,
		signatures: make(chan protocol.Work, c.WorkQueue), persists: make(chan *protocol.Persist, c.PersistQueue),
		completions: make(chan completion, c.WorkQueue+c.PersistQueue+c.Streams*streamCompletionsMax),
		signingMax:  c.WorkQueue, persistingMax: c.PersistQueue,
	}
}

// start starts the workers. They end when their queues are closed and empty.
func (w *work) start(dir string) {
	for range min(signersMax, runtime.GOMAXPROCS(0)) {
		w.running.Go(func() {
			for asked := range w.signatures {
				w.finish(completion{kind: completionSignature, event: w.sign(asked)})
			}
		})
	}
	w.running.Go(func() {
		for asked := range w.persists {
			err := persist(dir, asked.Key, asked.Value)
			w.finish(completion{
				kind: completionPersist, event: protocol.Persisted{Number: asked.Number, Key: asked.Key, Err: err},
			})
		}
	})
}

// finish hands a completion to the loop; after the end of the node, to nobody.
func (w *work) finish(c completion) {
	select {
	case w.completions <- c:
	case <-w.lifetime.Done():
	}
}

// stop lets the workers finish what they have. Its completions reach nobody.
func (w *work) stop() {
	close(w.signatures)
	close(w.persists)
	w.running.Wait()
}

// sign makes or checks a signature.
func (w *work) sign(asked protocol.Work) protocol.Event {
	switch asked := asked.(type) {
	case *protocol.Sign:
		signed := protocol.Signed{Number: asked.Number}
		if w.key != nil && (len(asked.PublicKey) == 0 || bytes.Equal(asked.PublicKey, w.key[ed25519.SeedSize:])) {
			// An error (a context above 255 bytes) leaves the signature empty, which is how Signed tells of failure.
			signed.Signature, _ = w.key.Sign(nil, asked.Message, &ed25519.Options{Context: asked.Context, Hash: crypto.Hash(0)})
		}
		return signed
	case *protocol.Verify:
		valid := len(asked.Checks) > 0 && !slices.ContainsFunc(asked.Checks, wrong)
		return protocol.Verified{Number: asked.Number, Valid: valid}
	}
	panic("live: work of unknown kind")
}

// wrong reports whether a signature does not match.
func wrong(c protocol.Check) bool {
	return len(c.PublicKey) != ed25519.PublicKeySize ||
		ed25519.VerifyWithOptions(c.PublicKey, c.Message, c.Signature, &ed25519.Options{Context: c.Context, Hash: crypto.Hash(0)}) != nil
}

// do begins a piece of work, or refuses it by a completion that says so.
func (n *Node) do(now protocol.Time, asked protocol.Work) {
	w := n.work
	switch asked := asked.(type) {
	case *protocol.Persist:
		if w.persisting == w.persistingMax || len(asked.Value) > PersistSizeMax {
			n.refuse(protocol.Persisted{Number: asked.Number, Key: asked.Key, Err: ErrWorkRefused})
			return
		}
		w.persisting++
		w.persists <- asked
	case *protocol.Sign:
		if w.signing == w.signingMax {
			n.refuse(protocol.Signed{Number: asked.Number})
			return
		}
		w.signing++
		w.signatures <- asked
	case *protocol.Verify:
		if w.signing == w.signingMax {
			n.refuse(protocol.Verified{Number: asked.Number})
			return
		}
		w.signing++
		w.signatures <- asked
	case *protocol.StreamOpen:
		n.openStream(now, asked.Number, asked.To)
	case *protocol.StreamWrite:
		n.writeStream(asked.Number, asked.Data)
	case *protocol.StreamClose:
		n.closeStream(asked.Number)
	case *protocol.StreamHold:
		n.holdStream(asked.Number, asked.Hold)
	default:
		panic("live: work of unknown kind")
	}
}

// refuse completes work that was not begun. The machine hears of it after the present input, because it must not be called from within.
func (n *Node) refuse(e protocol.Event) {
	n.count.workRefused.Add(1)
	n.work.refused = append(n.work.refused, e)
}

// completeRefused tells the machine of the work that was refused, and reports whether there was any.
func (n *Node) completeRefused() bool {
	refused := n.work.refused
	n.work.refused = nil
	for _, e := range refused {
		n.notify(e)
	}
	return len(refused) > 0
}

// complete tells the machine that work is done.
func (n *Node) complete(c completion) {
	switch c.kind {
	case completionSignature:
		n.work.signing--
	case completionPersist:
		n.work.persisting--
	case completionLink:
		n.linked(c.link)
		return
	case completionNotice:
		n.noticed(c.notice)
		return
	case completionKeyWanted:
		n.wantGroupKey(c.peer)
		return
	case completionAbsent:
		n.book.absent(c.peer, c.route)
		return
	case completionCallWanted:
		n.call(c.peer, c.caller)
		return
	default:
		n.completeStream(c)
		return
	}
	n.notify(c.event)
}
