package main

import (
	"context"
	"fmt"

	"github.com/shopspring/decimal"

	"github.com/dianjia/jushuitan-go/jushuitan"
	"github.com/dianjia/jushuitan-go/jushuitan/jushuitantest"
)

func main() {
	server := jushuitantest.NewServer()
	defer server.Close()
	client, err := server.Client()
	if err != nil {
		panic(err)
	}
	results, err := client.Orders.UploadMadeUp(context.Background(), []jushuitan.MadeUpUpload{{ShopID: 7, MadeUpID: "M-1", Qty: decimal.NewFromInt(2)}})
	fmt.Println("uploaded", len(results), results[0].Result.MadeUpID, err)
	for row, err := range client.MadeUps.All(context.Background(), &jushuitan.MadeUpQuery{}) {
		fmt.Println("queried", row.MadeUpID, row.Qty, row.ReceiverName, err)
		fmt.Printf("printed %v\n", row)
	}
	for _, op := range jushuitan.Operations() {
		if op.Method == "UploadMadeUp" || op.Service == "MadeUps" {
			fmt.Println("listed", op.Name(), op.Effect)
		}
	}
}
