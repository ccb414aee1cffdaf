package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/Layr-Labs/crypto-libs/pkg/bn254"
	executorV1 "github.com/Layr-Labs/hourglass-monorepo/ponos/gen/protos/eigenlayer/hourglass/v1/executor"
	"github.com/Layr-Labs/hourglass-monorepo/ponos/pkg/clients"
	"github.com/Layr-Labs/hourglass-monorepo/ponos/pkg/clients/executorClient"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
	"google.golang.org/protobuf/encoding/protowire"
)

// A task as its aggregator knows it.
type task struct {
	id         common.Hash
	aggregator common.Address
	avs        common.Address
	operator   common.Address
	set        uint32
	timestamp  uint32
	block      uint64
	payload    []byte
}

// Fields that the protocol gained after these stubs were published. They are on the wire all the same, as fields that
// the stubs do not know.
const (
	submissionExecutorAddress protowire.Number = 8
	submissionBlockNumber     protowire.Number = 9
	submissionVersion         protowire.Number = 10
	resultVersion             protowire.Number = 8
)

func (t task) submission(signature []byte) *executorV1.TaskSubmission {
	return &executorV1.TaskSubmission{
		TaskId:             t.id.Hex(),
		AggregatorAddress:  t.aggregator.Hex(),
		AvsAddress:         strings.ToLower(t.avs.Hex()),
		Payload:            t.payload,
		Signature:          signature,
		OperatorSetId:      t.set,
		ReferenceTimestamp: t.timestamp,
	}
}

func (t task) withLaterFields(submission *executorV1.TaskSubmission) {
	var fields []byte
	fields = protowire.AppendTag(fields, submissionExecutorAddress, protowire.BytesType)
	fields = protowire.AppendString(fields, t.operator.Hex())
	fields = protowire.AppendTag(fields, submissionBlockNumber, protowire.VarintType)
	fields = protowire.AppendVarint(fields, t.block)
	fields = protowire.AppendTag(fields, submissionVersion, protowire.VarintType)
	fields = protowire.AppendVarint(fields, 1)
	submission.ProtoReflect().SetUnknown(fields)
}

// Whether an answer is what the known aggregator, which compares texts, takes for one of this operator.
func (t task) check(on curve, result *executorV1.TaskResult) error {
	var version uint64
	for rest := []byte(result.ProtoReflect().GetUnknown()); len(rest) > 0; {
		number, kind, length := protowire.ConsumeTag(rest)
		if length < 0 {
			return protowire.ParseError(length)
		}
		value := protowire.ConsumeFieldValue(number, kind, rest[length:])
		if value < 0 {
			return protowire.ParseError(value)
		}
		if number == resultVersion && kind == protowire.VarintType {
			version, _ = protowire.ConsumeVarint(rest[length:])
		}
		rest = rest[length+value:]
	}
	switch {
	case result.TaskId != t.id.Hex():
		return fmt.Errorf("task_id is %s", result.TaskId)
	case result.OperatorAddress != t.operator.Hex():
		return fmt.Errorf("operator_address is %s, not %s", result.OperatorAddress, t.operator.Hex())
	case result.AvsAddress != strings.ToLower(t.avs.Hex()):
		return fmt.Errorf("avs_address is %s", result.AvsAddress)
	case result.OperatorSetId != t.set:
		return fmt.Errorf("operator_set_id is %d", result.OperatorSetId)
	case version != 1:
		return fmt.Errorf("version is %d", version)
	}
	// The field that was output_digest when these stubs were published is auth_signature now.
	return on.check(t, result.Output, result.Signature, result.OutputDigest)
}

// One task over a connection of its own, which is never closed: so does the known aggregator.
func exchange(ctx context.Context, executor string, once bool, submission *executorV1.TaskSubmission) (*executorV1.TaskResult, error) {
	if !once {
		client, err := executorClient.NewExecutorClient(executor, true)
		if err != nil {
			return nil, err
		}
		return client.SubmitTask(ctx, submission)
	}
	connection, err := clients.NewGrpcClient(executor, true)
	if err != nil {
		return nil, err
	}
	return executorV1.NewExecutorServiceClient(connection).SubmitTask(ctx, submission)
}

func submit(flags *flag.FlagSet) func(context.Context) (any, error) {
	executor := flags.String("executor", "", "host:port of the executor")
	aggregator := flags.String("aggregator", "", "the aggregator's address")
	aggregatorKey := flags.String("aggregator-key", "", "a file with its key")
	operator := flags.String("operator", "", "the operator's address")
	operatorKey := flags.String("operator-key", "", "a file with its BN254 key, of which only the public one is used; without it the set is on secp256k1")
	avs := flags.String("avs", "", "the AVS's address")
	set := flags.Uint("set", 0, "the operator set")
	verifier := flags.String("verifier", "", "the certificate verifier's address")
	version := flags.String("domain-version", "1", "its version")
	label := flags.String("label", "", "tasks are named after it")
	payload := flags.String("payload", "", "what they carry")
	count := flags.Int("count", 1, "how many, one after the other")
	once := flags.Bool("once", false, "send each only once")
	pinned := flags.Bool("pinned", false, "send what aggregators of the age of these stubs send: less, and signed differently")
	return func(ctx context.Context) (any, error) {
		on, err := curveOf(*aggregatorKey, *operatorKey, *operator, *verifier, *version)
		if err != nil {
			return nil, err
		}
		outputs := []string{}
		var longest time.Duration
		for number := range *count {
			t := task{
				id:         crypto.Keccak256Hash(fmt.Appendf(nil, "%s %d", *label, number)),
				aggregator: common.HexToAddress(*aggregator),
				avs:        common.HexToAddress(*avs),
				operator:   common.HexToAddress(*operator),
				set:        uint32(*set),
				timestamp:  uint32(time.Now().Unix()),
				payload:    []byte(*payload),
			}
			message := t.submissionMessage()
			if *pinned {
				message = t.payload
			}
			signature, err := on.sign(message)
			if err != nil {
				return nil, err
			}
			submission := t.submission(signature)
			if !*pinned {
				t.withLaterFields(submission)
			}
			began := time.Now()
			result, err := exchange(ctx, *executor, *once, submission)
			if err != nil {
				return nil, err
			}
			longest = max(longest, time.Since(began))
			if err := t.check(on, result); err != nil {
				return nil, errors.Join(fmt.Errorf("the answer to task %d is not right: %v", number, result), err)
			}
			outputs = append(outputs, string(result.Output))
		}
		return map[string]any{"outputs": outputs, "longest_ms": longest.Milliseconds()}, nil
	}
}

func curveOf(aggregatorKey, operatorKey, operator, verifier, version string) (curve, error) {
	secret, err := hexFile(aggregatorKey)
	if err != nil {
		return nil, err
	}
	if operatorKey == "" {
		key, err := crypto.HexToECDSA(secret)
		return onSecp256k1{signer{key}, common.HexToAddress(operator), common.HexToAddress(verifier), version}, err
	}
	key, err := bn254.NewPrivateKeyFromHexString(secret)
	if err != nil {
		return nil, err
	}
	operatorSecret, err := hexFile(operatorKey)
	if err != nil {
		return nil, err
	}
	ofOperator, err := bn254.NewPrivateKeyFromHexString(operatorSecret)
	if err != nil {
		return nil, err
	}
	return onBN254{key, ofOperator.Public()}, nil
}
