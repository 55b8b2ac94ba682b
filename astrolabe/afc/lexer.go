package afc

import (
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// tokenKind is what a token is.
type tokenKind uint8

const (
	tokenEnd        tokenKind = iota
	tokenName                 // attribute, function or output; text is the name
	tokenQuotedName           // the same in double quotes, never a keyword or function
	tokenKeyword              // text in capitals
	tokenInteger              // text as written
	tokenFloat                // text as written
	tokenString               // text is the content
	tokenSymbol               // text is the symbol
)

type token struct {
	kind tokenKind
	text string
	at   int // offset
	end  int // offset behind it
}

// is reports whether the token is the keyword or symbol.
func (t token) is(text string) bool {
	return (t.kind == tokenKeyword || t.kind == tokenSymbol) && t.text == text
}

// describe names the token in an error.
func (t token) describe() string {
	switch t.kind {
	case tokenEnd:
		return "the end"
	case tokenString:
		return "string " + quoteString(shorten(t.text))
	case tokenQuotedName, tokenName:
		return "name " + strconv.Quote(shorten(t.text))
	}
	return strconv.Quote(shorten(t.text))
}

// shorten keeps messages to one readable line.
func shorten(s string) string {
	const most = 40
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}

// keywords are reserved: attributes of these names are written in double quotes. FROM and DISTINCT are no part of the language, and
// reserved so that they are refused where they stand.
var keywords = []string{
	"AND", "AS", "ASC", "BETWEEN", "BY", "CASE", "DESC", "DISTINCT", "ELSE", "END", "FALSE", "FROM", "IN", "IS", "LIKE", "NOT", "NULL", "OR", "ORDER",
	"SELECT", "THEN", "TRUE", "WHEN", "WHERE",
}

// keyword returns the keyword that a word is, in capitals, or "".
func keyword(word string) string {
	for _, k := range keywords {
		if len(k) == len(word) && strings.EqualFold(k, word) {
			return k
		}
	}
	return ""
}

// symbols are the operators and marks, longer ones before their beginnings.
var symbols = []string{"<>", "!=", "<=", ">=", "<", ">", "=", "+", "-", "*", "/", "%", "(", ")", ","}

// lexer cuts text into tokens.
type lexer struct {
	text string
	at   int
}

func (l *lexer) fail(at int, format string, arguments ...any) error {
	return newError(l.text, at, ErrSyntax, fmt.Sprintf(format, arguments...))
}

// next returns the next token, tokenEnd for ever at the end.
func (l *lexer) next() (token, error) {
	for l.at < len(l.text) && strings.IndexByte(" \t\r\n", l.text[l.at]) >= 0 {
		l.at++
	}
	if l.at == len(l.text) {
		return token{kind: tokenEnd, at: l.at, end: l.at}, nil
	}
	switch c := l.text[l.at]; {
	case letter(c):
		return l.word(), nil
	case digit(c) || c == '.' && l.at+1 < len(l.text) && digit(l.text[l.at+1]):
		return l.number()
	case c == '\'':
		return l.quoted('\'', tokenString, LiteralMax, "string")
	case c == '"':
		return l.quoted('"', tokenQuotedName, NameMax, "name")
	case strings.HasPrefix(l.text[l.at:], "--"):
		return token{}, l.fail(l.at, `"--" begins a comment in SQL, and programs have none: write "- -" to subtract a negative number`)
	}
	for _, symbol := range symbols {
		if strings.HasPrefix(l.text[l.at:], symbol) {
			return l.take(tokenSymbol, symbol, len(symbol)), nil
		}
	}
	c, _ := utf8.DecodeRuneInString(l.text[l.at:])
	return token{}, l.fail(l.at, "expected a name, a literal or an operator, found %q: other names stand in double quotes", c)
}

// take makes a token of the next size bytes.
func (l *lexer) take(kind tokenKind, text string, size int) token {
	t := token{kind: kind, text: text, at: l.at, end: l.at + size}
	l.at += size
	return t
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

// wordSize returns how long the word at the beginning of s is: letters, digits, underscores, and dots between these.
func wordSize(s string) int {
	size := 0
	for size < len(s) {
		c := s[size]
		dot := c == '.' && size > 0 && size+1 < len(s) && (letter(s[size+1]) || digit(s[size+1]))
		if !letter(c) && !dot && (size == 0 || !digit(c)) {
			break
		}
		size++
	}
	return size
}

func (l *lexer) word() token {
	size := wordSize(l.text[l.at:])
	word := l.text[l.at : l.at+size]
	if k := keyword(word); k != "" {
		return l.take(tokenKeyword, k, size)
	}
	return l.take(tokenName, word, size)
}

// number takes digits, a fraction and an exponent.
func (l *lexer) number() (token, error) {
	rest, kind, size := l.text[l.at:], tokenInteger, 0
	digits := func() bool {
		start := size
		for size < len(rest) && digit(rest[size]) {
			size++
		}
		return size > start
	}
	digits()
	if size < len(rest) && rest[size] == '.' {
		kind = tokenFloat
		if size++; !digits() {
			return token{}, l.fail(l.at+size, "expected a digit after the point")
		}
	}
	if size < len(rest) && rest[size]|0x20 == 'e' {
		kind = tokenFloat
		if size++; size < len(rest) && (rest[size] == '+' || rest[size] == '-') {
			size++
		}
		if !digits() {
			return token{}, l.fail(l.at+size, "expected a digit in the exponent")
		}
	}
	if size < len(rest) && (letter(rest[size]) || rest[size] == '.') {
		return token{}, l.fail(l.at+size, "expected the end of a number, found %q", rest[size])
	}
	return l.take(kind, rest[:size], size), nil
}

// quoted takes what stands between marks, in which two of them stand for one.
func (l *lexer) quoted(mark byte, kind tokenKind, most int, what string) (token, error) {
	start := l.at
	var content strings.Builder
	for i := start + 1; i < len(l.text); i++ {
		if l.text[i] != mark {
			content.WriteByte(l.text[i])
			continue
		}
		if i+1 < len(l.text) && l.text[i+1] == mark {
			content.WriteByte(mark)
			i++
			continue
		}
		if content.Len() > most {
			return token{}, newError(l.text, start, ErrLimit, fmt.Sprintf("%s of %d bytes exceeds the limit of %d", what, content.Len(), most))
		}
		return l.take(kind, content.String(), i+1-start), nil
	}
	return token{}, l.fail(start, "expected a closing %c for this %s", mark, what)
}

func quoteString(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// quoteName writes a name as programs have it, in quotes where it needs them.
func quoteName(s string) string {
	if wordSize(s) == len(s) && s != "" && keyword(s) == "" {
		return s
	}
	return `"` + strings.ReplaceAll(s, `"`, `""`) + `"`
}
