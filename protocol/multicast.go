package protocol

// Group names a set of members that one datagram reaches at once, by means of the network (IP multicast). Machines choose the numbers, and
// two members that choose the same number mean the same group; a driver maps it to an address of its network. Groups are neither reliable nor
// exclusive: a member that joined may hear nothing, and may hear what is meant for others.
type Group uint64

// MulticastOffered tells that the driver has a way of sending to groups, and that up to Groups of them can be joined; with 0 Groups, that
// it has none any more. Whom a group reaches, the driver does not know.
type MulticastOffered struct {
	Groups int
}

func (MulticastOffered) event() {}

// Multicast asks for m to be sent once to a group, and to each of the targets besides, best effort, encoded once. The targets, of
// which there may be none, must not change afterwards.
func (o *Output) Multicast(group Group, targets []NodeID, m Message) {
	o.Effects = append(o.Effects, Effect{Kind: EffectMulticast, Group: group, Targets: targets, Message: m})
}

// JoinGroup asks for what is sent to a group. The driver may fail to join, which it counts.
func (o *Output) JoinGroup(group Group) {
	o.Effects = append(o.Effects, Effect{Kind: EffectJoinGroup, Group: group})
}

// LeaveGroup ends JoinGroup.
func (o *Output) LeaveGroup(group Group) {
	o.Effects = append(o.Effects, Effect{Kind: EffectLeaveGroup, Group: group})
}
