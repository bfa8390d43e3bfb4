package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/dianjia/jushuitan-go/examples/internal/file"
)

// fixture describes a scrubbed answer, as the index of the project's corpus does.
type fixture struct {
	ID       string            `json:"id"`
	Files    []string          `json:"files"`
	Kind     string            `json:"kind"`
	Target   string            `json:"target"`
	Oddity   string            `json:"oddity"`
	Source   string            `json:"source"`
	Request  json.RawMessage   `json:"request,omitempty"`
	HTTP     fixtureHTTP       `json:"http"`
	MustRead map[string]string `json:"must_read"`
	MustFail *fixtureFailure   `json:"must_fail,omitempty"`
}

type fixtureHTTP struct {
	Status      int    `json:"status"`
	ContentType string `json:"content_type,omitempty"`
}

type fixtureFailure struct {
	Class string `json:"class"`
	Code  string `json:"code"`
}

// fixtureKind is the kind of the answers in the corpus, and their directory.
const fixtureKind = "jushuitan-answer"

// fixtures are scrubbed answers and their index.
type fixtures struct {
	index []*fixture
	files map[string][]byte
	left  int // answers that are not JSON: they cannot be scrubbed member by member
}

// makeFixtures scrubs the answers of all operations, each answer once.
func makeFixtures(results []*result, key []byte) (*fixtures, error) {
	s := newScrubber(key)
	for _, r := range results {
		for i, a := range r.answers {
			s.learn(a.Body)
			if text, err := json.Marshal(r.sent[i]); err == nil {
				s.learn(text)
			}
		}
	}
	out := &fixtures{files: map[string][]byte{}}
	for _, r := range results {
		for i, a := range r.answers {
			body, ok := s.scrub(r.op, a.Body)
			if !ok {
				out.left++
				continue
			}
			name := fmt.Sprintf("%s/%s-%d.json", fixtureKind, r.Name, i+1)
			biz, err := json.Marshal(r.sent[i])
			if err != nil {
				return nil, err
			}
			request, _ := s.scrub(r.op, biz)
			out.files[name] = body
			out.index = append(out.index, r.fixture(name, a, body, request))
		}
	}
	return out, nil
}

func (r *result) fixture(name string, a *answer, body, request []byte) *fixture {
	var oddity []string
	for _, f := range inspect(r.op, a).sorted() {
		oddity = append(oddity, f.String())
	}
	f := &fixture{
		ID: name, Files: []string{name}, Kind: fixtureKind, Target: r.Path, Oddity: strings.Join(oddity, "; "),
		Source: "an account's answer, scrubbed by examples/verify", Request: request,
		HTTP: fixtureHTTP{Status: a.Status, ContentType: a.ContentType}, MustRead: map[string]string{},
	}
	if len(request) == 0 || string(request) == "null" {
		f.Request = nil
	}
	if a.Status == http.StatusOK {
		f.HTTP.Status = 0
	}
	text, _, _ := plain(body)
	var root map[string]any
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	if dec.Decode(&root) != nil {
		return f
	}
	if code := fmt.Sprint(root["code"]); root["code"] != nil && code != "0" {
		f.MustFail = &fixtureFailure{Class: "any error", Code: code}
		return f
	}
	if r.op.Rows != "" && r.op.Payload != "" {
		for i, row := range locate(r.op, root, r.op.Payload).rows {
			o, _ := row.(map[string]any)
			for _, key := range r.op.Key {
				if v := memberOf(o, key); v != nil && v != "" {
					f.MustRead[fmt.Sprintf("%s[%d].%s", r.op.Rows, i, key)] = fmt.Sprint(v)
				}
			}
		}
	}
	return f
}

// write writes the files, readable by their owner only.
func (f *fixtures) write(dir string) error {
	if err := os.MkdirAll(filepath.Join(dir, fixtureKind), 0o700); err != nil {
		return err
	}
	var index bytes.Buffer
	enc := json.NewEncoder(&index)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", " ")
	errs := []error{enc.Encode(map[string]any{"payloads": f.index})}
	for name, body := range f.files {
		errs = append(errs, file.Replace(filepath.Join(dir, filepath.FromSlash(name)), body))
	}
	return errors.Join(append(errs, file.Replace(filepath.Join(dir, "index.json"), index.Bytes()))...)
}
