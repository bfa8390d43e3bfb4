package xmlwire_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/racetest"
	"github.com/dianjia/jushuitan-go/internal/xmlwire"
)

// equalReadings checks that a document is decoded the same with and without the shortcut
// for plain elements, including the position of an error and the number of tokens that
// count towards the limit.
func equalReadings(t *testing.T, c *xmlwire.Codec, data []byte) {
	t.Helper()
	var got, want request
	root, err := c.Unmarshal(data, &got)
	wantRoot, wantErr := c.UnmarshalByTokens(data, &want)
	require.Equal(t, wantErr, err, "%q", data)
	require.Equal(t, wantRoot, root, "%q", data)
	require.Equal(t, want, got, "%q", data)
}

var plainDocuments = []string{
	`<r><deliveryOrder><deliveryOrderCode>出库单</deliveryOrderCode><orderType/><createTime>2024-01-02 03:04:05</createTime></deliveryOrder></r>`,
	"<r>\n\t<deliveryOrder>\n\t\t<orderType>A</orderType >\n\t</deliveryOrder>\r\n<!-- c --><one>1</one><?xml v?></r>\n",
	`<r><orderLines><orderLine a="/"><orderLineNo>1</orderLineNo><planQty>x</planQty></orderLine><orderLine/></orderLines></r>`,
	`<r><extendProps><key1>a&amp;b</key1><key2></key2><key3><![CDATA[<]]>]]&gt;</key3></extendProps></r>`,
	`<r><raw><a><b>1</b></a>t</raw><x:one xmlns:x="u">1</x:one><deliveryOrder>text</deliveryOrder></r>`,
	"<r><deliveryOrder><orderType>a\rb\xef\xbf\xbe</orderType><deliveryOrderCode>\xff</deliveryOrderCode></deliveryOrder></r>",
	`<r><deliveryOrder><orderType><b/></orderType></deliveryOrder></r><r/>`,
	`<r><deliveryOrder><orderType>]]></orderType></deliveryOrder>`,
	`<r/><a>`, `<a></b>`, ``, `<`, `<r><a`,
}

func TestPlainElements(t *testing.T) {
	seed := rand.Uint64()
	random := rand.New(rand.NewPCG(seed, 0))
	t.Logf("seed %d", seed)
	for _, text := range plainDocuments {
		for at := range len(text) + 1 { // truncated
			equalReadings(t, &xmlwire.Codec{}, []byte(text[:at]))
		}
		for limit := range 30 {
			equalReadings(t, &xmlwire.Codec{Limits: xmlwire.Limits{Tokens: limit + 1}}, []byte(text))
			equalReadings(t, &xmlwire.Codec{Limits: xmlwire.Limits{Depth: limit%5 + 1}}, []byte(text))
		}
		if text == "" {
			continue
		}
		const bytes = "</> &;]![-?:\r\n\x00\x7f\x80\xef\xbfab1出\"'="
		for range racetest.Fewer(3_000) { // bytes inserted, removed and changed
			b := []byte(text)
			for range 1 + random.IntN(3) {
				at, c := random.IntN(len(b)), bytes[random.IntN(len(bytes))]
				switch random.IntN(3) {
				case 0:
					b[at] = c
				case 1:
					b = append(b[:at], append([]byte{c}, b[at:]...)...)
				default:
					b = append(b[:at], append([]byte(fmt.Sprintf("<%c>", c)), b[at:]...)...)
				}
			}
			equalReadings(t, &xmlwire.Codec{}, b)
		}
	}
}
