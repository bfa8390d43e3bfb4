package qimen

import (
	"crypto/subtle"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
)

// maxParams limits the parameters of a query or form; documented messages have fewer
// than a hundred.
const maxParams = 2_000

// inbound is the signed part of a request.
type inbound struct {
	params map[string]string // query and form, with sign
	signed map[string]string // the same, and the headers of top-sign-list
	body   []byte            // nil for a form
}

// readParams adds the parameters of a query or a form. Duplicate names are refused,
// since parsers disagree which of them counts.
func (in *inbound) readParams(raw, what string) error {
	if strings.Count(raw, "&") >= maxParams {
		return fmt.Errorf("the %s has more than %d parameters", what, maxParams)
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return fmt.Errorf("invalid %s", what) // the cause would show the text
	}
	for name, all := range values {
		if _, twice := in.params[name]; twice || len(all) > 1 {
			return fmt.Errorf("duplicate parameter, the second one in the %s", what)
		}
		in.params[name], in.signed[name] = all[0], all[0]
	}
	return nil
}

// signList is the header that names the other headers which are signed.
const signList = "Top-Sign-List"

// readHeaders adds the headers that are signed.
func (in *inbound) readHeaders(h http.Header) error {
	lists := h.Values(signList)
	if len(lists) > 1 {
		return errors.New("duplicate header top-sign-list")
	}
	if len(lists) == 0 {
		return nil
	}
	if strings.Count(lists[0], ",") >= maxParams {
		return fmt.Errorf("the header top-sign-list has more than %d names", maxParams)
	}
	for name := range strings.SplitSeq(lists[0], ",") {
		if name = strings.TrimSpace(name); name == "" {
			continue
		}
		value := ""
		switch all := h.Values(name); len(all) {
		case 0:
		case 1:
			var err error
			if value, err = url.QueryUnescape(all[0]); err != nil {
				return errors.New("a header of top-sign-list cannot be decoded")
			}
		default:
			return errors.New("duplicate header of top-sign-list")
		}
		if _, twice := in.signed[name]; twice {
			return errors.New("top-sign-list names a parameter, or a header twice")
		}
		in.signed[name] = value
	}
	return nil
}

// verify checks the signature with each of the secrets, and with every rule for parameters
// without a value: the gateway signs them, clients leave them out. It returns the signature in
// upper case.
func (in *inbound) verify(secrets []string, allowed func(SignMethod) bool) (string, error) {
	got := in.params["sign"]
	if got == "" {
		return "", errors.New("the parameter sign is missing")
	}
	method := SignMethod(strings.ToLower(in.params["sign_method"]))
	if method == "" {
		method = MD5
	}
	if !allowed(method) {
		return "", errors.New("the sign_method is not accepted")
	}
	got = strings.ToUpper(got)
	rules := []func(string) bool{isBlank}
	for _, v := range in.signed {
		if isBlank(v) {
			rules = append(rules, omitsNone, omitsEmpty)
			break
		}
	}
	tried := false
	for _, secret := range secrets {
		if secret == "" { // anyone could sign with it
			continue
		}
		tried = true
		for _, omits := range rules {
			want, err := sign(method, secret, in.signed, in.body, omits)
			if err != nil {
				return "", err
			}
			if subtle.ConstantTimeCompare([]byte(want), []byte(got)) == 1 {
				return got, nil
			}
		}
	}
	if !tried {
		return "", errors.New("there is no secret for the app key")
	}
	return "", errors.New("it was not computed with a secret of the app")
}

// isSystemParam reports whether a parameter is the gateway's, not the method's.
func isSystemParam(name string) bool {
	switch name {
	case "method", "app_key", "timestamp", "v", "format", "sign", "sign_method", "session", "partner_id", "simplify",
		"target_app_key", "target_appkey", "source_appkey", "request_id":
		return true
	}
	return isRoutingParam(name)
}

func isRoutingParam(name string) bool {
	return name == "customerId" || name == "customer_id" || name == "customerid"
}

// customer returns the value of the routing parameter, in any of its spellings.
func (in *inbound) customer() (string, error) {
	id := ""
	for _, name := range [...]string{"customerId", "customer_id", "customerid"} {
		v := in.params[name]
		if id != "" && v != "" && v != id {
			return "", errors.New("the message names two customers")
		}
		id = first(id, v)
	}
	return id, nil
}

// business returns the method's parameters.
func (in *inbound) business() map[string]string {
	out := map[string]string{}
	for name, v := range in.params {
		if name != "" && !isSystemParam(name) {
			out[name] = v
		}
	}
	return out
}
