package bimodal

import (
	"errors"
	"fmt"

	"spinglass/protocol"
	"spinglass/wire"
)

// Errors of commands.
var (
	// ErrTooLarge says that a message exceeds wire.MessageMax.
	ErrTooLarge = fmt.Errorf("bimodal: message exceeds the limit of %d bytes", wire.MessageMax)
	// ErrWouldBlock says that the rate of the topic leaves no room for a message now. The event Writable tells when it does.
	ErrWouldBlock = errors.New("bimodal: rate of the topic is used up for now")
	// ErrTopicName says that a topic's name is empty or longer than protocol.TopicMax bytes.
	ErrTopicName = fmt.Errorf("bimodal: name of a topic is empty or exceeds %d bytes", protocol.TopicMax)
	// ErrTopicClash says that the TopicID of a name belongs to another topic of this node, which no two names do by chance.
	ErrTopicClash = errors.New("bimodal: two names of topics share one id")
	// ErrSubscribed says that the topic is subscribed to already.
	ErrSubscribed = errors.New("bimodal: topic is subscribed to already")
	// ErrNotSubscribed says that there is no subscription to end.
	ErrNotSubscribed = errors.New("bimodal: topic is not subscribed to")
	// ErrRate says that TopicOptions are out of range.
	ErrRate = fmt.Errorf("bimodal: rate is outside 0 to %d bytes a second, or burst outside %d to %d bytes",
		int64(rateMax), burstMin, burstMax)
	// ErrFlow says that a Flow is out of range.
	ErrFlow = fmt.Errorf("bimodal: least rate is outside 1 to %d bytes a second, or above the highest, or the quantile outside 0 to 1", int64(rateMax))
)

// ErrSpread says that TopicOptions name no means of spreading.
var ErrSpread = errors.New("bimodal: no such means of spreading")

// ErrHistory says that more messages are asked for of what was published before a subscription than can be.
var ErrHistory = fmt.Errorf("bimodal: more than %d messages from before the subscription", HistoryMax)

// LimitError says that a limit of the configuration is reached.
type LimitError struct {
	What  string // the field of Config, such as Topics
	Limit int
}

// Error implements error.
func (e *LimitError) Error() string {
	return fmt.Sprintf("bimodal: limit of %d reached (Config.%s)", e.Limit, e.What)
}
