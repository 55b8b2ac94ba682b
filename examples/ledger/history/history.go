// Package history records what clients asked of a ledger and what they were told, and checks that it is linearizable: that there is an order of all requests, each between its call and its answer, in which a ledger by itself would have
// given the same answers. The checker is Porcupine (Athalye), after Lowe, "Testing for linearizability", 2017.
//
// A request of which it is not known what became of it may have been carried out at any time after its call, or never. A check that does not come to an end in time is a failure.
package history

import (
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/anishathalye/porcupine"

	"spinglass/examples/ledger/store"
)

// History is the requests of clients. Its zero value is empty; its methods are safe from any goroutine.
type History struct {
	mu         sync.Mutex
	operations []porcupine.Operation
	uncertain  int
}

// outcome is what a client was told.
type outcome struct {
	response store.Response
	known    bool
}

// Answered records a request that was answered. Times are of one clock, in nanoseconds.
func (h *History) Answered(client int, called, answered int64, request store.Request, response store.Response) {
	h.add(porcupine.Operation{ClientId: client, Input: request, Call: called, Output: outcome{response, true}, Return: answered})
}

// Uncertain records a request of which nobody knows what became of it.
func (h *History) Uncertain(client int, called int64, request store.Request) {
	if request.Verb == store.Get {
		return // it changes nothing and was told nothing
	}
	h.mu.Lock()
	h.uncertain++
	h.mu.Unlock()
	h.add(porcupine.Operation{ClientId: client, Input: request, Call: called, Output: outcome{}, Return: math.MaxInt64})
}

func (h *History) add(o porcupine.Operation) {
	h.mu.Lock()
	h.operations = append(h.operations, o)
	h.mu.Unlock()
}

// Len returns how many requests there are, and of how many of them it is not known what became of them.
func (h *History) Len() (all, uncertain int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return len(h.operations), h.uncertain
}

// Check returns why the history is not linearizable, nil if it is.
func (h *History) Check(limit time.Duration) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	switch result := porcupine.CheckOperationsTimeout(model, relevant(h.operations), limit); result {
	case porcupine.Ok:
		return nil
	case porcupine.Illegal:
		return fmt.Errorf("%w: the answers to %d requests are not those of one ledger, in any order that their times allow", ErrHistory, len(h.operations))
	default:
		return fmt.Errorf("history: the check of %d requests did not come to an end within %v", len(h.operations), limit)
	}
}

// relevant leaves out writes of which nobody knows what became of them, and whose values nobody was told of or expected. That changes nothing: an order without such a write is one with it at the end, and in an order with it nothing that was told
// depends on it. It spares the checker most of its work, since such a write can be anywhere.
func relevant(all []porcupine.Operation) (kept []porcupine.Operation) {
	type place struct{ key, value string }
	seen := map[place]bool{}
	for _, o := range all {
		request, told := o.Input.(store.Request), o.Output.(outcome)
		if seen[place{request.Key, request.Expected}] = true; told.known {
			seen[place{request.Key, told.response.Value}] = true
		}
	}
	for _, o := range all {
		if request := o.Input.(store.Request); o.Output.(outcome).known || seen[place{request.Key, request.Value}] {
			kept = append(kept, o)
		}
	}
	return kept
}

// ErrHistory says that a history is not linearizable.
var ErrHistory = errors.New("history: not linearizable")

// model is one key of a ledger by itself: its state is the value.
var model = porcupine.Model{
	Partition: byKey,
	Init:      func() any { return "" },
	Step: func(state, input, output any) (bool, any) {
		var ledger store.Ledger
		request, told := input.(store.Request), output.(outcome)
		ledger.Do(store.Request{Verb: store.Put, Key: request.Key, Value: state.(string)})
		response := ledger.Do(request)
		return !told.known || response == told.response, ledger.Do(store.Request{Verb: store.Get, Key: request.Key}).Value
	},
}

// byKey parts a history by keys: it is linearizable if each part is.
func byKey(all []porcupine.Operation) (parts [][]porcupine.Operation) {
	index := map[string]int{}
	for _, o := range all {
		key := o.Input.(store.Request).Key
		i, known := index[key]
		if !known {
			i = len(parts)
			index[key] = i
			parts = append(parts, nil)
		}
		parts[i] = append(parts[i], o)
	}
	return parts
}
