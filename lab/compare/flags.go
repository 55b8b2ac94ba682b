package compare

import "fmt"

// Within returns what is wrong with the values of a flag, which are to lie from least to most: an error that names the flag.
func Within[T int | float64](flag string, values []T, least, most T) error {
	if len(values) == 0 {
		return fmt.Errorf("--%s: no value", flag)
	}
	for _, v := range values {
		if !(v >= least && v <= most) {
			return fmt.Errorf("--%s: %v is not from %v to %v", flag, v, least, most)
		}
	}
	return nil
}

// Named returns the protocols that are called so, or an error that names the flag.
func Named(names []string) (protocols []*Protocol, err error) {
	if len(names) == 0 {
		return nil, fmt.Errorf("--protocol: no value")
	}
	for _, name := range names {
		p, err := Find(name)
		if err != nil {
			return nil, fmt.Errorf("--protocol: %w", err)
		}
		protocols = append(protocols, p)
	}
	return protocols, nil
}

// SeedsMax bounds the runs of a kind.
const SeedsMax = 1000
