module github.com/dianjia/jushuitan-go/internal/exprbench

go 1.26.0

require (
	github.com/PaesslerAG/gval v1.2.4
	github.com/casbin/govaluate v1.10.0
	github.com/dianjia/jushuitan-go v0.0.0
	github.com/expr-lang/expr v1.17.8
	github.com/shopspring/decimal v1.6.0
	github.com/stretchr/testify v1.12.1
)

require (
	github.com/go-json-experiment/json v1.27.2 // indirect
	github.com/google/go-querystring v1.2.0 // indirect
	github.com/hashicorp/go-cleanhttp v0.5.2 // indirect
	github.com/hashicorp/go-retryablehttp v0.7.8 // indirect
	go.yaml.in/yaml/v3 v3.0.5 // indirect
	golang.org/x/sync v0.25.0 // indirect
	golang.org/x/text v0.44.0 // indirect
	golang.org/x/time v0.15.0 // indirect
)

replace github.com/dianjia/jushuitan-go => ../..
