package wire

import "spinglass/protocol"

// A format is a number for all that members say to each other: handshakes, kinds of frames, fields of rows. This build speaks those from FormatOldest to FormatLatest,
// so that members of neighbouring versions work together while a fleet is upgraded.
const FormatOldest = 1

// FormatBeacons is the format that came with beacons of authorities, and with the format in rows.
const FormatBeacons = 2

// FormatZones is the format that came with the tables of zones, and with what members of different zones have to tell each other: names of topics, and certificates.
const FormatZones = 3

// FormatAutomatic is the format that came with automatic zones: members take rows that are named by the zone in which the system has put their owners.
const FormatAutomatic = 4

// FormatGroups is the format that came with virtual synchrony.
const FormatGroups = 5

// KindFormat returns the first format whose members know messages of a kind. The encoding of a kind is the same in all formats.
func KindFormat(kind protocol.Kind) uint64 {
	switch kind {
	case KindBeacon:
		return FormatBeacons
	case KindZoneDigest, KindZoneDelta, KindFunctionPart, KindZoneAsk, KindZonePiece, KindAccountQuestion, KindAccountPiece, KindTopicName, KindReceipt, KindCredentialRequest,
		KindCredential:
		return FormatZones
	}
	if kind >= KindGroupFirst && kind <= KindGroupLast {
		return FormatGroups
	}
	return FormatOldest
}
