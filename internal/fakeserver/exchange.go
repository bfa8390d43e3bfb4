package fakeserver

import (
	"bytes"
	"net"
	"net/http"
	"strconv"
	"time"
)

// Exchange is one request on its way through a fake. The methods that answer record it
// first, once, so that a caller who has its answer finds the record.
type Exchange struct {
	W      http.ResponseWriter
	R      *http.Request
	Status int // answered: 200 unless something else was, 0 when the connection was cut

	host     *Host
	record   func()
	recorded bool
}

// Begin begins an exchange; call End when it is over. It cuts the connection when the
// host is closing.
func (h *Host) Begin(w http.ResponseWriter, r *http.Request, record func()) *Exchange {
	if !h.Enter() {
		panic(http.ErrAbortHandler)
	}
	return &Exchange{W: w, R: r, Status: http.StatusOK, host: h, record: record}
}

// End ends the exchange. One that was not answered is recorded now.
func (x *Exchange) End() {
	x.note()
	x.host.Leave()
}

func (x *Exchange) note() {
	if !x.recorded {
		x.recorded = true
		x.record()
	}
}

// Answer answers with status 200.
func (x *Exchange) Answer(contentType string, body []byte) {
	x.note()
	x.W.Header().Set("Content-Type", contentType)
	x.W.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = x.W.Write(body)
}

// Fail answers with another status and a line of text.
func (x *Exchange) Fail(status int, text string) {
	x.Status = status
	x.note()
	http.Error(x.W, text, status)
}

// RetryAfter adds the header of that name to an answer to come, in whole seconds.
func (x *Exchange) RetryAfter(d time.Duration) {
	if d > 0 {
		x.W.Header().Set("Retry-After", strconv.FormatInt(int64((d+time.Second-1)/time.Second), 10))
	}
}

// Redirect answers 302.
func (x *Exchange) Redirect(location string) {
	x.Status = http.StatusFound
	x.note()
	x.W.Header().Set("Location", location)
	x.W.WriteHeader(x.Status)
}

// HTMLPage answers a page of a site under maintenance, with status 200.
func (x *Exchange) HTMLPage() {
	x.note()
	x.W.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = x.W.Write([]byte("<!DOCTYPE html><html><head><title>维护中</title></head><body>系统维护中，请稍后再试</body></html>"))
}

// CutBody announces body and sends the first half of it.
func (x *Exchange) CutBody(contentType string, body []byte) {
	x.note()
	x.W.Header().Set("Content-Type", contentType)
	x.W.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = x.W.Write(body[:len(body)/2])
}

// Pad sends body and blanks after it, in chunks, size bytes together.
func (x *Exchange) Pad(contentType string, body []byte, size int) {
	x.note()
	x.W.Header().Set("Content-Type", contentType)
	if _, err := x.W.Write(body); err != nil {
		return
	}
	blanks := bytes.Repeat([]byte(" "), 64<<10)
	for left := size - len(body); left > 0; left -= len(blanks) {
		if _, err := x.W.Write(blanks[:min(left, len(blanks))]); err != nil {
			return
		}
	}
}

// Delay lets d of real time pass. If the caller goes away or the host closes before,
// it cuts the connection and does not return.
func (x *Exchange) Delay(d time.Duration) {
	if !x.host.Wait(x.R.Context(), d) {
		x.abort()
	}
}

// Hang answers nothing until the caller goes away or the host closes. It does not
// return.
func (x *Exchange) Hang() {
	select {
	case <-x.R.Context().Done():
	case <-x.host.ctx.Done():
	}
	x.abort()
}

// Reset closes the connection the hard way: the caller sees a reset.
func (x *Exchange) Reset() {
	x.Status = 0
	x.note()
	if conn, _, err := http.NewResponseController(x.W).Hijack(); err == nil {
		if tcp, ok := conn.(*net.TCPConn); ok {
			_ = tcp.SetLinger(0)
		}
		_ = conn.Close()
		return
	}
	panic(http.ErrAbortHandler)
}

func (x *Exchange) abort() {
	x.Status = 0
	x.note()
	panic(http.ErrAbortHandler)
}
