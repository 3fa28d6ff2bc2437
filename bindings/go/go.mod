module github.com/sidelite/sidelite/bindings/go

go 1.23
