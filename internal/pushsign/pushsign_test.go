package pushsign_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/pushsign"
)

// own is a query with the parameters of a registered URL.
const own = "entId=9001&storageCode=10101010&ts=1700000000&partnerid=erp&method=logistics.upload"

const (
	signTS           = "0c05cdecefc5bf7ca59d46a74922da2a" // logistics.uploaderpts1700000000erp
	signSorted       = "47bca78b4cd5a8a32400dce0bb8cb38e" // logistics.uploaderpentId9001storageCode10101010ts1700000000erp
	signArrivalFirst = "185d3cf1a4ac392e763830a8d67e1364" // logistics.uploaderpts1700000000entId9001storageCode10101010erp

	signPublic = "6be7466d0b6a89b9c12cf04a2a1e356c" // cancel.ordererpts1547048796typecancelOrdererp
)

func TestVectors(t *testing.T) {
	query, err := url.ParseQuery(own)
	require.NoError(t, err)
	assert.Equal(t, signTS, pushsign.TimeOnly("logistics.upload", query))
	assert.Equal(t, signSorted, pushsign.Sorted("logistics.upload", query))
	assert.Equal(t, signArrivalFirst, pushsign.Arrival("logistics.upload", own, true))
	assert.Equal(t, signSorted, pushsign.Arrival("logistics.upload", own, false), "own arrives in the order of the names")

	public := "ts=1547048796&partnerid=erp&method=cancel.order&type=cancelOrder"
	query, err = url.ParseQuery(public)
	require.NoError(t, err)
	assert.Equal(t, signPublic, pushsign.Sorted("cancel.order", query))
	assert.Equal(t, signPublic, pushsign.Arrival("cancel.order", public, true))
	assert.Equal(t, signPublic, pushsign.Arrival("cancel.order", public, false))
	assert.NotEqual(t, signPublic, pushsign.TimeOnly("cancel.order", query), "type is signed in the public vector")
	assert.Equal(t, signPublic, pushsign.Of("cancel.order", [][2]string{
		{"sign", "x"}, {"ts", "1547048796"}, {"method", "x"}, {"partnerid", "x"}, {"partnerkey", "x"}, {"type", "cancelOrder"},
	}), "four parameters take no part")
	assert.NotEqual(t, signPublic, pushsign.Of("cancel.order", [][2]string{{"type", "cancelOrder"}, {"ts", "1547048796"}}),
		"the order matters")
}

func TestValid(t *testing.T) {
	// Arrival order differs from all others only if ts is neither first nor in its
	// place by name.
	reversed := "ts=1700000000&storageCode=10101010&entId=9001"
	chinese := "entId=%E5%95%86+%E5%AE%B6&ts=1700000000"
	tests := map[string]struct {
		method, query, sign string
		form                string // "": refused
	}{
		"public vector":          {"cancel.order", "ts=1547048796&partnerid=erp&method=cancel.order&type=cancelOrder&sign=" + signPublic, signPublic, "sorted"},
		"ts alone":               {"logistics.upload", own, signTS, "ts"},
		"sorted":                 {"logistics.upload", own, signSorted, "sorted"},
		"arrival, ts first":      {"logistics.upload", own, signArrivalFirst, "arrival-ts-first"},
		"arrival":                {"m", "storageCode=2&ts=1&entId=1", pushsign.Of("m", [][2]string{{"storageCode", "2"}, {"ts", "1"}, {"entId", "1"}}), "arrival"},
		"sorted, other arrival":  {"logistics.upload", reversed, signSorted, "sorted"},
		"upper case":             {"logistics.upload", own, strings.ToUpper(signSorted), "sorted"},
		"escaped values":         {"m", chinese, pushsign.Of("m", [][2]string{{"entId", "商 家"}, {"ts", "1700000000"}}), "sorted"},
		"nothing but the method": {"m", "", pushsign.Of("m", nil), "sorted"},
		"other method":           {"cancel.order", own, signSorted, ""},
		"other value":            {"logistics.upload", strings.Replace(own, "9001", "9002", 1), signSorted, ""},
		"other ts":               {"logistics.upload", strings.Replace(own, "1700000000", "1700000001", 1), signTS, ""},
		"empty":                  {"logistics.upload", own, "", ""},
		"cut":                    {"logistics.upload", own, signSorted[:31], ""},
		"too long":               {"logistics.upload", own, signSorted + "0", ""},
		"of another key":         {"logistics.upload", own, "a7ff9f6c2d2cbdf1c6b4b2a2c1a1c0de", ""},
		"query not readable":     {"m", "ts=1;x=%zz", pushsign.Of("m", nil), ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			form, ok := pushsign.Valid(tt.method, tt.query, tt.sign)
			assert.Equal(t, tt.form, form)
			assert.Equal(t, tt.form != "", ok)
		})
	}
}

// FuzzChecksum: whatever was signed is found valid, and not with one digit
// changed.
func FuzzChecksum(f *testing.F) {
	f.Add("logistics.upload", own)
	f.Add("cancel.order", "ts=1547048796&partnerid=erp&method=cancel.order&type=cancelOrder")
	f.Add("", "")
	f.Add("m", "=1&&a&a=%41&sign=x")
	f.Add("m", "a;b=%zz")
	f.Fuzz(func(t *testing.T, method, raw string) {
		query, err := url.ParseQuery(raw)
		if err != nil {
			_, ok := pushsign.Valid(method, raw, strings.Repeat("0", 32))
			require.False(t, ok)
			return
		}
		signs := map[string]bool{
			pushsign.TimeOnly(method, query):       true,
			pushsign.Sorted(method, query):         true,
			pushsign.Arrival(method, raw, true):    true,
			pushsign.Arrival(method, raw, false):   true,
			pushsign.Of(method+"x", [][2]string{}): false,
		}
		for sign, want := range signs {
			require.Len(t, sign, 32)
			require.Equal(t, strings.ToLower(sign), sign)
			form, ok := pushsign.Valid(method, raw, sign)
			require.Equal(t, want, ok)
			require.Equal(t, want, form != "")
			last := "0"
			if strings.HasSuffix(sign, "0") {
				last = "1"
			}
			if other := sign[:31] + last; !signs[other] {
				_, ok = pushsign.Valid(method, raw, other)
				require.False(t, ok)
			}
		}
	})
}
