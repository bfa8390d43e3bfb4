package callback

import (
	"fmt"
	"log/slog"
	"net/netip"
	"time"

	"github.com/dianjia/jushuitan-go/internal/wire"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Envelope is the part of a push outside its body.
type Envelope struct {
	EntID       string               // entId of the registered URL: the merchant
	StorageCode string               // storageCode of the registered URL: shop or warehouse
	Type        string               // type of the registered URL
	Method      jushuitan.PushMethod // the kind
	TS          time.Time            // ts: when it was sent, zero if missing; see [Config].MaxAge
	RemoteAddr  string               // of the connection, which may be a proxy's
	Source      netip.Addr           // of the sender, as reported by trusted proxies; see [Config].ProxyHeader

	// ChecksumForm is the signing scheme that matched: ts, sorted, arrival-ts-first or
	// arrival; empty if none did. Which one the ERP uses is not documented.
	ChecksumForm string

	// MayRepeat means that the message may be a late repeat of one that was handled: it says
	// the same as an earlier message, and another was handled since, or it is unknown whether
	// an earlier run succeeded. Since it is unknown whether the ERP sends repeats with a new
	// ts, the receiver cannot decide: query the document before you undo anything because of
	// this message.
	MayRepeat bool

	// Raw is the body as received. It is never printed or encoded as JSON.
	Raw []byte `json:"-"`
}

// String returns the envelope without the body.
func (e Envelope) String() string {
	ts := ""
	if !e.TS.IsZero() {
		ts = e.TS.In(wire.CST).Format(time.RFC3339)
	}
	source := ""
	if e.Source.IsValid() {
		source = e.Source.String()
	}
	return fmt.Sprintf("Envelope{EntID:%q StorageCode:%q Type:%q Method:%q TS:%s RemoteAddr:%q Source:%s ChecksumForm:%q Raw:(%d bytes)}",
		e.EntID, e.StorageCode, e.Type, string(e.Method), ts, e.RemoteAddr, source, e.ChecksumForm, len(e.Raw))
}

// Format prints the envelope without the body, for every verb.
func (e Envelope) Format(s fmt.State, _ rune) { _, _ = s.Write([]byte(e.String())) }

// LogValue is the envelope for slog, without the body.
func (e Envelope) LogValue() slog.Value { return slog.StringValue(e.String()) }
