package sql

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// tokenKind is what a token is.
type tokenKind uint8

// Kinds of tokens.
const (
	tokenWord      tokenKind = iota // a name or key word without quotes; its value is in small letters
	tokenName                       // a name in double quotes; its value is without them
	tokenText                       // a text; its value is without quotes
	tokenBytes                      // X'..' or B'..'; as it stands
	tokenNumber                     // as it stands
	tokenOperator                   // and punctuation
	tokenParameter                  // $1, or a question mark; its value is the number
	tokenEnd                        // the end of a statement
)

// token is a piece of a statement. Its text is what SQLite is given.
type token struct {
	kind  tokenKind
	text  string
	value string
}

// is reports whether a token is a key word or an operator.
func (t token) is(word string) bool {
	return (t.kind == tokenWord || t.kind == tokenOperator) && t.value == word
}

// isAny reports whether a token is one of some key words.
func (t token) isAny(words ...string) bool {
	return t.kind == tokenWord && slices.Contains(words, t.value)
}

// named reports whether a token can be a name.
func (t token) named() bool { return t.kind == tokenWord || t.kind == tokenName }

func word(text string) token     { return token{tokenWord, text, strings.ToLower(text)} }
func operator(text string) token { return token{tokenOperator, text, text} }
func text(value string) token    { return token{tokenText, quoteText(value), value} }

func quoteName(value string) string { return `"` + strings.ReplaceAll(value, `"`, `""`) + `"` }
func quoteText(value string) string { return "'" + strings.ReplaceAll(value, "'", "''") + "'" }

// operators that are longer than a character, the longest first.
var operators = []string{"!~~*", "->>", "!~*", "!~~", "~~*", "::", "||", "<=", ">=", "<>", "!=", "->", "<<", ">>", "!~", "~*", "~~", ":=", "@>", "<@"}

// lexer cuts a text into tokens.
type lexer struct {
	rest   string
	tokens []token
	marks  int // question marks so far
}

// tokensOf returns the tokens of a text. Its error is an Error with the SQLSTATE of a syntax error.
func tokensOf(query string) ([]token, error) {
	if len(query) > StatementMax {
		return nil, errorf(codeLimit, "the statement has %d bytes, and the limit is %d", len(query), StatementMax)
	}
	if !utf8.ValidString(query) || strings.ContainsRune(query, 0) {
		return nil, errorf(codeEncoding, "the statement is not valid UTF-8")
	}
	l := lexer{rest: query}
	for {
		l.skip()
		if l.rest == "" {
			return l.tokens, nil
		}
		if err := l.next(); err != nil {
			return nil, err
		}
	}
}

// skip leaves out blanks and comments. An unfinished comment ends with the text.
func (l *lexer) skip() {
	for {
		l.rest = strings.TrimLeft(l.rest, " \t\r\n\f\v")
		switch {
		case strings.HasPrefix(l.rest, "--"):
			_, l.rest, _ = strings.Cut(l.rest, "\n")
		case strings.HasPrefix(l.rest, "/*"):
			l.rest = afterComment(l.rest)
		default:
			return
		}
	}
}

// afterComment returns what follows a comment, in which there may be others.
func afterComment(rest string) string {
	for depth := 0; rest != ""; {
		switch {
		case strings.HasPrefix(rest, "/*"):
			depth, rest = depth+1, rest[2:]
		case strings.HasPrefix(rest, "*/"):
			if depth, rest = depth-1, rest[2:]; depth == 0 {
				return rest
			}
		default:
			rest = rest[1:]
		}
	}
	return ""
}

func (l *lexer) emit(kind tokenKind, length int, value string) {
	l.tokens = append(l.tokens, token{kind, l.rest[:length], value})
	l.rest = l.rest[length:]
}

// next takes one token.
func (l *lexer) next() error {
	c := l.rest[0]
	switch {
	case c == '\'':
		return l.quoted("", false)
	case c == '"':
		return l.name()
	case c == '$':
		return l.dollar()
	case letter(c):
		return l.word()
	case digit(c), c == '.' && len(l.rest) > 1 && digit(l.rest[1]):
		n := numberLength(l.rest)
		l.emit(tokenNumber, n, l.rest[:n])
	case c == ';':
		l.emit(tokenEnd, 1, ";")
	case c == '?':
		l.marks++
		l.emit(tokenParameter, 1, fmt.Sprint(l.marks))
	default:
		n := 1
		for _, o := range operators {
			if strings.HasPrefix(l.rest, o) {
				n = len(o)
				break
			}
		}
		if !strings.ContainsRune("+-*/%=<>~!@#^&|(),.:[]{}", rune(c)) {
			return errorf(codeSyntax, "syntax error at or near %q", firstOf(l.rest))
		}
		l.emit(tokenOperator, n, l.rest[:n])
	}
	return nil
}

// word takes a name or a key word, or a text that begins with a letter.
func (l *lexer) word() error {
	if len(l.rest) > 1 && l.rest[1] == '\'' {
		switch l.rest[0] | 0x20 {
		case 'e':
			return l.quoted(l.rest[:1], true)
		case 'n':
			return l.quoted(l.rest[:1], false)
		case 'x', 'b':
			return l.bytes()
		}
	}
	n := 1
	for n < len(l.rest) && (letter(l.rest[n]) || digit(l.rest[n]) || l.rest[n] == '$') {
		n++
	}
	l.emit(tokenWord, n, strings.ToLower(l.rest[:n]))
	return nil
}

// quoted takes a text behind a prefix, with or without escapes.
func (l *lexer) quoted(prefix string, escapes bool) error {
	l.rest = l.rest[len(prefix):]
	n := 1
	for ; n < len(l.rest); n++ {
		switch {
		case escapes && l.rest[n] == '\\':
			n++
		case l.rest[n] == '\'' && n+1 < len(l.rest) && l.rest[n+1] == '\'':
			n++
		case l.rest[n] == '\'':
			value := strings.ReplaceAll(l.rest[1:n], "''", "'")
			if escapes {
				var err error
				if value, err = unescape(l.rest[1:n]); err != nil {
					return err
				}
			}
			l.rest = l.rest[n+1:]
			l.tokens = append(l.tokens, text(value))
			return nil
		}
	}
	return errorf(codeSyntax, "unterminated text at or near %q", firstOf(l.rest))
}

// bytes takes X'..' or B'..'.
func (l *lexer) bytes() error {
	n := strings.IndexByte(l.rest[2:], '\'')
	if n < 0 {
		return errorf(codeSyntax, "unterminated text at or near %q", firstOf(l.rest))
	}
	if l.rest[0]|0x20 == 'b' {
		return errorf(codeUnsupported, "bit strings are not supported")
	}
	l.emit(tokenBytes, n+3, l.rest[2:n+2])
	return nil
}

// name takes a name in double quotes.
func (l *lexer) name() error {
	for n := 1; n < len(l.rest); n++ {
		switch {
		case l.rest[n] != '"':
		case n+1 < len(l.rest) && l.rest[n+1] == '"':
			n++
		case n == 1:
			return errorf(codeSyntax, "a name in quotes is empty")
		default:
			l.emit(tokenName, n+1, strings.ReplaceAll(l.rest[1:n], `""`, `"`))
			return nil
		}
	}
	return errorf(codeSyntax, "unterminated name at or near %q", firstOf(l.rest))
}

// dollar takes a parameter, or a text between dollars.
func (l *lexer) dollar() error {
	n := 1
	for n < len(l.rest) && digit(l.rest[n]) {
		n++
	}
	if n > 1 {
		if n > 6 {
			return errorf(codeLimit, "there is no parameter %s: the limit is %d", l.rest[:6], ParametersMax)
		}
		l.emit(tokenParameter, n, l.rest[1:n])
		return nil
	}
	for n < len(l.rest) && (letter(l.rest[n]) || digit(l.rest[n])) {
		n++
	}
	if n < len(l.rest) && l.rest[n] == '$' {
		tag := l.rest[:n+1]
		if value, rest, ok := strings.Cut(l.rest[n+1:], tag); ok {
			l.rest = rest
			l.tokens = append(l.tokens, text(value))
			return nil
		}
	}
	return errorf(codeSyntax, "syntax error at or near %q", firstOf(l.rest))
}

func letter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' || c == '_' || c >= utf8.RuneSelf }
func digit(c byte) bool  { return c >= '0' && c <= '9' }

// numberLength returns how many bytes a number has.
func numberLength(rest string) int {
	n := 0
	for n < len(rest) && (digit(rest[n]) || rest[n] == '.') {
		n++
	}
	if n < len(rest) && rest[n]|0x20 == 'e' {
		m := n + 1
		if m < len(rest) && (rest[m] == '+' || rest[m] == '-') {
			m++
		}
		if m < len(rest) && digit(rest[m]) {
			for n = m; n < len(rest) && digit(rest[n]); n++ {
			}
		}
	}
	return n
}

// firstOf returns the first characters of a text, for an error.
func firstOf(rest string) string {
	runes := []rune(rest[:min(len(rest), 80)])
	return string(runes[:min(len(runes), 20)])
}

// unescape returns what a text with backslashes says.
func unescape(quoted string) (string, error) {
	var b strings.Builder
	for i := 0; i < len(quoted); i++ {
		c := quoted[i]
		if c == '\'' { // the first of two
			i++
		}
		if c != '\\' {
			b.WriteByte(c)
			continue
		}
		i++ // there is a character: the text would not have ended otherwise
		switch quoted[i] {
		case 'n':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case 'r':
			b.WriteByte('\r')
		case 'b':
			b.WriteByte('\b')
		case 'f':
			b.WriteByte('\f')
		case 'x', 'u', 'U', '0', '1', '2', '3', '4', '5', '6', '7':
			return "", errorf(codeUnsupported, "a text with an escape by number: write the character itself")
		default:
			b.WriteByte(quoted[i])
		}
	}
	return b.String(), nil
}

// joined returns the text of tokens.
func joined(tokens []token) string {
	var b strings.Builder
	for i, t := range tokens {
		if i > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(t.text)
	}
	return b.String()
}

// split returns the statements among tokens, empty ones left out.
func split(tokens []token) (statements [][]token) {
	for len(tokens) > 0 {
		end := slices.IndexFunc(tokens, func(t token) bool { return t.kind == tokenEnd })
		if end < 0 {
			end = len(tokens)
		}
		if end > 0 {
			statements = append(statements, tokens[:end])
		}
		tokens = tokens[min(end+1, len(tokens)):]
	}
	return statements
}
