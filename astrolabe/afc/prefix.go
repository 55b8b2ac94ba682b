package afc

import (
	"strconv"
	"strings"
)

// prefix parses what an expression begins with: an operand, or an operator before it.
func (p *parser) prefix(least precedence) (*node, error) {
	switch t := p.token; {
	case t.is("NOT"):
		return p.negation(least)
	case t.is("-"):
		return p.sign()
	case t.is("("):
		return p.parentheses()
	case t.is("CASE"):
		return p.caseWhen()
	case t.is("OR"), t.is("AND"):
		return p.call()
	case t.is("NULL"):
		return p.literal(value{})
	case t.is("TRUE"), t.is("FALSE"):
		return p.literal(boolean(t.text == "TRUE"))
	case t.kind == tokenString:
		return p.literal(text(t.text))
	case t.kind == tokenInteger, t.kind == tokenFloat:
		return p.number("")
	case t.kind == tokenName && p.calls():
		return p.call()
	case t.kind == tokenName, t.kind == tokenQuotedName:
		return p.attribute()
	}
	return nil, p.expected("an expression")
}

// calls reports whether a parenthesis follows the token.
func (p *parser) calls() bool {
	return strings.HasPrefix(strings.TrimLeft(p.lexer.text[p.token.end:], " \t\r\n"), "(")
}

func (p *parser) attribute() (*node, error) {
	if err := p.checkName(p.token); err != nil {
		return nil, err
	}
	n, err := p.node(node{kind: nodeAttribute, name: p.token.text, at: p.token.at})
	if err != nil {
		return nil, err
	}
	return n, p.advance()
}

func (p *parser) negation(least precedence) (*node, error) {
	at := p.token.at
	if least > precedenceNot {
		return nil, p.fail(at, ErrSyntax, "expected an operand, found NOT: put it in parentheses")
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	operand, err := p.expression(precedenceNot)
	if err != nil {
		return nil, err
	}
	return p.node(node{kind: nodeUnary, operator: opNot, at: at, children: []*node{operand}})
}

// sign parses a minus. The negative of a literal is a literal, so that the least integer can be written, and so that a program has one
// tree whether a negative number stands in parentheses or not.
func (p *parser) sign() (*node, error) {
	at := p.token.at
	if err := p.advance(); err != nil {
		return nil, err
	}
	if p.token.kind == tokenInteger || p.token.kind == tokenFloat {
		return p.number("-")
	}
	operand, err := p.expression(precedenceSign)
	if err != nil {
		return nil, err
	}
	if operand.kind == nodeLiteral && operand.literal.number() {
		operand.literal = negate(&operand.literal)
		return operand, nil
	}
	return p.node(node{kind: nodeUnary, operator: opNegate, at: at, children: []*node{operand}})
}

func (p *parser) parentheses() (*node, error) {
	if err := p.advance(); err != nil {
		return nil, err
	}
	inside, err := p.expression(precedenceOr)
	if err != nil {
		return nil, err
	}
	return inside, p.require(")", "an operator or a closing parenthesis")
}

// caseWhen parses CASE WHEN condition THEN result ... [ELSE result] END.
func (p *parser) caseWhen() (*node, error) {
	n := node{kind: nodeCase, at: p.token.at}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if !p.token.is("WHEN") {
		return nil, p.expected("WHEN after CASE")
	}
	take := func(word, what string) error {
		err := p.require(word, what)
		if err != nil {
			return err
		}
		child, err := p.expression(precedenceOr)
		n.children = append(n.children, child)
		return err
	}
	for p.token.is("WHEN") {
		if err := take("WHEN", "WHEN"); err != nil {
			return nil, err
		}
		if err := take("THEN", "an operator, or THEN and a result"); err != nil {
			return nil, err
		}
	}
	if p.token.is("ELSE") {
		if err := take("ELSE", "ELSE"); err != nil {
			return nil, err
		}
	}
	if err := p.require("END", "an operator, WHEN, ELSE or END of CASE"); err != nil {
		return nil, err
	}
	return p.node(n)
}

// call parses the call of a function or an aggregate.
func (p *parser) call() (*node, error) {
	name := p.token
	if err := p.advance(); err != nil {
		return nil, err
	}
	if err := p.require("(", "the argument of the aggregate "+name.text+" in parentheses"); err != nil {
		return nil, err
	}
	upper := strings.ToUpper(name.text)
	for kind, text := range aggregateTexts {
		if text == upper {
			return p.aggregate(aggregateKind(kind), name.at)
		}
	}
	if upper == "CAST" {
		return p.cast(name.at)
	}
	f := functionNamed(upper)
	if f == nil {
		return nil, p.fail(name.at, ErrSyntax, "expected a function or an aggregate, found %q: there are %s", shorten(name.text), knownCalls())
	}
	arguments, err := p.arguments(f.name)
	if err != nil {
		return nil, err
	}
	if len(arguments) < f.least || len(arguments) > f.most {
		return nil, p.fail(name.at, ErrSyntax, "expected %s for %s, found %d", f.arity(), f.name, len(arguments))
	}
	return p.node(node{kind: nodeCall, function: f, at: name.at, children: arguments})
}

// cast parses what follows CAST and the parenthesis: expression AS type.
func (p *parser) cast(at int) (*node, error) {
	operand, err := p.expression(precedenceOr)
	if err != nil {
		return nil, err
	}
	if err := p.require("AS", "an operator, or AS and a type of CAST"); err != nil {
		return nil, err
	}
	var f *function
	switch strings.ToUpper(p.token.text) {
	case "INT", "INTEGER":
		f = castInteger
	case "FLOAT", "REAL":
		f = castFloat
	}
	if f == nil || p.token.kind != tokenName {
		return nil, p.expected("INT or FLOAT, the type of CAST")
	}
	if err := p.advance(); err != nil {
		return nil, err
	}
	if err := p.require(")", "the closing parenthesis of CAST"); err != nil {
		return nil, err
	}
	return p.node(node{kind: nodeCall, function: f, at: at, children: []*node{operand}})
}

// aggregate parses what follows the name of an aggregate and the parenthesis.
func (p *parser) aggregate(kind aggregateKind, at int) (*node, error) {
	if p.aggregates == AggregatesMax {
		return nil, p.fail(at, ErrLimit, "more than %d aggregates", AggregatesMax)
	}
	p.aggregates++
	n := node{kind: nodeAggregate, aggregate: kind, at: at}
	if star, err := p.star(kind); err != nil || star {
		if err != nil {
			return nil, err
		}
		return p.node(n)
	}
	if kind.chooses() {
		if err := p.count(&n); err != nil {
			return nil, err
		}
	}
	argument, err := p.expression(precedenceOr)
	if err != nil {
		return nil, err
	}
	n.children = append(n.children, argument)
	if err := p.second(&n); err != nil {
		return nil, err
	}
	if err := p.require(")", "an operator or the closing parenthesis of "+aggregateTexts[kind]); err != nil {
		return nil, err
	}
	return p.node(n)
}

// star takes the argument of COUNT(*).
func (p *parser) star(kind aggregateKind) (bool, error) {
	if kind != aggregateCount {
		return false, nil
	}
	star, err := p.accept("*")
	if err != nil || !star {
		return false, err
	}
	return true, p.require(")", "the closing parenthesis of COUNT")
}

// count takes the n of FIRST and RANDOM, and the comma behind it.
func (p *parser) count(n *node) error {
	count, err := strconv.Atoi(p.token.text)
	if p.token.kind != tokenInteger || err != nil || count < 1 || count > ChoiceMax {
		return p.expected("how many values " + aggregateTexts[n.aggregate] + " takes, a literal from 1 to " + strconv.Itoa(ChoiceMax))
	}
	n.count = count
	if err := p.advance(); err != nil {
		return err
	}
	return p.require(",", "a comma and what "+aggregateTexts[n.aggregate]+" takes")
}

// second takes the weight of AVG, or the order of FIRST.
func (p *parser) second(n *node) error {
	switch {
	case n.aggregate == aggregateAverage && p.token.is(","):
		if err := p.advance(); err != nil {
			return err
		}
	case n.aggregate == aggregateFirst && p.token.is("ORDER"):
		if err := p.advance(); err != nil {
			return err
		}
		if err := p.require("BY", "BY after ORDER"); err != nil {
			return err
		}
	default:
		return nil
	}
	second, err := p.expression(precedenceOr)
	if err != nil {
		return err
	}
	n.children = append(n.children, second)
	if n.aggregate == aggregateAverage {
		return nil
	}
	if n.descending, err = p.accept("DESC"); err != nil || n.descending {
		return err
	}
	_, err = p.accept("ASC")
	return err
}
