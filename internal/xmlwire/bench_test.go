package xmlwire_test

import (
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"strconv"
	"testing"
	"time"

	"github.com/shopspring/decimal"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/internal/xmlwire"
)

// bare is what a program that uses only encoding/xml would write for the same document.
type bare struct {
	XMLName xml.Name  `xml:"request"`
	Order   *bareHead `xml:"deliveryOrder"`
	Lines   []struct {
		No      string `xml:"orderLineNo,omitempty"`
		PlanQty string `xml:"planQty"`
		Batchs  []struct {
			Code    string `xml:"batchCode,omitempty"`
			Expires string `xml:"expireDate,omitempty"`
		} `xml:"batchs>batch"`
		SNs      []string `xml:"snList>sn"`
		Priority int64    `xml:"priority,omitempty"`
	} `xml:"orderLines>orderLine"`
}

type bareHead struct {
	Code   string `xml:"deliveryOrderCode"`
	Type   string `xml:"orderType,omitempty"`
	Time   string `xml:"createTime,omitempty"`
	Urgent bool   `xml:"isUrgency,omitempty"`
}

func document(lines int) *request {
	r := &request{Order: &head{Code: "SO20240102030405", Type: "JYCK", Time: time.Date(2024, 1, 2, 3, 4, 5, 0, wire.CST), Urgent: true}}
	for i := range lines {
		r.Lines = append(r.Lines, line{
			No: strconv.Itoa(i), PlanQty: decimal.New(int64(i+1), 0), Priority: int64(i%3 + 1), SNs: []string{"sn-" + strconv.Itoa(i)},
			Batchs: []batch{{Code: "B" + strconv.Itoa(i), Expires: time.Date(2026, 1, 2, 0, 0, 0, 0, wire.CST)}},
		})
	}
	return r
}

// BenchmarkUnmarshal decodes a document of 100 lines and computes its MD5, as verifying a
// request requires, with this package and with encoding/xml alone (which leaves numbers and
// times as text).
func BenchmarkUnmarshal(b *testing.B) {
	c := &xmlwire.Codec{}
	text, err := c.Marshal("request", document(100))
	require.NoError(b, err)
	var sum [md5.Size]byte
	ours := func() {
		sum = md5.Sum(text)
		var r request
		if _, err := c.Unmarshal(text, &r); err != nil || len(r.Lines) != 100 {
			b.Fatal(err)
		}
	}
	theirs := func() {
		sum = md5.Sum(text)
		var r bare
		if err := xml.Unmarshal(text, &r); err != nil || len(r.Lines) != 100 {
			b.Fatal(err)
		}
	}
	compare(b, len(text), ours, theirs)
	_ = hex.EncodeToString(sum[:])
}

// BenchmarkMarshal encodes the same document and computes its MD5.
func BenchmarkMarshal(b *testing.B) {
	c := &xmlwire.Codec{}
	doc := document(100)
	text, err := c.Marshal("request", doc)
	require.NoError(b, err)
	var other bare
	require.NoError(b, xml.Unmarshal(text, &other))
	var sum [md5.Size]byte
	ours := func() {
		out, err := c.Marshal("request", doc)
		if err != nil {
			b.Fatal(err)
		}
		sum = md5.Sum(out)
	}
	theirs := func() {
		out, err := xml.Marshal(&other)
		if err != nil {
			b.Fatal(err)
		}
		sum = md5.Sum(out)
	}
	compare(b, len(text), ours, theirs)
	_ = hex.EncodeToString(sum[:])
}

// compare runs both alternately in one loop, so that disturbances of the machine affect
// both, and reports how many times as fast ours is.
func compare(b *testing.B, size int, ours, theirs func()) {
	b.SetBytes(int64(size))
	b.ReportAllocs()
	var a, o time.Duration
	for b.Loop() {
		begin := time.Now()
		ours()
		mid := time.Now()
		theirs()
		a += mid.Sub(begin)
		o += time.Since(mid)
	}
	b.ReportMetric(float64(o)/float64(a), "x_encoding/xml")
}
