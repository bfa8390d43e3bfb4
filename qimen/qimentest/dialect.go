package qimentest

import (
	"errors"
	"slices"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/qimen"
)

// Guess is the Source of a dialect that no public source shows, and none excludes.
const Guess = "guess"

// Dialect is one variant of how a gateway may answer. [Dialects] returns those that a public
// source shows: a client must work correctly under each. [Guesses] returns those that no source
// excludes: a client must not take such an answer for a success that it does not state, nor for
// an empty page.
type Dialect struct {
	Name   string
	Source string // the public source that shows it, or [Guess]
	EN, ZH string // description in one line

	shape shape
	ban   bool // some calls are refused with a ban, before they are carried out
	page  bool // some queries are answered with a page, before they are carried out
}

// The sources of dialects.
const (
	fromSDK      = "official Java SDK of 2019 (github yangmengxiao66/QIMENSDK lib/)"
	fromTOPCodes = "error codes of the open platform (45854040801)"
	fromWMS      = "warehouse systems on .NET (github guangxb/LkApps)"
	fromPractice = "reports of integrations"
)

// Dialects returns the dialects that public sources show.
func Dialects() []Dialect {
	return []Dialect{
		{Name: "sub_message", Source: fromSDK, EN: "the second text of a refusal is sub_message", ZH: "拒绝的子消息名为 sub_message", shape: shape{subMessage: true}},
		{Name: "json2", Source: fromSDK, EN: "JSON answers have no wrapper", ZH: "JSON 应答没有外层 response", shape: shape{bare: true}},
		{Name: "gbk", Source: fromWMS, EN: "answers are in GBK, which XML and the Content-Type declare", ZH: "应答为 GBK 编码", shape: shape{gbk: true}},
		{Name: "ban", Source: fromTOPCodes, EN: "every fifth call is refused with a ban of a second, stated in message", ZH: "每五次调用有一次被限流一秒，时长写在 message 中", ban: true},
		{Name: "page", Source: fromPractice, EN: "every third query is answered with a page", ZH: "每三次查询有一次返回网页", page: true},
	}
}

// Guesses returns the dialects that no public source shows or excludes.
func Guesses() []Dialect {
	return []Dialect{
		{Name: "verdict-less", Source: Guess, EN: "answers have neither flag nor code", ZH: "应答没有 flag 与 code", shape: shape{silent: true}},
		{Name: "nested", Source: Guess, EN: "answers are one level deeper, refusals inside a success", ZH: "应答多嵌套一层，拒绝包在成功之内", shape: shape{nested: true}},
	}
}

// spoken is a dialect in use.
type spoken struct {
	Dialect
	method string // "" is every one
	calls  int
}

// WithDialect makes the server speak the dialects from the beginning, for all methods.
func WithDialect(dialects ...Dialect) Option {
	return func(c *config) error {
		for _, d := range dialects {
			if d.Name == "" || d.Source == "" {
				return errors.New("WithDialect: a dialect needs a name and a source")
			}
		}
		c.dialects = append(slices.Clone(c.dialects), dialects...)
		return nil
	}
}

// Speak makes the server speak the dialects for a method until undo is called, in addition to
// those it speaks already; "" means all methods.
func (s *Server) Speak(method string, dialects ...Dialect) (undo func()) {
	if m, ok := qimen.LookupMethod(method); ok {
		method = m.Name
	}
	added := make([]*spoken, len(dialects))
	for i, d := range dialects {
		added[i] = &spoken{Dialect: d, method: method}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.spoken = append(s.spoken, added...)
	return func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.spoken = slices.DeleteFunc(s.spoken, func(d *spoken) bool { return slices.Contains(added, d) })
	}
}

// Speaking returns the dialects in use, in the order in which they were added, with their
// methods.
func (s *Server) Speaking() (dialects []Dialect, methods []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.spoken {
		dialects, methods = append(dialects, d.Dialect), append(methods, d.method)
	}
	return dialects, methods
}

// speaks returns how to answer a call: the shape, and whether to answer with a ban or a page
// instead.
func (s *Server) speaks(m *qimen.Method) (all shape, ban, page bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, d := range s.spoken {
		if d.method != "" && d.method != m.Name {
			continue
		}
		all = all.with(d.shape)
		d.calls++
		ban = ban || d.ban && d.calls%5 == 0
		page = page || d.page && d.calls%3 == 0 && m.Effect == jushuitan.Read
	}
	return all, ban, page
}
