module spinglass

go 1.26
