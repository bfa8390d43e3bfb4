package redisstate

import (
	"context"
	_ "embed"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

// Deduper is a [jushuitan.Deduper] for any number of processes (分布式去重). If several
// processes receive a message at once, one handles it and the others answer according
// to its outcome. The claim of a process that died expires, and the next caller takes
// it over.
//
// Use it for pushes and for Qimen calls alike; their keys are separate. Each key is one
// small value with a time to live: a hash for a document with a state, otherwise a string.
type Deduper struct{ state *State }

var _ jushuitan.Deduper = (*Deduper)(nil)

// Deduper returns a deduper.
func (s *State) Deduper() *Deduper { return &Deduper{state: s} }

// Format prints no keys, for any verb.
func (d *Deduper) Format(f fmt.State, _ rune) { opaque(f, "redisstate.Deduper") }

//go:embed lua/dedupe_claim.lua
var dedupeClaimLua string

//go:embed lua/dedupe_commit.lua
var dedupeCommitLua string

//go:embed lua/dedupe_release.lua
var dedupeReleaseLua string

var (
	dedupeClaimScript   = redis.NewScript(dedupeClaimLua)
	dedupeCommitScript  = redis.NewScript(dedupeCommitLua)
	dedupeReleaseScript = redis.NewScript(dedupeReleaseLua)
)

func (d *Deduper) keys(key string) []string { return []string{d.state.cfg.Prefix + ":seen:" + key} }

// Claim implements [jushuitan.Deduper].
func (d *Deduper) Claim(ctx context.Context, key, state, owner string, ttl time.Duration) (jushuitan.ClaimState, string, error) {
	answer, err := d.state.run(ctx, dedupeClaimScript, d.keys(key), state, owner, millis(ttl))
	if err != nil {
		return 0, "", fmt.Errorf("redisstate: dedupe: claim: %w", err)
	}
	parts, _ := answer.([]any)
	if len(parts) != 2 {
		return 0, "", errScript("dedupe: claim")
	}
	memory, _ := parts[1].(string)
	switch n, _ := parts[0].(int64); n {
	case 1:
		return jushuitan.Claimed, memory, nil
	case 2:
		return jushuitan.Committed, memory, nil
	case 3:
		return jushuitan.Busy, "", nil
	case 4:
		return jushuitan.Unsettled, memory, nil
	}
	return 0, "", errScript("dedupe: claim")
}

// Commit implements [jushuitan.Deduper].
func (d *Deduper) Commit(ctx context.Context, key, state, owner, memory string, ttl time.Duration) error {
	keep := int64(0)
	if ttl > 0 {
		keep = millis(ttl)
	}
	if _, err := d.state.store(ctx, dedupeCommitScript, d.keys(key), state, owner, memory, keep); err != nil {
		return fmt.Errorf("redisstate: dedupe: commit: %w", err)
	}
	return nil
}

// Release implements [jushuitan.Deduper].
func (d *Deduper) Release(ctx context.Context, key, owner string) error {
	if _, err := d.state.run(ctx, dedupeReleaseScript, d.keys(key), owner); err != nil {
		return fmt.Errorf("redisstate: dedupe: release: %w", err)
	}
	return nil
}
