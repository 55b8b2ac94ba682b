package afc

// Seed makes the seed of an evaluation from the path of a zone and a version: members that evaluate the same version draw the same.
func Seed(zone string, version uint64) uint64 { return mix(hashString(zone) ^ mix(version)) }

// hashString is FNV-1a.
func hashString(s string) uint64 {
	hash := uint64(14695981039346656037)
	for i := range len(s) {
		hash = (hash ^ uint64(s[i])) * 1099511628211
	}
	return hash
}

// mix is a step of SplitMix64: every bit of x changes half of the result.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}
