# The star of `spinglass lab storms`, with SRM as ns-2 has it:
#
#   ns star.tcl Adaptive MEMBERS SECONDS LOSS SEED > events
#
# One member sends 100 packets of 210 bytes a second; every link takes 5 ms and loses each packet with the probability LOSS. The events have a line for what a member does about a
# packet. Requests, repairs, and packets that were asked for:
#
#   awk '$9 == "SENDNACK" {q++; p[$5] = 1} $9 == "SENDREP" {r++} END {print q, r, length(p), r / q, r / length(p)}' events

lassign $argv type members seconds loss seed
ns-random $seed
set ns [new Simulator -multicast on]
for {set i 0} {$i <= $members} {incr i} { set n($i) [$ns node] }
for {set i 1} {$i <= $members} {incr i} {
	$ns duplex-link $n($i) $n(0) 1000Mb 5ms DropTail
	$ns queue-limit $n($i) $n(0) 100000
	$ns queue-limit $n(0) $n($i) 100000
}
DM set PruneTimeout 100000
$ns mrtproto DM {}
set group [Node allocaddr]
for {set i 1} {$i <= $members} {incr i} {
	set srm($i) [new Agent/SRM/$type]
	$srm($i) set dst_addr_ $group
	$srm($i) set dst_port_ 0
	$srm($i) set fid_ $i
	$srm($i) trace stdout
	$ns attach-agent $n($i) $srm($i)
	$ns at [expr 1.0 + [uniform 0 1]] "$srm($i) start"
}

# Links lose packets from when distances are known on.
proc noise {} {
	global ns n members loss
	for {set i 1} {$i <= $members} {incr i} {
		foreach link [list [list $n($i) $n(0)] [list $n(0) $n($i)]] {
			set model [new ErrorModel]
			$model set rate_ $loss
			$model unit pkt
			$model ranvar [new RandomVariable/Uniform]
			$model drop-target [new Agent/Null]
			$ns lossmodel $model {*}$link
		}
	}
}
$ns at 6.5 "noise"

set source [new Application/Traffic/CBR]
$source set packetSize_ 210
$source set interval_ 0.01
$source set random_ 0
$source attach-agent $srm(1)
$srm(1) set tg_ $source
$srm(1) set packetSize_ 210
$ns at 7.0 "$srm(1) start-source"
$ns at [expr 7.0 + $seconds] "$source stop"
$ns at [expr 9.0 + $seconds] "exit 0"
$ns run
