package jushuitan

import (
	"encoding/json"
	"fmt"
	"log/slog"

	engine "github.com/dianjia/jushuitan-go/internal/call"
	"github.com/dianjia/jushuitan-go/internal/redact"
)

// DryCall is a write that was not sent. Printing it masks the data and the signature; its
// fields hold both.
type DryCall struct {
	Op       string // Orders.Upload
	Path     string
	Merchant string
	Effect   Effect
	Biz      json.RawMessage `pii:"true"` // the data as it would have been sent
	Sign     string          `pii:"true"` // signature of a form with this data and with the fixed token or a placeholder
}

// Format prints the call without its data and signature.
func (d DryCall) Format(s fmt.State, verb rune) { redact.Format(s, verb, d) }

// LogValue is the call for slog, without its data and signature.
func (d DryCall) LogValue() slog.Value { return redact.LogValue(d) }

// MarshalJSON masks the data and the signature, since loggers marshal what they are given.
func (d DryCall) MarshalJSON() ([]byte, error) { return redact.JSON(d) }

// WithDryRun sends no writes: each is validated, encoded, signed and passed to record.
// The call then returns as if the server had accepted it, with an empty response; uploads
// return empty results. Reads are sent as usual.
func WithDryRun(record func(DryCall)) Option {
	return func(s *settings) error { s.dryRun = record; return engine.Given("WithDryRun", record != nil) }
}

// dry passes a write to the recorder of a dry run and reports whether it did.
func (k *oneCall) dry() bool {
	if k.core.dryRun == nil || k.auth || k.op.Effect == Read {
		return false
	}
	token := k.Client.token
	if token == "" {
		token = "dry-run"
	}
	k.core.dryRun(DryCall{
		Op: k.op.Name(), Path: k.path, Merchant: k.merchant, Effect: k.op.Effect,
		Biz: json.RawMessage(k.biz), Sign: Sign(k.core.cred.AppSecret, k.form(token)),
	})
	return true
}
