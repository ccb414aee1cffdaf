package main

import (
	"context"
	"crypto/ecdsa"
	"flag"

	executorV1 "github.com/Layr-Labs/hourglass-monorepo/ponos/gen/protos/eigenlayer/hourglass/v1/executor"
	"github.com/Layr-Labs/hourglass-monorepo/ponos/pkg/clients/executorClient"
	"github.com/ethereum/go-ethereum/crypto"
)

// What every management call needs.
type manager struct {
	executor, operator, key *string
	unauthenticated         *bool
}

func managerFlags(flags *flag.FlagSet) manager {
	return manager{
		executor:        flags.String("executor", "", "host:port of the executor's management"),
		operator:        flags.String("operator", "", "the operator's address"),
		key:             flags.String("key", "", "a file with the operator's key, in hexadecimal"),
		unauthenticated: flags.Bool("unauthenticated", false, "send no authentication, as most known clients"),
	}
}

// What both kinds of known client can do.
type management interface {
	DeployArtifact(context.Context, *executorV1.DeployArtifactRequest) (*executorV1.DeployArtifactResponse, error)
	ListPerformers(context.Context, *executorV1.ListPerformersRequest) (*executorV1.ListPerformersResponse, error)
	RemovePerformer(context.Context, *executorV1.RemovePerformerRequest) (*executorV1.RemovePerformerResponse, error)
}

func (m manager) connect() (management, error) {
	if *m.unauthenticated {
		stub, err := executorClient.NewExecutorManagementClient(*m.executor, true)
		return plain{stub}, err
	}
	text, err := hexFile(*m.key)
	if err != nil {
		return nil, err
	}
	key, err := crypto.HexToECDSA(text)
	if err != nil {
		return nil, err
	}
	return executorClient.NewAuthenticatedExecutorClient(*m.executor, *m.operator, signer{key}, true)
}

// The stub as it is: no call carries authentication.
type plain struct {
	stub executorV1.ExecutorManagementServiceClient
}

func (p plain) DeployArtifact(ctx context.Context, request *executorV1.DeployArtifactRequest) (*executorV1.DeployArtifactResponse, error) {
	return p.stub.DeployArtifact(ctx, request)
}

func (p plain) ListPerformers(ctx context.Context, request *executorV1.ListPerformersRequest) (*executorV1.ListPerformersResponse, error) {
	return p.stub.ListPerformers(ctx, request)
}

func (p plain) RemovePerformer(ctx context.Context, request *executorV1.RemovePerformerRequest) (*executorV1.RemovePerformerResponse, error) {
	return p.stub.RemovePerformer(ctx, request)
}

// Signs as their in-memory signer does; that one needs cgo for its curve.
type signer struct {
	key *ecdsa.PrivateKey
}

func (s signer) SignMessage(data []byte) ([]byte, error) {
	signature, err := crypto.Sign(crypto.Keccak256(data), s.key)
	if err == nil {
		signature[64] += 27
	}
	return signature, err
}

func (s signer) SignMessageForSolidity(data []byte) ([]byte, error) {
	return s.SignMessage(data)
}

func challenge(flags *flag.FlagSet) func(context.Context) (any, error) {
	m := managerFlags(flags)
	return func(ctx context.Context) (any, error) {
		stub, err := executorClient.NewExecutorManagementClient(*m.executor, true)
		if err != nil {
			return nil, err
		}
		return stub.GetChallengeToken(ctx, &executorV1.GetChallengeTokenRequest{OperatorAddress: *m.operator})
	}
}

func deploy(flags *flag.FlagSet) func(context.Context) (any, error) {
	m := managerFlags(flags)
	avs := flags.String("avs", "", "the AVS's address")
	digest := flags.String("digest", "", "the artifact's digest")
	registry := flags.String("registry", "", "where the artifact is")
	env := variables{}
	flags.Var(env, "env", "a variable of the performer, NAME=VALUE")
	return func(ctx context.Context) (any, error) {
		client, err := m.connect()
		if err != nil {
			return nil, err
		}
		request := &executorV1.DeployArtifactRequest{AvsAddress: *avs, Digest: *digest, RegistryUrl: *registry}
		for name, value := range env {
			request.Env = append(request.Env, &executorV1.PerformerEnv{Name: name, Value: value})
		}
		return client.DeployArtifact(ctx, request)
	}
}

func list(flags *flag.FlagSet) func(context.Context) (any, error) {
	m := managerFlags(flags)
	avs := flags.String("avs", "", "only of this AVS")
	return func(ctx context.Context) (any, error) {
		client, err := m.connect()
		if err != nil {
			return nil, err
		}
		return client.ListPerformers(ctx, &executorV1.ListPerformersRequest{AvsAddress: *avs})
	}
}

func remove(flags *flag.FlagSet) func(context.Context) (any, error) {
	m := managerFlags(flags)
	id := flags.String("id", "", "the performer's id")
	return func(ctx context.Context) (any, error) {
		client, err := m.connect()
		if err != nil {
			return nil, err
		}
		return client.RemovePerformer(ctx, &executorV1.RemovePerformerRequest{PerformerId: *id})
	}
}
