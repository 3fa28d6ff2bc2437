module github.com/sidelite/sidelite/examples/go

go 1.23

require github.com/sidelite/sidelite/bindings/go v0.0.0

replace github.com/sidelite/sidelite/bindings/go => ../../bindings/go
