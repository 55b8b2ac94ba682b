package afc_test

import (
	"fmt"

	"spinglass/astrolabe/afc"
	"spinglass/table"
)

func Example() {
	program, err := afc.Compile(`SELECT SUM(nmembers) AS nmembers, AVG(load, nmembers) AS load, FIRST(2, contacts ORDER BY load) AS contacts WHERE load < 0.9`, afc.Limits{})
	if err != nil {
		fmt.Println(err)
		return
	}
	zone := func(id string, members int64, load float64, contact string) *afc.Row {
		return afc.NewRow(id, []afc.Attribute{
			{Name: "nmembers", Value: table.Int(members)}, {Name: "load", Value: table.Float(load)}, {Name: "contacts", Value: table.List(table.String(contact))},
		}, nil)
	}
	rows := []*afc.Row{zone("ams", 10, 0.5, "ams-1"), zone("fra", 30, 0.25, "fra-7"), zone("lon", 5, 0.95, "lon-2")}
	outputs, err := afc.NewEvaluator(program).Evaluate(rows, afc.Seed("/eu", 17), nil)
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, name := range program.Outputs() {
		fmt.Println(name, outputs[i])
	}
	// Output:
	// nmembers 40
	// load 0.3125
	// contacts [fra-7, ams-1]
}

func ExampleCompile_error() {
	_, err := afc.Compile("SELECT load AS load", afc.Limits{})
	fmt.Println(err)
	// Output:
	// line 1, column 8: attribute load outside an aggregate: an output is of all rows; write MAX(load), FIRST(1, load) or the like
}

func ExampleProgram_Warnings() {
	program, _ := afc.Compile("SELECT AVG(load) AS load", afc.Limits{})
	for _, warning := range program.Warnings() {
		fmt.Println(warning.Message)
	}
	// Output:
	// AVG without a weight counts every row alike, a zone of one member as much as one of many: write AVG(load, nmembers)
}
