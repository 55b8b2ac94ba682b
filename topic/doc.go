// Package topic says what the names of topics are, and what patterns stand for many of them.
//
// # Vocabulary
//
//   - A name is parted into levels by slashes: grid/north/frequency has three. Levels may be empty.
//   - A wildcard is a level of a pattern that stands for others: + for one level, # for all that follow, also none. It is one only where it is a whole level.
//   - A [Pattern] is a name in which levels may be wildcards. One without any matches the name that it is.
//   - [Interests] are patterns with a value each, such as a rating.
//
// # Contract
//
// All functions are pure. Matching and looking up do not allocate, and take time in proportion to the name, or to the name and the patterns that share its levels. Patterns have a total
// order, [Pattern.Compare], in which of those that match a name the most specific one comes first.
//
// # Limitations
//
// Names are bytes: nothing folds case, or brings Unicode into a normal form. Grants of certificates have patterns of their own, with a star at the end; see package identity.
package topic
