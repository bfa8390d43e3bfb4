package callback

import (
	"errors"
	"net/url"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// document returns the JSON of a body: the body itself, or the biz of a form. It
// ignores the content type, since the ERP's is not documented.
func document(text []byte) ([]byte, error) {
	if text[0] == '{' || text[0] == '[' {
		return text, nil
	}
	form, err := url.ParseQuery(string(text))
	if err != nil || len(form["biz"]) != 1 {
		return nil, errors.New("the body is neither JSON nor a form with one biz")
	}
	return []byte(form.Get("biz")), nil
}

// knownAction refuses returned goods with an action that is unknown.
func knownAction(parse func([]byte) (*jushuitan.GoodsReturnedPush, error)) func([]byte) (*jushuitan.GoodsReturnedPush, error) {
	return func(body []byte) (*jushuitan.GoodsReturnedPush, error) {
		p, err := parse(body)
		if err == nil && !p.Action.Known() {
			return nil, ErrUnknownAction
		}
		return p, err
	}
}
