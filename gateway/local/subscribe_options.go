package local

import (
	"fmt"
	"net/url"
	"strconv"

	"spinglass"
)

// SubscribeOptions are what a client asks of a subscription. Zeros are the defaults of the agent.
type SubscribeOptions struct {
	QueueBytes  int     // of messages that wait in the agent, spinglass.QueueMin to spinglass.QueueMax
	Rating      float64 // which fraction of the messages is wanted: above 0, at most 1
	Last        int     // so many messages of each publisher from before the subscription, 1 to spinglass.HistoryMax
	AllBuffered bool    // all messages from before the subscription that are still buffered; not with Last
	Latest      bool    // only the newest message of each publisher and topic waits in the agent
}

// query returns the options as the query of a request.
func (o *SubscribeOptions) query() url.Values {
	q := url.Values{}
	if o.QueueBytes > 0 {
		q.Set("queue", strconv.Itoa(o.QueueBytes))
	}
	if o.Rating != 0 {
		q.Set("rating", strconv.FormatFloat(o.Rating, 'g', -1, 64))
	}
	if o.Last != 0 {
		q.Set("last", strconv.Itoa(o.Last))
	}
	if o.AllBuffered {
		q.Set("buffered", "all")
	}
	if o.Latest {
		q.Set("latest", "1")
	}
	return q
}

// optionsOf reads what query returns.
func optionsOf(q url.Values) (o SubscribeOptions, err error) {
	if text := q.Get("queue"); text != "" {
		if o.QueueBytes, err = strconv.Atoi(text); err != nil || o.QueueBytes < spinglass.QueueMin || o.QueueBytes > spinglass.QueueMax {
			return o, fmt.Errorf("queue of %q is not a number of bytes from %d to %d", text, spinglass.QueueMin, spinglass.QueueMax)
		}
	}
	if text := q.Get("rating"); text != "" {
		if o.Rating, err = strconv.ParseFloat(text, 64); err != nil || !(o.Rating > 0 && o.Rating <= 1) {
			return o, fmt.Errorf("rating of %q is not above 0 and at most 1", text)
		}
	}
	if text := q.Get("last"); text != "" {
		if o.Last, err = strconv.Atoi(text); err != nil || o.Last < 1 || o.Last > spinglass.HistoryMax {
			return o, fmt.Errorf("last of %q is not a number of messages from 1 to %d", text, spinglass.HistoryMax)
		}
	}
	switch text := q.Get("buffered"); {
	case text == "all" && o.Last == 0:
		o.AllBuffered = true
	case text != "":
		return o, fmt.Errorf("buffered of %q is not all, or not alone", text)
	}
	switch text := q.Get("latest"); text {
	case "", "1":
		o.Latest = text == "1"
	default:
		return o, fmt.Errorf("latest is %q, not 1", text)
	}
	return o, nil
}

// options returns the options as a node takes them.
func (o *SubscribeOptions) options() (options []spinglass.SubscribeOption) {
	if o.QueueBytes > 0 {
		options = append(options, spinglass.Queue(o.QueueBytes))
	}
	if o.Rating != 0 {
		options = append(options, spinglass.Rating(o.Rating))
	}
	if o.Last > 0 {
		options = append(options, spinglass.Last(o.Last))
	}
	if o.AllBuffered {
		options = append(options, spinglass.AllBuffered())
	}
	if o.Latest {
		options = append(options, spinglass.Latest(nil))
	}
	return options
}
