package figure

import (
	"fmt"
	"html/template"
	"io"
)

// Entry is an experiment of a Page: its pictures and rows, and what its source says that they show.
type Entry struct {
	Name     string // of the experiment, for links
	Title    string
	Source   string   // publication and figure
	Claim    string   // what the source says, in words of our own
	Command  string   // that makes the pictures
	Pictures []string // names of the figures' files
	Moving   []string // names of animations, which are there as SVG only
	Rows     string   // what the command prints
}

// Page writes one page in HTML that shows the entries, with pictures that lie beside it.
func Page(w io.Writer, title string, entries []Entry) error {
	if err := page.Execute(w, struct {
		Title   string
		Entries []Entry
	}{title, entries}); err != nil {
		return fmt.Errorf("page: %w", err)
	}
	return nil
}

var page = template.Must(template.New("page").Parse(`<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<title>{{.Title}}</title>
<style>
body { font-family: sans-serif; margin: 2em auto; max-width: 70em; line-height: 1.4; padding: 0 1em; }
section { margin-bottom: 3em; }
img { max-width: 49%; border: 1px solid #ccc; }
dt { font-weight: bold; }
dd { margin: 0 0 0.5em 0; }
code { background: #f2f2f2; padding: 0.1em 0.3em; }
pre { background: #f2f2f2; padding: 0.5em; overflow-x: auto; }
</style>
</head>
<body>
<h1>{{.Title}}</h1>
<ul>
{{range .Entries}}<li><a href="#{{.Name}}">{{.Title}}</a></li>
{{end}}</ul>
{{range .Entries}}<section id="{{.Name}}">
<h2>{{.Title}}</h2>
<dl>
<dt>Source</dt><dd>{{.Source}}</dd>
<dt>What it claims</dt><dd>{{.Claim}}</dd>
<dt>Command</dt><dd><code>{{.Command}}</code></dd>
</dl>
{{range .Pictures}}<a href="{{.}}.png"><img src="{{.}}.svg" alt="{{.}}"></a>
{{end}}{{range .Moving}}<a href="{{.}}.svg"><img src="{{.}}.svg" alt="{{.}}"></a>
{{end}}<h3>What was found</h3>
<pre>{{.Rows}}</pre>
</section>
{{end}}</body>
</html>
`))
