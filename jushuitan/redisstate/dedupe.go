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
// small string with a time to live.
type Deduper struct{ state *State }

var _ jushuitan.Deduper = (*Deduper)(nil)

// Deduper returns a deduper.
func (s *State) Deduper() *Deduper { return &Deduper{state: s} }

// Format shows no keys, whatever the verb.
func (d *Deduper) Format(f fmt.State, _ rune) { opaque(f, "redisstate.Deduper") }

//go:embed lua/dedupe_claim.lua
var dedupeClaimLua string

//go:embed lua/dedupe_commit.lua
var dedupeCommitLua string

var (
	dedupeClaimScript  = redis.NewScript(dedupeClaimLua)
	dedupeCommitScript = redis.NewScript(dedupeCommitLua)
)

// What a key holds: markDone, or markClaim and the owner.
const (
	markDone  = "d"
	markClaim = "c"
)

func (d *Deduper) name(key string) string { return d.state.cfg.Prefix + ":seen:" + key }

// Claim implements [jushuitan.Deduper].
func (d *Deduper) Claim(ctx context.Context, key, owner string, ttl time.Duration) (jushuitan.ClaimState, error) {
	answer, err := d.state.run(ctx, dedupeClaimScript, []string{d.name(key)}, markClaim+owner, millis(ttl), markDone)
	if err != nil {
		return 0, fmt.Errorf("redisstate: dedupe: claim: %w", err)
	}
	switch state, _ := answer.(int64); state {
	case 1:
		return jushuitan.Claimed, nil
	case 2:
		return jushuitan.Committed, nil
	case 3:
		return jushuitan.Busy, nil
	}
	return 0, errScript("dedupe: claim")
}

// Commit implements [jushuitan.Deduper].
func (d *Deduper) Commit(ctx context.Context, key, _ string, ttl time.Duration) error {
	keep := int64(0)
	if ttl > 0 {
		keep = millis(ttl)
	}
	if _, err := d.state.store(ctx, dedupeCommitScript, []string{d.name(key)}, markDone, keep); err != nil {
		return fmt.Errorf("redisstate: dedupe: commit: %w", err)
	}
	return nil
}

// Release implements [jushuitan.Deduper].
func (d *Deduper) Release(ctx context.Context, key, owner string) error {
	if _, err := d.state.run(ctx, releaseScript, []string{d.name(key)}, markClaim+owner); err != nil {
		return fmt.Errorf("redisstate: dedupe: release: %w", err)
	}
	return nil
}
