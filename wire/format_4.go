//go:build spinglass_format4

package wire

// FormatLatest is the latest format that this build speaks: one that is made to test upgrades from the format before.
const FormatLatest = FormatAutomatic
