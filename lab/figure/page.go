package figure

import (
	"fmt"
	"html/template"
	"io"
)

// Entry is a figure of a Page with what its source says that it shows.
type Entry struct {
	Figure  string // name of the figure's files
	Title   string
	Source  string // publication and figure
	Claim   string // what the source says, in words of our own
	Found   string // what the runs show
	Command string // that makes the figure
}

// Page writes one page in HTML that shows the pictures of the entries, which lie beside it, each with its claim and what was found.
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
body { font-family: sans-serif; margin: 2em auto; max-width: 60em; line-height: 1.4; padding: 0 1em; }
section { margin-bottom: 3em; }
img { max-width: 100%; border: 1px solid #ccc; }
dt { font-weight: bold; }
dd { margin: 0 0 0.5em 0; }
code { background: #f2f2f2; padding: 0.1em 0.3em; }
</style>
</head>
<body>
<h1>{{.Title}}</h1>
{{range .Entries}}<section id="{{.Figure}}">
<h2>{{.Title}}</h2>
<img src="{{.Figure}}.svg" alt="{{.Title}}">
<dl>
<dt>Source</dt><dd>{{.Source}}</dd>
<dt>Claim</dt><dd>{{.Claim}}</dd>
<dt>Found</dt><dd>{{.Found}}</dd>
<dt>Command</dt><dd><code>{{.Command}}</code></dd>
</dl>
<p><a href="{{.Figure}}.png">PNG</a></p>
</section>
{{end}}</body>
</html>
`))
