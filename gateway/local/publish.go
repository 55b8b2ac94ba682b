package local

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"
)

// publish publishes the messages of a request's body as they arrive.
func (s *Server) publish(ctx context.Context, w http.ResponseWriter, r *http.Request, topic string) {
	// A body that is waited for must not hold up the end of the server.
	stop := context.AfterFunc(ctx, func() { _ = http.NewResponseController(w).SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	publish := func(ctx context.Context, message []byte) error { return s.node.Publish(ctx, topic, message) }
	done, status, err := s.sendAll(ctx, bufio.NewReaderSize(r.Body, readBuffer), MessageMax, publish, s.node.Flush)
	if err != nil {
		// Without this the server would first read more of a body that may have nothing to say for long.
		w.Header().Set("Connection", "close")
		writeJSON(w, status, &Error{Message: err.Error(), Published: done})
		return
	}
	writeJSON(w, http.StatusOK, done)
}

// sendAll returns how much was sent, and the status and error when that is not all.
func (s *Server) sendAll(ctx context.Context, body *bufio.Reader, limit int, send func(context.Context, []byte) error, wait func(context.Context) error) (done Published, status int, err error) {
	var message []byte
	for {
		message, err = readFrame(body, message, limit)
		if err == io.EOF {
			break
		}
		if err != nil {
			status, err := bodyError(ctx, err)
			return done, status, fmt.Errorf("message %d: %w", done.Messages+1, err)
		}
		if err := send(ctx, message); err != nil {
			err = told(ctx, err)
			return done, failureStatus(err), fmt.Errorf("message %d: %w", done.Messages+1, err)
		}
		done.Messages++
		done.Bytes += uint64(len(message))
	}
	flush, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	if err := wait(flush); err != nil {
		err = told(ctx, err)
		return done, failureStatus(err), fmt.Errorf("waiting until all is sent: %w", err)
	}
	return done, http.StatusOK, nil
}

// bodyError returns the status and the error for a body that could not be read.
func bodyError(ctx context.Context, err error) (int, error) {
	var long *tooLongError
	if errors.As(err, &long) {
		return http.StatusRequestEntityTooLarge, err
	}
	if closing := told(ctx, nil); closing != nil {
		return failureStatus(closing), closing
	}
	return http.StatusBadRequest, err
}

// told prefers why ctx has ended to an error that only says that it has.
func told(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return err
}
