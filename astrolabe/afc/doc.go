// Package afc compiles and evaluates aggregation functions: the programs by which Astrolabe computes the row of a zone from the rows of
// its child zones. It is a pure function of text, rows and a seed.
//
// # Vocabulary
//
//   - A program is the text of one SELECT. It has inputs, the attributes that it reads, and outputs, the attributes that it makes.
//   - A [Row] is a row of the child table: an identifier, and attributes with values of package table.
//   - NULL is what is not known: an attribute that a row does not have, or the result of what cannot be computed. As an output it is the
//     zero table.Value, which a row leaves out.
//   - A step computes one node of the program once. [Program.Cost] counts them.
//
// # Grammar
//
//	program    = SELECT output { "," output } [ WHERE expression ]
//	output     = expression AS name
//	expression = literal | name | "(" expression ")" | call | aggregate
//	           | expression binary expression | "-" expression | NOT expression
//	           | expression IS [NOT] NULL | expression [NOT] IN "(" expression { "," expression } ")"
//	           | expression [NOT] BETWEEN expression AND expression | expression [NOT] LIKE string
//	           | CASE WHEN expression THEN expression { WHEN expression THEN expression } [ELSE expression] END
//	call       = function "(" expression { "," expression } ")" | CAST "(" expression AS ( INT | FLOAT ) ")"
//	aggregate  = COUNT "(" ( "*" | expression ) ")" | ( SUM | MIN | MAX | OR | AND ) "(" expression ")"
//	           | AVG "(" expression [ "," weight ] ")" | FIRST "(" n "," expression [ ORDER BY expression [ ASC | DESC ] ] ")"
//	           | RANDOM "(" n "," expression ")"
//
// Operators from loose to tight: OR; AND; NOT; the comparisons = <> != < <= > >= IS IN BETWEEN LIKE, which do not chain; + and -; * / and %;
// the sign. Keywords, functions and aggregates are written in any case. Names are of letters, digits, underscores, and dots between these;
// others, and those of keywords, stand in double quotes ("" for one). Names are told apart by case. Strings stand in single quotes (” for one).
// There are no comments.
//
// An output reads attributes inside aggregates only. WHERE has no aggregates, and aggregates have none inside.
//
// # Types
//
// Values are of the kinds of package table; integers and floats mix. Nothing else is converted but by CAST. An operator or function that is
// given a kind that it does not take is NULL, and so is one that is given NULL, if nothing else is said here.
//
//   - + - * of integers are an integer, or a float where that does not fit into 64 bits. / of integers is cut towards zero; % is of
//     integers only and has the sign of the dividend. A division by zero is NULL. What is not a number (NaN) is NULL; infinity is a float.
//   - Comparisons are exact between integers and floats, by bytes between strings, bytes or bitmaps, FALSE before TRUE; between other kinds,
//     and of lists, they are NULL.
//   - AND, OR and NOT have three values: FALSE AND NULL is FALSE, TRUE OR NULL is TRUE, else NULL makes NULL. Only TRUE satisfies WHERE and WHEN.
//   - IN is TRUE if one element equals, else NULL if one comparison is NULL. BETWEEN is two comparisons joined by AND.
//   - LIKE compares a string with a literal pattern: % is any text, _ any character, and letters are told apart by case. There is no escape.
//
// Functions: ABS, CEIL, FLOOR, ROUND(x [, digits 0 to 15]) (half away from zero), COALESCE, NULLIF, LENGTH (characters of a
// string, bytes, elements of a list), LOWER and UPPER (ASCII letters), BIT(bitmap, n), BIT_COUNT(bitmap), CONTAINS(list, value),
// CAST (to INT, cut towards zero, NULL if out of range; booleans are 0 and 1, times are nanoseconds since 1970).
//
// # Aggregates
//
// Aggregates read the rows that WHERE keeps, and skip NULL and values of kinds that they do not take, so that one odd row does not blind a
// zone. Without a value they are NULL, only COUNT is 0.
//
//   - SUM of integers is exact, and a float only if it is out of range; with a float among them it is a float. AVG is a float. AVG with a
//     weight is the sum of the products by the sum of the weights, of rows where both are numbers and the weight is not negative.
//   - MIN and MAX take all kinds but lists. Different kinds are in this order: booleans, numbers, times, strings, bytes, bitmaps.
//   - OR and AND are of bitmaps, bit by bit, where what is beyond the end is 0, or of booleans. Where both occur, the booleans are skipped.
//   - FIRST is a list of the first n values, by the key of ORDER BY, in which NULL comes last either way, or else by row. An attribute that is a
//     list itself counts for its elements, so that FIRST(3, contacts) is a list on every level.
//   - RANDOM is a list of n values, drawn by seed, identifier of the row and place in its list. With one seed, all draw the same rows.
//
// # Contract
//
//  1. Compile refuses, with a typed error, whatever exceeds a limit of the language or takes more steps than it may for Limits.Rows rows.
//     What it accepts evaluates without an error over any so many rows, and over more as far as its steps go, in at most Cost(rows) steps. A step takes time linear in the size of the values that it
//     reads, each part of a row; and where FIRST or RANDOM takes a value, it moves at most ChoiceMax others.
//  2. Outputs have bounded sizes: numbers, values of inputs, lists of at most ChoiceMax of them, bitmaps no longer than the longest.
//  3. Equal rows in equal order, with an equal seed, give equal outputs on every machine and in every build.
//  4. An evaluation over rows that have not changed allocates nothing.
//
// # Limitations
//
// There is no time of evaluation and there are no literals of times, bytes, bitmaps or lists. SUM and AVG of floats may differ in the last
// place if rows are in another order, which is why the order is prescribed. A row that chooses its identifier can have itself drawn by
// RANDOM if it knows the seed. Steps do not weigh the sizes of values: whoever allows rows of 64 KiB allows steps of 64 KiB.
package afc
