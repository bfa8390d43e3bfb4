package qimentest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"
	"net/url"
	"reflect"
	"strings"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/internal/xmlwire"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/qimen"
)

// forward forwards a call to its receiver and returns the answer. It continues if the caller
// disconnects, as a real gateway would.
func (x *exchange) forward(r *receiver) *answer {
	ctx, cancel := context.WithTimeout(x.s.host.Context(), x.s.cfg.timeout)
	defer cancel()
	req, err := x.message(ctx, r)
	if err != nil {
		return refuse(codeInvalid, "Invalid arguments:body")
	}
	client := &http.Client{
		Transport:     x.s.host.Transport,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
	resp, err := client.Do(req)
	if err != nil {
		return unreachable(err)
	}
	defer func() { _ = resp.Body.Close() }()
	text, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	switch {
	case err != nil:
		return unreachable(err)
	case resp.StatusCode != http.StatusOK, len(text) > maxBody, len(text) == 0:
		return remote("isp.remote-service-error", "the receiver's answer is not one")
	}
	a := &answer{raw: text, rawType: resp.Header.Get("Content-Type")}
	a.failed, a.code = verdictOf(text)
	return a
}

func unreachable(err error) *answer {
	if errors.Is(err, context.DeadlineExceeded) {
		return remote("isp.remote-service-timeout", "the receiver did not answer in time")
	}
	return remote("isp.remote-connection-error", "the receiver cannot be reached")
}

// message returns the request to a receiver, signed with its own secret.
func (x *exchange) message(ctx context.Context, r *receiver) (*http.Request, error) {
	p := map[string]string{
		"app_key": r.AppKey, "timestamp": x.s.Now().In(wire.CST).Format(wire.TimeLayout),
		"sign_method": string(r.SignMethod), "format": string(x.format),
	}
	maps.Copy(p, r.query)
	body, contentType := x.body, x.R.Header.Get("Content-Type")
	var form map[string]string
	if x.isCloud() {
		p["method"], p["request_id"] = x.method.Name, x.s.nextRequestID()
		p["source_appkey"], p["target_appkey"] = x.params["app_key"], r.AppKey
		if x.rec.Customer != "" {
			p["customerid"] = x.rec.Customer
		}
		if r.Form {
			form, contentType = x.business(), "application/x-www-form-urlencoded;charset=utf-8"
		} else {
			doc, err := document(x.business(), x.method.NewRequest())
			if err != nil {
				return nil, err
			}
			body, contentType = doc, "application/json;charset=utf-8"
		}
	} else {
		p["method"] = strings.TrimPrefix(x.method.Name, "taobao.qimen.")
		p["v"], p["customerId"] = x.params["v"], x.rec.Customer
	}
	signed := maps.Clone(p)
	maps.Copy(signed, form)
	sign, err := qimen.Sign(r.SignMethod, r.AppSecret, signed, body)
	if err != nil {
		return nil, err
	}
	p["sign"] = sign
	if form != nil {
		body = []byte(encode(form))
	}
	u := *r.url
	u.RawQuery = encode(p)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, u.String(), bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("Content-Type", contentType)
	return req, nil
}

func encode(params map[string]string) string {
	values := url.Values{}
	for name, v := range params {
		values.Set(name, v)
	}
	return values.Encode()
}

// verdictOf reads flag and code of a receiver's answer, for the records.
func verdictOf(text []byte) (failed bool, code string) {
	type verdict struct {
		Flag string `json:"flag" xml:"flag"`
		Code string `json:"code" xml:"code"`
	}
	var v verdict
	if text = bytes.TrimSpace(text); len(text) > 0 && text[0] == '<' {
		_, _ = (&xmlwire.Codec{}).Unmarshal(text, &v)
	} else {
		var roots map[string]jsontext.Value
		_ = wire.Unmarshal(text, &roots)
		for _, root := range roots {
			_ = wire.Unmarshal(root, &v)
		}
	}
	return !strings.EqualFold(v.Flag, "success"), v.Code
}

// document makes a JSON object of parameters: lists and objects among them are JSON
// text. like is the request's type or nil; a member that is text there stays text,
// and a list may also be separated by commas.
func document(params map[string]string, like any) ([]byte, error) {
	fields := map[string]reflect.Type{}
	if like != nil {
		t := reflect.TypeOf(like).Elem()
		for i := range t.NumField() {
			name, _, _ := strings.Cut(t.Field(i).Tag.Get("json"), ",")
			fields[name] = t.Field(i).Type
		}
	}
	members := map[string]jsontext.Value{}
	for name, v := range params {
		t := fields[name]
		text, err := jsontext.AppendQuote(nil, v)
		if err != nil {
			return nil, err
		}
		switch trimmed := strings.TrimSpace(v); {
		case t != nil && (t.Kind() == reflect.String || t == reflect.TypeFor[jushuitan.CommaList]()):
		case strings.HasPrefix(trimmed, "{") || strings.HasPrefix(trimmed, "["):
			if jsontext.Value(trimmed).IsValid() {
				text = []byte(trimmed)
			}
		case t != nil && t.Kind() == reflect.Slice && t.Elem().Kind() != reflect.Uint8:
			if text, err = wire.Marshal(strings.Split(trimmed, ",")); err != nil {
				return nil, err
			}
		}
		members[name] = text
	}
	return wire.Marshal(members)
}
