// Package figure draws the results of experiments: lines over two axes, as SVG and as PNG. It is the only part of the laboratory that knows of plotting.
//
// # Vocabulary
//
//   - A [Figure] has a title, two axes and some series.
//   - A [Series] is what one line shows: a name for the legend, and points in the order in which they are joined. A point may have a range, which is drawn as a bar.
//   - The claim is what the source of a figure says that it shows; see [Page], which puts figures and claims side by side.
//
// # Contract
//
// Equal figures give equal files. A figure that cannot be drawn is an error and leaves no file: one without points, with numbers that are none, or with values of zero or below on a logarithmic axis.
package figure
