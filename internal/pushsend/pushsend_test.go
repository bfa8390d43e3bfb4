package pushsend_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/internal/pushsend"
	"github.com/dianjia/jushuitan-go/internal/pushsign"
)

// registered is a URL whose parameters stand in no order of their names.
const registered = "https://host/delivery_callback?storageCode=10101010&entId=9001"

func push() pushsend.Push {
	return pushsend.Push{URL: registered, Method: "logistics.upload", TS: time.Unix(1700000000, 0), Form: pushsend.Sorted, Body: []byte(`{"so_id":"1"}`)}
}

// TestForms: the signs of the own values, and of the public vector.
func TestForms(t *testing.T) {
	for form, want := range map[pushsend.Form]string{
		pushsend.TimeOnly:       "0c05cdecefc5bf7ca59d46a74922da2a", // logistics.uploaderpts1700000000erp
		pushsend.Sorted:         "47bca78b4cd5a8a32400dce0bb8cb38e", // logistics.uploaderpentId9001storageCode10101010ts1700000000erp
		pushsend.ArrivalTSFirst: pushsign.Of("logistics.upload", [][2]string{{"ts", "1700000000"}, {"storageCode", "10101010"}, {"entId", "9001"}}),
		pushsend.Arrival:        pushsign.Of("logistics.upload", [][2]string{{"storageCode", "10101010"}, {"entId", "9001"}, {"ts", "1700000000"}}),
		pushsend.Unsigned:       "",
	} {
		t.Run(string(form), func(t *testing.T) {
			p := push()
			p.Form = form
			req, err := p.Request(t.Context())
			require.NoError(t, err)
			q := req.URL.Query()
			assert.Equal(t, want, q.Get("sign"))
			assert.Equal(t, form != pushsend.Unsigned, q.Has("sign"))
			if form != pushsend.Unsigned {
				name, ok := pushsign.Valid("logistics.upload", req.URL.RawQuery, q.Get("sign"))
				assert.True(t, ok)
				assert.Equal(t, string(form), name)
			}
		})
	}
	p := pushsend.Push{URL: "/?type=cancelOrder", Method: "cancel.order", TS: time.Unix(1547048796, 0), Form: pushsend.ArrivalTSFirst}
	req, err := p.Request(t.Context())
	require.NoError(t, err)
	assert.Equal(t, "type=cancelOrder&ts=1547048796&partnerid=erp&method=cancel.order&sign=6be7466d0b6a89b9c12cf04a2a1e356c", req.URL.RawQuery)
}

func TestRequest(t *testing.T) {
	const own = "ts=1700000000&partnerid=erp&method=logistics.upload"
	for name, tt := range map[string]struct {
		url, query string
		want       string
	}{
		"registered":        {registered, "", "storageCode=10101010&entId=9001&" + own},
		"more of the query": {registered, "token=a%20b", "storageCode=10101010&entId=9001&token=a%20b&" + own},
		"nothing else":      {"https://host/delivery_callback", "", own},
		"query apart":       {"https://host/delivery_callback", "entId=9001", "entId=9001&" + own},
		"empty query":       {"https://host/delivery_callback?", "", own},
		"path alone":        {"/delivery_callback?entId=1", "", "entId=1&" + own},
		"escaped its way":   {"https://host/delivery_callback?entId=%e5%95%86+%41", "", "entId=%e5%95%86+%41&" + own},
		"own stands there":  {"https://host/delivery_callback?ts=1", "", "ts=1&" + own},
		"fragment":          {"https://host/delivery_callback?entId=1#x", "", "entId=1&" + own},
	} {
		t.Run(name, func(t *testing.T) {
			p := push()
			p.URL, p.Query, p.Form = tt.url, tt.query, pushsend.Unsigned
			req, err := p.Request(t.Context())
			require.NoError(t, err)
			assert.Equal(t, tt.want, req.URL.RawQuery)
			assert.Equal(t, "/delivery_callback", req.URL.Path)
			assert.Equal(t, http.MethodPost, req.Method)
			assert.Equal(t, "application/json; charset=utf-8", req.Header.Get("Content-Type"))
			body, err := io.ReadAll(req.Body)
			require.NoError(t, err)
			assert.Equal(t, `{"so_id":"1"}`, string(body))
		})
	}
	t.Run("form", func(t *testing.T) {
		p := push()
		p.Biz = true
		req, err := p.Request(t.Context())
		require.NoError(t, err)
		require.NoError(t, req.ParseForm())
		assert.Equal(t, url.Values{"biz": {`{"so_id":"1"}`}}, req.PostForm)
	})
	for name, change := range map[string]func(*pushsend.Push){
		"no URL":            func(p *pushsend.Push) { p.URL = "%zz?token=CANARY" },
		"no query":          func(p *pushsend.Push) { p.Query = "token=CANARY%zz" },
		"no scheme":         func(p *pushsend.Push) { p.URL = "https://ho st/?token=CANARY" },
		"no known form":     func(p *pushsend.Push) { p.Form, p.Query = "Checksum(9)", "token=CANARY" },
		"no form":           func(p *pushsend.Push) { p.Form = "" },
		"no query, no sign": func(p *pushsend.Push) { p.URL, p.Form = "https://host:x/?token=CANARY", pushsend.Unsigned },
	} {
		t.Run(name, func(t *testing.T) {
			p := push()
			change(&p)
			_, err := p.Request(t.Context())
			require.Error(t, err)
			assert.NotContains(t, err.Error(), "CANARY")
		})
	}
}

func TestRead(t *testing.T) {
	for body, want := range map[string]struct {
		code string
		ok   bool
	}{
		`{"code":"0","msg":"执行成功"}`: {"0", true},
		`{"code":0}`:                {"0", true},
		`{"code":"-1"}`:             {"-1", false},
		`{"code":-1}`:               {"-1", false},
		`{"code":null}`:             {"", false},
		`{"Code":"0"}`:              {"", false},
		`{"code":{"a":1}}`:          {"", false},
		`{"msg":"x"}`:               {"", false},
		`[]`:                        {"", false},
		`<html>`:                    {"", false},
		``:                          {"", false},
	} {
		r := pushsend.Read(200, []byte(body))
		assert.Equal(t, want.code, r.Code, body)
		assert.Equal(t, want.ok, r.OK(), body)
		assert.Equal(t, body, string(r.Body))
		assert.False(t, pushsend.Read(500, []byte(body)).OK(), body)
	}
}

func TestDo(t *testing.T) {
	calls := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		calls++
		switch req.URL.Path {
		case "/moved":
			http.Redirect(w, req, "/taken", http.StatusTemporaryRedirect)
		case "/cut":
			w.Header().Set("Content-Length", "100")
			_, _ = io.WriteString(w, `{"code":"0"`)
		case "/long":
			_, _ = io.WriteString(w, `{"code":"0"}`+strings.Repeat(" ", 2<<20))
		default:
			_, _ = io.WriteString(w, `{"code":"0"}`)
		}
	}))
	defer server.Close()
	client := pushsend.Client(server.Client().Transport, time.Minute)
	send := func(ctx context.Context, address string) (pushsend.Reply, error) {
		p := push()
		p.URL = address + "?token=CANARY"
		req, err := p.Request(ctx)
		require.NoError(t, err)
		return pushsend.Do(client, req)
	}

	r, err := send(t.Context(), server.URL+"/taken")
	require.NoError(t, err)
	assert.Equal(t, pushsend.Reply{Status: 200, Code: "0", Body: []byte(`{"code":"0"}`)}, r)

	calls = 0
	r, err = send(t.Context(), server.URL+"/moved")
	require.NoError(t, err)
	assert.Equal(t, http.StatusTemporaryRedirect, r.Status)
	assert.False(t, r.OK())
	assert.Equal(t, 1, calls, "not followed")

	r, err = send(t.Context(), server.URL+"/cut")
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	assert.Equal(t, pushsend.Reply{Status: 200}, r)

	r, err = send(t.Context(), server.URL+"/long")
	require.NoError(t, err)
	assert.Len(t, r.Body, 1<<20)

	ended, end := context.WithCancelCause(t.Context())
	gone := errors.New("gone")
	end(gone)
	for _, address := range []string{server.URL + "/taken", "http://127.0.0.1:1/"} {
		r, err = send(ended, address)
		require.ErrorIs(t, err, gone)
		assert.Zero(t, r)
		assert.NotContains(t, err.Error(), "CANARY")
	}
}

// FuzzRequest: every URL that makes a request makes one whose sign is right, and
// keeps what was registered.
func FuzzRequest(f *testing.F) {
	f.Add(registered, "", "logistics.upload", int64(1700000000))
	f.Add("/?type=cancelOrder", "token=x&&=", "cancel.order", int64(1547048796))
	f.Add("https://host?a=%zz", "b=1;c", "a&sign=b", int64(-1))
	f.Fuzz(func(t *testing.T, address, query, method string, ts int64) {
		for _, form := range []pushsend.Form{pushsend.Sorted, pushsend.TimeOnly, pushsend.ArrivalTSFirst, pushsend.Arrival} {
			p := pushsend.Push{URL: address, Query: query, Method: method, TS: time.Unix(ts, 0), Form: form}
			req, err := p.Request(t.Context())
			if err != nil {
				continue
			}
			raw := req.URL.RawQuery
			at := strings.LastIndex(raw, "&sign=")
			require.Positive(t, at)
			_, ok := pushsign.Valid(method, raw, raw[at+len("&sign="):])
			assert.True(t, ok)
			assert.Contains(t, raw, query)
			u, err := url.Parse(address)
			require.NoError(t, err)
			assert.True(t, strings.HasPrefix(raw, u.RawQuery))
		}
	})
}
