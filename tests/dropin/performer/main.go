// Command performer is written by somebody who read the SDK with care: it listens where GRPC_PORT says, on 8080 without
// it, and on SIGTERM ends its tasks before it ends itself.
//
// SHUTDOWN=none takes no notice of signals, as the SDK's examples do.
package main

import (
	"context"
	"os"
	"os/signal"
	"strconv"
	"syscall"

	"dropin/squares"

	"github.com/Layr-Labs/hourglass-monorepo/ponos/pkg/performer/server"
	"github.com/Layr-Labs/hourglass-monorepo/ponos/pkg/rpcServer"
	"go.uber.org/zap"
)

func main() {
	logger, err := zap.NewProduction()
	if err != nil {
		panic(err)
	}
	port := 8080
	if text, set := os.LookupEnv("GRPC_PORT"); set {
		if port, err = strconv.Atoi(text); err != nil {
			logger.Fatal("GRPC_PORT", zap.Error(err))
		}
	}
	rpc, err := rpcServer.NewRpcServer(&rpcServer.RpcServerConfig{GrpcPort: port}, logger)
	if err != nil {
		logger.Fatal("cannot listen", zap.Error(err))
	}
	performer := server.NewPonosPerformer(&server.PonosPerformerConfig{Port: port}, rpc, squares.FromEnvironment(logger), logger)

	ctx := context.Background()
	if os.Getenv("SHUTDOWN") != "none" {
		var stop context.CancelFunc
		ctx, stop = signal.NotifyContext(ctx, syscall.SIGTERM)
		defer stop()
	}
	if err := performer.Start(ctx); err != nil {
		logger.Fatal("cannot start", zap.Error(err))
	}
	// Start returns as soon as the context has ended, while the SDK still stops its server in the background: whoever
	// ends now cuts the tasks that run.
	rpc.GetGrpcServer().GracefulStop()
	logger.Info("every task has ended: goodbye")
}
