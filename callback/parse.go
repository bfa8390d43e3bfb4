package callback

import (
	"errors"
	"fmt"
	"net/url"

	"github.com/dianjia/jushuitan-go/internal/receive"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

func parseBody[P any](body []byte, parse func([]byte) (*P, error)) (*P, error) {
	text := receive.Trim(body)
	if len(text) == 0 {
		return nil, fmt.Errorf("callback: %w: the body is empty", jushuitan.ErrRequest)
	}
	doc, err := document(text)
	if err != nil {
		return nil, fmt.Errorf("callback: %w: %w", jushuitan.ErrRequest, err)
	}
	return parse(doc)
}

// document is the JSON of a body: the body itself, or the biz of a form. The
// content type is not looked at, since no source says what the ERP sends.
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

func parseGoodsReturned(body []byte) (*jushuitan.GoodsReturnedPush, error) {
	p, err := jushuitan.ParseGoodsReturnedPush(body)
	if err == nil && !p.Action.Known() {
		return nil, ErrUnknownAction
	}
	return p, err
}
