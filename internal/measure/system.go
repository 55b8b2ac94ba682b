package measure

import (
	"context"
	"time"
)

// Role is what a member is there for.
type Role string

// Roles of members.
const (
	RoleServer    Role = "server"    // carries messages for the others; only of systems with a broker
	RolePublisher Role = "publisher" // publishes
	RoleReceiver  Role = "receiver"  // receives
)

// Spec tells a member who it is.
type Spec struct {
	Run     uint32 `json:"run"` // drawn for each group, so that groups that run at the same time can keep apart
	System  string `json:"system"`
	Setting string `json:"setting"` // of the system, in its own words
	Role    Role   `json:"role"`
	Index   int    `json:"index"`   // 0 is the publisher, 1 to Members-1 the receivers
	Members int    `json:"members"` // publisher and receivers
	Size    int    `json:"size"`    // bytes of a message
	// Addresses are those of the members that run already: the server, if there is one, and then the publisher.
	Addresses []string `json:"addresses"`
}

// Member is one running member of a system. Its methods are called from one goroutine, Meet before Publish.
type Member interface {
	// Address is how others reach the member, in the words of the system.
	Address() string
	// Meet returns once the member can take part. The addresses are those of the publisher and all receivers, by index.
	Meet(ctx context.Context, addresses []string) error
	// Publish sends a message to all receivers. It may wait, and it may keep the message back until Flush; the payload is the caller's again.
	Publish(ctx context.Context, payload []byte) error
	// Flush sends what was kept back. It need not wait for anything to arrive.
	Flush(ctx context.Context) error
	Close() error
}

// Sleeper is a member that can be made to sleep while its process goes on: in each slot with a probability of share.
type Sleeper interface {
	Sleep(share float64, slot time.Duration) error
}

// System is something that carries messages.
type System struct {
	Name    string
	Server  bool // there is a member that neither publishes nor receives
	Ordered bool // receivers get messages in the order of publishing
	// Patience is for how long nothing may arrive before what is missing counts as lost: longer than the system takes to repair, or to tell.
	Patience time.Duration
	// Start starts a member, which records what it receives.
	Start func(ctx context.Context, spec Spec, recorder *Recorder) (Member, error)
}

// Lookup finds a system by its name.
type Lookup func(name string) (System, bool)
