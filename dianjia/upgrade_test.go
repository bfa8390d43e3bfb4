package dianjia_test

import (
	"encoding/json"
	"net/url"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/dianjia"
	"github.com/dianjia/jushuitan-go/jushuitan"
)

// TestUpgradeURLs: the URLs that an earlier version made stand in Jushuitan's settings, token
// and all, and are made and read the same. That the tokens are accepted, package callback tests.
func TestUpgradeURLs(t *testing.T) {
	text, err := os.ReadFile("testdata/upgrade/urls.json")
	require.NoError(t, err)
	var all []struct {
		Secret      string               `json:"secret"`
		Kind        jushuitan.PushMethod `json:"kind"`
		EntID       string               `json:"ent_id"`
		StorageCode string               `json:"storage_code"`
		Type        string               `json:"type"`
		URL         string               `json:"url"`
	}
	require.NoError(t, json.Unmarshal(text, &all))
	require.Len(t, all, 24)
	for _, before := range all {
		p := dianjia.PushURL{Kind: before.Kind, EntID: before.EntID, StorageCode: before.StorageCode, Type: before.Type}
		got, err := dianjia.URLBuilder{BaseURL: "https://shop.example.com/hooks/", Secret: before.Secret}.URL(p)
		require.NoError(t, err)
		was, err := url.Parse(before.URL)
		require.NoError(t, err)
		is, err := url.Parse(got)
		require.NoError(t, err)
		q := is.Query() // the same token, under the name of now
		if q.Has("jstToken") {
			q.Set("token", q.Get("jstToken"))
			q.Del("jstToken")
		}
		assert.Equal(t, was.Query(), q)
		assert.Equal(t, was.Path, is.Path)
		read, err := dianjia.ParseURL(before.URL)
		require.NoError(t, err)
		assert.Equal(t, p, read)
	}
}
