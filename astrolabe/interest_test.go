package astrolabe

import (
	"bytes"
	"testing"

	"spinglass/gravity"
	"spinglass/membership"
	"spinglass/protocol"
	"spinglass/table"
)

func rated(owner protocol.NodeID, topics []uint64, ratings []gravity.Rating) *table.Row {
	return &table.Row{Owner: owner, Name: "/eu/a", Attributes: []protocol.Attribute{
		{Name: membership.TopicsAttribute, Value: gravity.AppendInterest(nil, topics, ratings)},
	}}
}

// "A zone wants p iff u(p) < the maximum rating in it": whatever its hosts and child zones are, of this build and of older ones.
func TestZonesHaveTheHighestRatings(t *testing.T) {
	const prices, orders, plain = 0x1122334455667788, 0x99aabbccddeeff00, 0x4242424242424242
	leaf := summarize([]input{
		{row: rated(1, []uint64{prices, orders}, []gravity.Rating{6554, gravity.All}), host: true},
		{row: rated(2, []uint64{prices}, []gravity.Rating{1000}), host: true},
	}, 2, 3, nil)
	if got := leaf.Interest.Rating(prices); got < 6554 || got > 6554+257 {
		t.Errorf("the zone's rating is %v", got)
	}
	if leaf.Interest.Rating(orders) != gravity.All || leaf.Interest.Rating(plain) != 0 {
		t.Error("a zone of a subscriber without rating has another rating than 1, or one that nobody wants has one")
	}
	// A row says the same, and so does the sum with a zone of an older build.
	row := &table.Row{Name: "/eu", Attributes: leaf.attributes()}
	if SketchOf(row) != *leaf.Interest {
		t.Error("the row does not say what the summary does")
	}
	var other protocol.Interest
	other.Add(plain)
	old := &table.Row{Name: "/us", Attributes: []protocol.Attribute{{Name: AttributeInterest, Value: encode(table.Bitmap(other[:]))}}}
	root := summarize([]input{{row: row}, {row: old}}, 2, 3, nil)
	if got := root.Interest.Rating(prices); got < 6554 || got > 6554+257 || root.Interest.Rating(plain) != gravity.All {
		t.Errorf("above, the ratings are %v and %v", got, root.Interest.Rating(plain))
	}
	// Views get the bytes that package bimodal reads.
	if v, _ := attribute(row, AttributeInterest).Bytes(); !bytes.Equal(v, leaf.Interest.Append(nil)) {
		t.Error("a view is told something else")
	}
	// Where all ratings are 1 the row is as it was before there were any.
	whole := summarize([]input{{row: rated(1, []uint64{prices, orders}, nil), host: true}}, 1, 3, nil)
	if v, _ := attribute(&table.Row{Attributes: whole.attributes()}, AttributeInterest).Bytes(); len(v) > len(protocol.Interest{}) {
		t.Errorf("%d bytes of interest without ratings", len(v))
	}
}
