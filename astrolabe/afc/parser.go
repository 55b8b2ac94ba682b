package afc

import (
	"fmt"
	"strconv"
	"unicode/utf8"
)

// parser is a Pratt parser with one token of foresight. It stops at the first error.
type parser struct {
	lexer      lexer
	token      token // the next one, not yet taken
	nodes      int
	aggregates int
	depth      int
}

// parse makes a statement of text. The error is an *Error.
func parse(text string) (*statement, error) {
	if len(text) > TextMax {
		return nil, newError(text, 0, ErrLimit, fmt.Sprintf("program of %d bytes exceeds the limit of %d", len(text), TextMax))
	}
	if !utf8.ValidString(text) {
		return nil, newError(text, 0, ErrSyntax, "expected a program in UTF-8")
	}
	p := parser{lexer: lexer{text: text}}
	s, err := p.statement()
	if err != nil {
		return nil, err
	}
	if err := s.checkScope(text); err != nil {
		return nil, err
	}
	return s, nil
}

func (p *parser) fail(at int, reason error, format string, arguments ...any) error {
	return newError(p.lexer.text, at, reason, fmt.Sprintf(format, arguments...))
}

// expected reports the token that stands where something else should.
func (p *parser) expected(what string) error {
	hint := ""
	if p.token.is("FROM") {
		hint = "; a program reads the child table of its zone and names no other"
	}
	if p.token.is("DISTINCT") {
		hint = "; programs have no DISTINCT"
	}
	return p.fail(p.token.at, ErrSyntax, "expected %s, found %s%s", what, p.token.describe(), hint)
}

// advance takes the token.
func (p *parser) advance() (err error) {
	p.token, err = p.lexer.next()
	return err
}

// accept takes the token if it is the keyword or symbol.
func (p *parser) accept(text string) (bool, error) {
	if !p.token.is(text) {
		return false, nil
	}
	return true, p.advance()
}

// require takes the token, which has to be the keyword or symbol.
func (p *parser) require(text, what string) error {
	if !p.token.is(text) {
		return p.expected(what)
	}
	return p.advance()
}

// statement parses the whole text.
func (p *parser) statement() (*statement, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	if err := p.require("SELECT", "SELECT"); err != nil {
		return nil, err
	}
	s := &statement{}
	for more := true; more; {
		err := p.output(s)
		if err == nil {
			more, err = p.accept(",")
		}
		if err != nil {
			return nil, err
		}
	}
	where, err := p.accept("WHERE")
	if err == nil && where {
		s.where, err = p.expression(precedenceOr)
	}
	if err != nil {
		return nil, err
	}
	if p.token.kind != tokenEnd {
		if where {
			return nil, p.expected("an operator or the end")
		}
		return nil, p.expected("a comma, WHERE or the end")
	}
	return s, nil
}

// output parses one expression of SELECT and its name.
func (p *parser) output(s *statement) error {
	if len(s.outputs) == OutputsMax {
		return p.fail(p.token.at, ErrLimit, "more than %d outputs", OutputsMax)
	}
	expression, err := p.expression(precedenceOr)
	if err != nil {
		return err
	}
	if err := p.require("AS", "an operator, or AS and the name of the output"); err != nil {
		return err
	}
	name := p.token
	if name.kind != tokenName && name.kind != tokenQuotedName {
		return p.expected("the name of an output (keywords stand in double quotes)")
	}
	if err := p.checkName(name); err != nil {
		return err
	}
	for i := range s.outputs {
		if s.outputs[i].name == name.text {
			return p.fail(name.at, ErrSyntax, "output %s is there already", quoteName(shorten(name.text)))
		}
	}
	s.outputs = append(s.outputs, output{name: name.text, at: name.at, expression: expression})
	return p.advance()
}

func (p *parser) checkName(t token) error {
	if t.text == "" {
		return p.fail(t.at, ErrSyntax, "expected a name between the quotes")
	}
	if len(t.text) > NameMax {
		return p.fail(t.at, ErrLimit, "name of %d bytes exceeds the limit of %d", len(t.text), NameMax)
	}
	return nil
}

// node counts a node and returns it.
func (p *parser) node(n node) (*node, error) {
	if p.nodes == NodesMax {
		return nil, p.fail(n.at, ErrLimit, "more than %d literals, attributes, operators and calls", NodesMax)
	}
	p.nodes++
	return &n, nil
}

// expression parses operators that bind at least as tightly as least.
func (p *parser) expression(least precedence) (*node, error) {
	if p.depth == DepthMax {
		return nil, p.fail(p.token.at, ErrLimit, "more than %d expressions inside each other", DepthMax)
	}
	p.depth++
	defer func() { p.depth-- }()
	left, err := p.prefix(least)
	compared := false
	for err == nil {
		level := p.infix()
		if level < least {
			return left, nil
		}
		if level >= precedenceComparison && compared { // tighter ones too: what follows a complete comparison is no part of its operand
			return nil, p.fail(p.token.at, ErrSyntax, "comparisons do not chain: expected AND, OR or parentheses, found %s", p.token.describe())
		}
		compared = level == precedenceComparison
		left, err = p.operate(left, level)
	}
	return nil, err
}

// infix returns how tightly the token binds as the operator behind an expression, 0 if it is none.
func (p *parser) infix() precedence {
	switch {
	case p.token.is("IS"), p.token.is("IN"), p.token.is("BETWEEN"), p.token.is("LIKE"), p.token.is("NOT"):
		return precedenceComparison
	case p.token.kind == tokenKeyword && !p.token.is("OR") && !p.token.is("AND"):
		return 0
	}
	if op, ok := p.binary(); ok {
		return op.precedence()
	}
	return 0
}

// binary returns the operator that the token is between two expressions.
func (p *parser) binary() (operator, bool) {
	if p.token.is("!=") {
		return opUnequal, true
	}
	for op := opOr; op <= opModulo; op++ {
		if p.token.is(operatorTexts[op]) {
			return op, true
		}
	}
	return 0, false
}

// operate parses the operator that is next, and what follows it.
func (p *parser) operate(left *node, level precedence) (*node, error) {
	at := p.token.at
	if op, ok := p.binary(); ok {
		if err := p.advance(); err != nil {
			return nil, err
		}
		right, err := p.expression(level + 1)
		if err != nil {
			return nil, err
		}
		return p.node(node{kind: nodeBinary, operator: op, at: at, children: []*node{left, right}})
	}
	if is, err := p.accept("IS"); err != nil || is {
		return p.isNull(left, at, err)
	}
	not, err := p.accept("NOT")
	if err != nil {
		return nil, err
	}
	switch word := p.token; {
	case word.is("IN"):
		return p.in(node{kind: nodeIn, not: not, at: at, children: []*node{left}})
	case word.is("BETWEEN"):
		return p.between(node{kind: nodeBetween, not: not, at: at, children: []*node{left}})
	case word.is("LIKE"):
		return p.like(node{kind: nodeLike, not: not, at: at, children: []*node{left}})
	}
	return nil, p.expected("IN, BETWEEN or LIKE after NOT")
}

func (p *parser) isNull(left *node, at int, err error) (*node, error) {
	not := false
	if err == nil {
		not, err = p.accept("NOT")
	}
	if err == nil {
		err = p.require("NULL", "NULL or NOT NULL after IS")
	}
	if err != nil {
		return nil, err
	}
	return p.node(node{kind: nodeIsNull, not: not, at: at, children: []*node{left}})
}

func (p *parser) in(n node) (*node, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	if err := p.require("(", "the list of IN in parentheses"); err != nil {
		return nil, err
	}
	elements, err := p.arguments("IN")
	if err != nil {
		return nil, err
	}
	n.children = append(n.children, elements...)
	return p.node(n)
}

func (p *parser) between(n node) (*node, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	low, err := p.expression(precedenceSum)
	if err != nil {
		return nil, err
	}
	if err := p.require("AND", "AND between the bounds of BETWEEN"); err != nil {
		return nil, err
	}
	high, err := p.expression(precedenceSum)
	if err != nil {
		return nil, err
	}
	n.children = append(n.children, low, high)
	return p.node(n)
}

func (p *parser) like(n node) (*node, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.token.kind != tokenString {
		return nil, p.expected("a string literal, the pattern of LIKE")
	}
	pattern, err := p.literal(text(p.token.text))
	if err != nil {
		return nil, err
	}
	n.children = append(n.children, pattern)
	return p.node(n)
}

// arguments parses expressions up to the closing parenthesis, at least one.
func (p *parser) arguments(of string) ([]*node, error) {
	var arguments []*node
	for {
		argument, err := p.expression(precedenceOr)
		if err != nil {
			return nil, err
		}
		arguments = append(arguments, argument)
		more, err := p.accept(",")
		if err != nil {
			return nil, err
		}
		if !more {
			return arguments, p.require(")", "an operator, a comma or the closing parenthesis of "+of)
		}
	}
}

// literal takes the token as the literal v.
func (p *parser) literal(v value) (*node, error) {
	n, err := p.node(node{kind: nodeLiteral, literal: v, at: p.token.at})
	if err != nil {
		return nil, err
	}
	return n, p.advance()
}

// number takes the token, the digits of a number, as a literal with a sign.
func (p *parser) number(sign string) (*node, error) {
	digits := sign + p.token.text
	if p.token.kind == tokenFloat {
		f, err := strconv.ParseFloat(digits, 64)
		if err != nil {
			return nil, p.fail(p.token.at, ErrSyntax, "expected a number of at most 1.7e308, found %s", shorten(digits))
		}
		return p.literal(float(f))
	}
	i, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return nil, p.fail(p.token.at, ErrSyntax, "expected an integer of 64 bits, found %s: write it as a float, with a point", shorten(digits))
	}
	return p.literal(integer(i))
}
