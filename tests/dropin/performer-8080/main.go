// Command performer-8080 is written as the SDK's own examples are: it listens on 8080, whatever its environment says,
// and takes no notice of signals, so that SIGTERM ends it in the middle of whatever it does.
package main

import (
	"context"
	"time"

	"dropin/squares"

	"github.com/Layr-Labs/hourglass-monorepo/ponos/pkg/performer/server"
	"go.uber.org/zap"
)

func main() {
	logger, err := zap.NewProduction()
	if err != nil {
		panic(err)
	}
	performer, err := server.NewPonosPerformerWithRpcServer(&server.PonosPerformerConfig{
		Port:    8080,
		Timeout: 5 * time.Second,
	}, squares.FromEnvironment(logger), logger)
	if err != nil {
		panic(err)
	}
	if err := performer.Start(context.Background()); err != nil {
		panic(err)
	}
}
