package fakeserver

import (
	"bytes"
	"compress/gzip"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// Exchange is a request in progress. The methods that answer first record the exchange,
// once, so that a caller that has the answer finds the record.
type Exchange struct {
	W        http.ResponseWriter
	R        *http.Request
	Status   int      // status of the answer, 200 by default; 0 if the connection was cut
	Transfer Transfer // how Answer sends the body

	host     *Host
	record   func()
	recorded bool
}

// Begin begins an exchange; call End when it is over. It cuts the connection if the host is
// closing.
func (h *Host) Begin(w http.ResponseWriter, r *http.Request, record func()) *Exchange {
	if !h.Enter() {
		panic(http.ErrAbortHandler)
	}
	return &Exchange{W: w, R: r, Status: http.StatusOK, host: h, record: record}
}

// End ends the exchange. If it was not answered, it is recorded now.
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

// Transfer is how the body of an answer is sent (RFC 9112, section 6).
type Transfer int

// The ways to send a body.
const (
	Sized      Transfer = iota // with its length
	Chunked                    // in chunks
	UntilClose                 // without a length, until the connection is closed
	Gzip                       // compressed, if the caller accepts that
)

// Answer answers with status 200.
func (x *Exchange) Answer(contentType string, body []byte) {
	x.note()
	h := x.W.Header()
	h.Set("Content-Type", contentType)
	switch x.Transfer {
	case Chunked:
		half := len(body) / 2
		_, _ = x.W.Write(body[:half])
		_ = http.NewResponseController(x.W).Flush()
		body = body[half:]
	case UntilClose:
		h.Set("Transfer-Encoding", "identity")
	case Gzip:
		if !strings.Contains(x.R.Header.Get("Accept-Encoding"), "gzip") {
			break
		}
		h.Set("Content-Encoding", "gzip")
		w := gzip.NewWriter(x.W)
		_, _ = w.Write(body)
		_ = w.Close()
		return
	case Sized:
		h.Set("Content-Length", strconv.Itoa(len(body)))
	}
	_, _ = x.W.Write(body)
}

// Page answers with a page (HTML) of something between the caller and the API.
func (x *Exchange) Page(status int, page string) {
	x.Status = status
	x.note()
	x.W.Header().Set("Content-Type", "text/html; charset=utf-8")
	x.W.WriteHeader(status)
	_, _ = io.WriteString(x.W, page)
}

// Fail answers with another status and a line of text.
func (x *Exchange) Fail(status int, text string) {
	x.Status = status
	x.note()
	http.Error(x.W, text, status)
}

// RetryAfter adds the header of that name to the next answer, in whole seconds.
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

// HTMLPage answers with the page of a site under maintenance, with status 200.
func (x *Exchange) HTMLPage() {
	x.Page(http.StatusOK, "<!DOCTYPE html><html><head><title>维护中</title></head><body>系统维护中，请稍后再试</body></html>")
}

// CutBody announces body and sends the first half of it.
func (x *Exchange) CutBody(contentType string, body []byte) {
	x.note()
	x.W.Header().Set("Content-Type", contentType)
	x.W.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = x.W.Write(body[:len(body)/2])
}

// Pad sends body followed by blanks, in chunks, size bytes in total.
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

// Delay waits for d of real time. If the caller disconnects or the host closes before, it
// cuts the connection and does not return.
func (x *Exchange) Delay(d time.Duration) {
	if !x.host.Wait(x.R.Context(), d) {
		x.abort()
	}
}

// Hang does not answer until the caller disconnects or the host closes. It does not
// return.
func (x *Exchange) Hang() {
	select {
	case <-x.R.Context().Done():
	case <-x.host.ctx.Done():
	}
	x.abort()
}

// Reset resets the connection.
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
