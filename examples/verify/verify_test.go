package main

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/dianjia/jushuitan-go/examples/internal/demo"
	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

// lab runs the verifier on a fake that speaks dialects.
func lab(t *testing.T, dialects ...jushuitantest.Dialect) (*verifier, []*result, error) {
	t.Helper()
	srv := jushuitantest.NewServer(jushuitantest.WithoutQuota())
	t.Cleanup(srv.Close)
	require.NoError(t, demo.Furnish(srv))
	s := &settings{}
	require.NoError(t, s.furnish(srv))
	srv.Speak("", dialects...)
	opts := s.client(nil)
	client, err := srv.Client(append(opts, jushuitan.WithRetry(jushuitan.RetryPolicy{MinWait: 1, MaxWait: 1}))...)
	require.NoError(t, err)
	s.verifier.client = client
	s.verifier.say = func(int, int, *result) {}
	results, err := s.verifier.run(context.Background())
	return s.verifier, results, err
}

func TestDev(t *testing.T) {
	v, base, err := lab(t)
	require.NoError(t, err)
	before := map[string]bool{}
	for _, s := range v.report(base, nil).Summary {
		for _, o := range s.Operations {
			before[s.Kind+s.Seen+s.Documented+o] = true
		}
	}
	for _, d := range append(jushuitantest.Dialects(), jushuitantest.Guesses()...) {
		v, res, err := lab(t, d)
		t.Logf("== %s: %s (%v)", d.Name, d.EN, err)
		for _, s := range v.report(res, nil).Summary {
			s.Operations = slices.DeleteFunc(s.Operations, func(o string) bool { return before[s.Kind+s.Seen+s.Documented+o] })
			if len(s.Operations) > 0 || s.Kind == kindClock {
				t.Logf("     %s", s)
			}
		}
	}
}
