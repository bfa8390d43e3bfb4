// Command swaptoken replaces a token in a token file, as often as it is told. A test builds it in
// the tree of an earlier version.
//
//	swaptoken FILE TIMES
package main

import (
	"context"
	"fmt"
	"os"
	"strconv"

	"github.com/dianjia/jushuitan-go/jushuitan"
)

func main() {
	if err := swap(context.Background(), os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func swap(ctx context.Context, path, count string) error {
	times, err := strconv.Atoi(count)
	if err != nil {
		return err
	}
	s, err := jushuitan.NewFileTokenStore(path)
	if err != nil {
		return err
	}
	var current jushuitan.Token
	for range times {
		for ok := false; !ok; {
			current, ok, err = s.CompareAndSwap(ctx, jushuitan.TokenKey{AppKey: "app", Merchant: "m"}, current, jushuitan.Token{AccessToken: "t"})
			if err != nil {
				return err
			}
		}
	}
	return nil
}
