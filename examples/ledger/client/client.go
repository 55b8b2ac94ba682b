// Package client has clients ask the members of a ledger at random, and records what they are told.
package client

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"strings"
	"time"

	"spinglass/examples/ledger/history"
	"spinglass/examples/ledger/store"
)

// Clients ask members at random for requests at random.
type Clients struct {
	History history.History

	members []string
	keys    int
	http    *http.Client
	began   time.Time
}

// New returns clients of members, HOST:PORT each, that ask for so many keys. limit is that of a request.
func New(members []string, keys int, transport http.RoundTripper, limit time.Duration) *Clients {
	return &Clients{members: members, http: &http.Client{Transport: transport, Timeout: limit}, began: time.Now(), keys: keys}
}

// errRefused says that a request was not carried out.
var errRefused = errors.New("not carried out")

// Run is one client, until ctx ends.
func (c *Clients) Run(ctx context.Context, number int, r *rand.Rand) {
	last := map[string]string{} // what the client has seen of keys
	for i := 0; ctx.Err() == nil; i++ {
		request := store.Request{Verb: [...]store.Verb{store.Get, store.Put, store.Swap}[r.IntN(3)], Key: fmt.Sprint("k", r.IntN(c.keys))}
		if request.Verb != store.Get {
			request.Value = fmt.Sprintf("%d.%d", number, i)
		}
		if request.Verb == store.Swap {
			request.Expected = last[request.Key]
		}
		called := int64(time.Since(c.began))
		response, err := c.ask(c.members[r.IntN(len(c.members))], request)
		switch {
		case err == nil:
			c.History.Answered(number, called, int64(time.Since(c.began)), request, response)
			if last[request.Key] = response.Value; response.Done && request.Verb != store.Get {
				last[request.Key] = request.Value
			}
			continue
		case !errors.Is(err, errRefused):
			c.History.Uncertain(number, called, request)
		}
		select { // somebody else may be better
		case <-time.After(retryPause):
		case <-ctx.Done():
		}
	}
}

// retryPause is how long a client rests after a request that failed.
const retryPause = 20 * time.Millisecond

// ask asks a member. An error that is not errRefused leaves open what has become of the request.
func (c *Clients) ask(member string, r store.Request) (store.Response, error) {
	method, query := map[store.Verb]string{store.Get: http.MethodGet, store.Put: http.MethodPut, store.Swap: http.MethodPost}[r.Verb], url.Values{}
	if r.Verb == store.Swap {
		query.Set("expected", r.Expected)
	}
	request, err := http.NewRequest(method, "http://"+member+"/keys/"+r.Key+"?"+query.Encode(), strings.NewReader(r.Value))
	if err != nil {
		return store.Response{}, err
	}
	answer, err := c.http.Do(request)
	if err != nil {
		return store.Response{}, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return store.Response{}, err
	}
	switch answer.StatusCode {
	case http.StatusOK, http.StatusNotFound:
		return store.Response{Value: string(body), Done: true}, nil
	case http.StatusConflict:
		return store.Response{Value: string(body)}, nil
	case http.StatusServiceUnavailable:
		return store.Response{}, errRefused
	}
	return store.Response{}, fmt.Errorf("%s: %s", answer.Status, body)
}
