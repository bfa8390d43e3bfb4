package qimen

import (
	"errors"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// verdict is the meaning of the codes of a refusal.
type verdict struct {
	class   error
	outcome jushuitan.Outcome
	retry   bool
}

var (
	signature  = verdict{class: jushuitan.ErrSign, outcome: jushuitan.Rejected}
	session    = verdict{class: jushuitan.ErrTokenExpired, outcome: jushuitan.Rejected}
	permission = verdict{class: jushuitan.ErrPermission, outcome: jushuitan.Rejected}
	address    = verdict{class: jushuitan.ErrIPNotAllowed, outcome: jushuitan.Rejected}
	clock      = verdict{class: jushuitan.ErrTimestamp, outcome: jushuitan.Rejected}
	data       = verdict{class: jushuitan.ErrInvalid, outcome: jushuitan.Rejected}
	limited    = verdict{class: jushuitan.ErrRateLimited, outcome: jushuitan.Rejected, retry: true}
	quota      = verdict{class: jushuitan.ErrRateLimited, outcome: jushuitan.Rejected}
	behind     = verdict{class: jushuitan.ErrUnavailable, outcome: jushuitan.Unknown} // the failure is behind the gateway
	busy       = verdict{class: jushuitan.ErrUnavailable, outcome: jushuitan.Unknown, retry: true}
)

// class is a row of the table of classes: the codes or sub codes that mean the same.
type class struct {
	codes []string // exactly, in any case
	subs  []string // sub codes in lower case, without what follows a colon; * stands for any text
	verdict
	source string
}

// The sources of the table. Numbers in brackets are those of the reference of public material.
const (
	topCodes     = "error codes of the open platform"
	topSDK       = "official Java SDK of 2019"
	retryTable   = "retry tables of three public clients (45854040801, 32006828461, 17846842946)"
	jushuitanDoc = "error codes of Jushuitan's open API (document 2021)"
	seen         = "seen in answers of the gateway"
)

// classes are the classes of refusals. The sub code states where a failure occurred, so a row
// that matches it counts before one that matches the code; within each, the first row counts.
var classes = []class{
	{subs: []string{"accesscontrol.limited*", "isv.accesscontrol.limited*", "isp.accesscontrol.limited*"}, verdict: limited, source: topCodes},
	{subs: []string{"isv.business_limit_control"}, verdict: quota, source: topCodes}, // of the business behind: no end is stated
	{subs: []string{"sign-check-failure", "isv.sign-check-failure", "isp.sign-check-failure", "isv.appkey-*", "isv.invalid-signature"}, verdict: signature, source: seen},
	{subs: []string{"isv.permission-*", "isv.insufficient-*-permissions"}, verdict: permission, source: topCodes},
	{subs: []string{"isv.ip-*"}, verdict: address, source: topCodes},
	{subs: []string{
		"session-expired", "invalid-sessionkey", "session-not-exist", "isv.session-expired", "isv.invalid-sessionkey", "isv.session-not-exist",
		"isp.session-expired", "isp.invalid-sessionkey", "isp.session-not-exist",
	}, verdict: session, source: retryTable},
	{subs: []string{"isv.invalid-timestamp", "isv.timestamp-expired"}, verdict: clock, source: topCodes},
	{subs: []string{"isv.missing-parameter*", "isv.invalid-parameter*"}, verdict: data, source: topCodes},
	{subs: []string{
		"isp.remote-service-error", "isp.remote-service-timeout", "isp.remote-connection-error", "isp.top-remote-connection-timeout",
		"isp.top-remote-connection-error", "isp.unknown-error", "isp.*service-unavailable",
	}, verdict: busy, source: retryTable},
	{subs: []string{"isp.*"}, verdict: behind, source: retryTable},

	{codes: []string{"4", "7"}, verdict: limited, source: topCodes},
	{codes: []string{"199"}, verdict: limited, source: jushuitanDoc},
	{codes: []string{"24", "25", "28", "29", "sign-check-failure"}, verdict: signature, source: topCodes}, // 28 and 29: the app key
	{codes: []string{"120"}, verdict: signature, source: jushuitanDoc},
	{codes: []string{"26", "27", "42", "43"}, verdict: session, source: topCodes},
	{codes: []string{"11", "12", "13"}, verdict: permission, source: topCodes},
	{codes: []string{"190"}, verdict: permission, source: jushuitanDoc},
	{codes: []string{"110"}, verdict: address, source: jushuitanDoc},
	{codes: []string{"30", "31"}, verdict: clock, source: topCodes},
	{codes: []string{"180"}, verdict: verdict{class: jushuitan.ErrTimestamp, outcome: jushuitan.Rejected, retry: true}, source: jushuitanDoc},
	{codes: []string{"21", "22", "23", "32", "33", "34", "40", "41"}, verdict: data, source: topCodes},
	{codes: []string{"10", "15"}, verdict: busy, source: topCodes},
	{codes: []string{"150"}, verdict: busy, source: jushuitanDoc},
}

// fits reports whether a sub code matches a pattern with at most one *.
func fits(sub, pattern string) bool {
	before, after, wild := strings.Cut(pattern, "*")
	if !wild {
		return sub == pattern
	}
	return len(sub) >= len(before)+len(after) && strings.HasPrefix(sub, before) && strings.HasSuffix(sub, after)
}

// bySub finds the meaning of a sub code.
func bySub(sub string) (verdict, bool) {
	sub, _, _ = strings.Cut(strings.ToLower(strings.ReplaceAll(sub, "：", ":")), ":")
	sub = strings.TrimSpace(sub)
	if sub == "" {
		return verdict{}, false
	}
	for i := range classes {
		for _, pattern := range classes[i].subs {
			if fits(sub, pattern) {
				return classes[i].verdict, true
			}
		}
	}
	return verdict{}, false
}

// byCode finds the meaning of a code.
func byCode(code string) (verdict, bool) {
	for i := range classes {
		for _, c := range classes[i].codes {
			if strings.EqualFold(c, code) {
				return classes[i].verdict, true
			}
		}
	}
	return verdict{}, false
}

// verdictOf returns the meaning of a refusal, and whether the table or the words state it.
func verdictOf(code, subCode, text string) (v verdict, known bool) {
	if subCode == "" && strings.Trim(code, "0123456789") != "" { // a word in place of a code
		subCode = code
	}
	if v, ok := bySub(subCode); ok {
		return v, true
	}
	if code == "15" && strings.HasPrefix(strings.ToLower(subCode), "isv.") { // the family, not the code, is known
		return data, false
	}
	v, known = byCode(code)
	if (!known || v == data) && aboutClock(text) { // the gateway has no code of its own for it
		return clock, true
	}
	if known {
		return v, true
	}
	if signWord.MatchString(strings.TrimSpace(text)) {
		return signature, true
	}
	return data, false
}

// clockWords are the messages with which a gateway refuses the time stamp of a call. A message
// that mentions a timestamp in other words is about the document.
var clockWords = regexp.MustCompile(`(?i)^(illegal|invalid|missing|expired)( required)?( arguments?)?[ :：]*timestamp[.。!]?$`)

func aboutClock(text string) bool { return clockWords.MatchString(strings.TrimSpace(text)) }

// signWord is the message with which a gateway refuses a signature. A message that mentions a
// signature in other words is about the document.
var signWord = regexp.MustCompile(`(?i)^invalid signature[.。!]?$`)

// The texts that state how long a rate limit lasts: the platform's, and what Chinese systems
// write in a refusal whose code says that it is one.
var (
	ban   = regexp.MustCompile(`(?i)ban will last for (\d+) more (second|minute|hour|day)`)
	later = regexp.MustCompile(`(\d+)\s*(秒|分|小时|天)钟?[之以]?后`)
)

// units are the units of these texts.
var units = map[string]time.Duration{
	"second": time.Second, "minute": time.Minute, "hour": time.Hour, "day": 24 * time.Hour,
	"秒": time.Second, "分": time.Minute, "小时": time.Hour, "天": 24 * time.Hour,
}

// longestBan limits what is believed.
const longestBan = 31 * 24 * time.Hour

// bans returns the duration of a ban that is stated anywhere in an answer, 0 if there is none.
func bans(text []byte) time.Duration { return stated(ban, text) }

func stated(as *regexp.Regexp, text []byte) time.Duration {
	m := as.FindSubmatch(text)
	if m == nil {
		return 0
	}
	unit := units[strings.ToLower(string(m[2]))]
	n, err := strconv.ParseInt(string(m[1]), 10, 64)
	if err != nil || n > int64(longestBan/unit) {
		return longestBan
	}
	return max(time.Duration(n)*unit, time.Second)
}

// classify sets the class, outcome and retry of a failure from its codes. A ban that is stated
// anywhere in the answer is a rate limit until its end.
func classify(f *failure, answer []byte) {
	if d := bans(answer); d > 0 {
		f.Class, f.Outcome, f.Retry, f.Known = limited.class, limited.outcome, true, true
		f.After, f.Window = d, d
		return
	}
	v, known := verdictOf(f.Code, f.SubCode, first(f.Msg, f.SubMsg))
	f.Class, f.Outcome, f.Retry, f.Known = v.class, v.outcome, v.retry, known
	if errors.Is(f.Class, jushuitan.ErrRateLimited) {
		f.Window = stated(later, []byte(f.Msg+" "+f.SubMsg))
		f.After = max(f.Window, time.Second)
	}
}
