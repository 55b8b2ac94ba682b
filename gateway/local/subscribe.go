package local

import (
	"context"
	"errors"
	"net/http"

	"spinglass"
)

// subscribe streams the messages and gaps of a topic.
func (s *Server) subscribe(ctx context.Context, w http.ResponseWriter, r *http.Request, topic string) {
	o, err := optionsOf(r.URL.Query())
	if err != nil {
		writeError(w, http.StatusBadRequest, err)
		return
	}
	sub, err := s.node.subscribe(ctx, topic, o)
	s.serveSubscription(ctx, w, topic, sub, err)
}

// serveSubscription streams what a subscription to a topic brings, or to patterns where that is empty, or tells why there is none.
func (s *Server) serveSubscription(ctx context.Context, w http.ResponseWriter, topic string, sub subscription, err error) {
	if err != nil {
		err = told(ctx, err)
		writeError(w, failureStatus(err), err)
		return
	}
	defer sub.Close()
	serveBatches(ctx, w, framesType, func(ctx context.Context, b *batch) { copyMessages(ctx, topic, sub, b) })
}

// serveBatches sends the header of the answer, then what produce appends to a batch until it returns.
func serveBatches(ctx context.Context, w http.ResponseWriter, mediaType string, produce func(context.Context, *batch)) {
	w.Header().Set("Content-Type", mediaType)
	w.WriteHeader(http.StatusOK)
	if err := http.NewResponseController(w).Flush(); err != nil {
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	b := newBatch()
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		defer b.close()
		produce(ctx, b)
	}()
	b.copyTo(w)
	cancel()
	<-ended
}

// copyMessages appends the frames of a subscription to a topic or a pattern until it ends, and then why.
func copyMessages(ctx context.Context, topic string, sub subscription, b *batch) {
	var reason error
	for m, err := range sub.Messages(ctx) {
		gap, isGap := errors.AsType[*spinglass.Gap](err)
		if err != nil && !isGap {
			reason = err
			break
		}
		pending, ok := b.begin()
		if !ok {
			return
		}
		if isGap {
			b.commit(appendGap(pending, topic, gap))
		} else {
			b.commit(appendMessage(pending, topic, &m))
		}
	}
	if pending, ok := b.begin(); ok {
		b.commit(appendEnd(pending, told(ctx, reason)))
	}
}
