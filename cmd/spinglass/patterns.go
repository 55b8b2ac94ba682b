package main

import (
	"strconv"
	"strings"

	"spinglass"
	"spinglass/topic"
)

// patternsOf returns the patterns with ratings that arguments name: PATTERN or PATTERN=RATING each, the former with the rating that is given for all. There are none where there is a single name, which may end like a rating, or a single
// pattern without one.
func patternsOf(args []string, rating float64) (spinglass.Patterns, error) {
	switch {
	case len(args) == 0:
		return nil, usagef("sub takes one TOPIC, or patterns with ratings, got no argument")
	case len(args) == 1:
		text, _, rated := cutRating(args[0])
		if !rated || !topic.HasWildcard(text) {
			return nil, checkSubscribed(args[0])
		}
	case len(args) > spinglass.PatternsMax:
		return nil, usagef("sub takes at most %d patterns, got %d", spinglass.PatternsMax, len(args))
	}
	patterns := spinglass.Patterns{}
	for _, arg := range args {
		text, own, rated := cutRating(arg)
		if !rated {
			own = rating
		}
		if err := checkSubscribed(text); err != nil {
			return nil, err
		}
		if !(own >= 0 && own <= 1) {
			return nil, usagef("%s: the rating %v is not 0 to 1", text, own)
		}
		if _, twice := patterns[text]; twice {
			return nil, usagef("%s has two ratings", text)
		}
		patterns[text] = own
	}
	for _, own := range patterns {
		if own > 0 {
			return patterns, nil
		}
	}
	return nil, usagef("of no pattern anything is wanted")
}

// cutRating cuts the rating off an argument that ends with an equals sign and a number.
func cutRating(arg string) (text string, rating float64, rated bool) {
	at := strings.LastIndexByte(arg, '=')
	if at < 0 {
		return arg, 0, false
	}
	rating, err := strconv.ParseFloat(arg[at+1:], 64)
	if err != nil {
		return arg, 0, false
	}
	return arg[:at], rating, true
}

// checkSubscribed refuses what is no name and no pattern.
func checkSubscribed(text string) error {
	if topic.HasWildcard(text) {
		return checkPattern(text, false)
	}
	return checkTopic(text)
}
