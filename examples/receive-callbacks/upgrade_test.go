package main

import (
	"context"
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/callback"
	"github.com/dianjia/jushuitan-go/callback/callbacktest"
	"github.com/dianjia/jushuitan-go/examples/internal/flows"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// upgradePushes are those that an earlier version handled, with the current time as their
// time.
func upgradePushes(t *testing.T) map[string]callbacktest.Message {
	t.Helper()
	text, err := os.ReadFile("../../callback/testdata/upgrade/pushes.json")
	require.NoError(t, err)
	var list []struct{ Target, Body string }
	require.NoError(t, json.Unmarshal(text, &list))
	all := map[string]callbacktest.Message{}
	for _, p := range list {
		target, err := url.Parse(p.Target)
		require.NoError(t, err)
		q := target.Query()
		m := callbacktest.Message{
			Method: jushuitan.PushMethod(q.Get("method")), EntID: q.Get("entId"), StorageCode: q.Get("storageCode"), Type: q.Get("type"),
			Body: p.Body, Secret: "made-up-secret-of-the-urls",
		}
		if form, isForm := strings.CutPrefix(p.Body, "biz="); isForm {
			m.Form = true
			m.Body, err = url.QueryUnescape(form)
			require.NoError(t, err)
		}
		all[strings.TrimPrefix(target.Path, "/")+" "+p.Body] = m
	}
	require.Len(t, all, 8)
	return all
}

// TestUpgrade: this version continues with the files of an earlier one. Pushes handled by
// that version are duplicates, except stock pushes, which never are; and its receipts are
// still found.
func TestUpgrade(t *testing.T) {
	t.Setenv("PUSH_SECRETS", "made-up-secret-of-the-urls")
	dir := t.TempDir()
	seen, journal := filepath.Join(dir, "seen.jsonl"), filepath.Join(dir, "journal.jsonl")
	text, err := os.ReadFile("testdata/upgrade/seen.jsonl")
	require.NoError(t, err)
	// The file was written at some earlier time; its keys are valid for a while from now.
	text = regexp.MustCompile(`"until":"2[^"]*"`).ReplaceAll(text, []byte(`"until":"`+time.Now().Add(time.Hour).Format(time.RFC3339Nano)+`"`))
	require.NoError(t, os.WriteFile(seen, text, 0o600))
	before, err := os.ReadFile("testdata/upgrade/journal.jsonl")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(journal, before, 0o600))

	ctx, stop := context.WithCancel(t.Context())
	out := &lines{more: make(chan struct{}, 1)}
	ended := make(chan error, 1)
	go func() {
		ended <- program().Start(ctx, []string{"-listen", "127.0.0.1:0", "-secret-env", "PUSH_SECRETS", "-seen", seen, "-journal", journal}, func(string) string { return "" }, out)
	}()
	base := out.wait(t, `receiving at (http://\S+),`)[1]
	for name, m := range upgradePushes(t) {
		path, _, _ := strings.Cut(name, " ")
		reply, err := m.Send(ctx, nil, base+callbackPath+path)
		require.NoError(t, err)
		assert.True(t, reply.OK(), "%s: %+v", name, reply)
	}
	stop()
	require.NoError(t, <-ended)
	assert.Contains(t, out.String(), "stopped: 5 pushes handled, 0 refused")
	assert.Contains(t, out.String(), "push inventory.upload")

	after, err := os.ReadFile(journal)
	require.NoError(t, err)
	assert.True(t, strings.HasPrefix(string(after), string(before)), "what was noted stays")
	assert.Equal(t, 16, strings.Count(string(after), "\n"), "the head, nine receipts of before, four that the keys of before do not identify, and two of the stock push")
	j, err := flows.OpenJournal(journal, time.Now())
	require.NoError(t, err)
	defer func() { require.NoError(t, j.Close()) }()
	for method, documents := range map[jushuitan.PushMethod][]string{
		jushuitan.PushShipment:      {"o_id 200001", "o_id 200003", "so_id SO-4"},
		jushuitan.PushCancel:        {"so_id SO-5"},
		jushuitan.PushGoodsReturned: {"as_id 400001", "outer_as_id AS-6", "as_id 400007"},
	} {
		scope := callback.JournalScope{Method: method, EntID: "10010", StorageCode: "10200077"}
		since, err := j.Since(t.Context(), scope)
		require.NoError(t, err)
		assert.True(t, since.Equal(time.Date(2026, 11, 29, 2, 33, 39, 0, time.UTC)), "since %v", since)
		for _, document := range documents {
			found, err := j.Find(t.Context(), scope, document)
			require.NoError(t, err)
			want := 2
			switch document {
			case "o_id 200001", "so_id SO-4", "as_id 400001": // their keys of before identify them
				want = 1
			}
			assert.Len(t, found, want, document)
		}
	}
}
