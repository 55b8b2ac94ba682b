//go:build !spinglass_format1 && !spinglass_format4

package wire

// FormatLatest is the latest format that this build speaks.
const FormatLatest = FormatGroups
