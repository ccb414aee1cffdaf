// Package squares is the business logic of an AVS as a user of the published SDK writes it: it squares numbers.
package squares

import (
	"fmt"
	"math/big"
	"os"
	"strconv"
	"strings"
	"time"

	performerV1 "github.com/Layr-Labs/protocol-apis/gen/protos/eigenlayer/hourglass/v1/performer"
	"go.uber.org/zap"
)

// Worker implements the SDK's IWorker.
type Worker struct {
	logger *zap.Logger
	delay  time.Duration
	power  *big.Int
}

// FromEnvironment makes a worker. TASK_DELAY_MS is how long a task takes; POWER, 2 without it, tells one version of the
// performer from another.
func FromEnvironment(logger *zap.Logger) *Worker {
	worker := &Worker{logger: logger, power: big.NewInt(2)}
	if ms, err := strconv.Atoi(os.Getenv("TASK_DELAY_MS")); err == nil {
		worker.delay = time.Duration(ms) * time.Millisecond
	}
	if power, err := strconv.ParseInt(os.Getenv("POWER"), 10, 64); err == nil {
		worker.power = big.NewInt(power)
	}
	return worker
}

// ValidateTask refuses what is no hexadecimal number.
func (w *Worker) ValidateTask(task *performerV1.TaskRequest) error {
	_, err := number(task.Payload)
	return err
}

// HandleTask answers with the power of the number, in hexadecimal with an even number of digits.
func (w *Worker) HandleTask(task *performerV1.TaskRequest) (*performerV1.TaskResponse, error) {
	base, err := number(task.Payload)
	if err != nil {
		return nil, err
	}
	time.Sleep(w.delay)
	digits := new(big.Int).Exp(base, w.power, nil).Text(16)
	if len(digits)%2 != 0 {
		digits = "0" + digits
	}
	w.logger.Info("handled", zap.ByteString("task", task.TaskId))
	return &performerV1.TaskResponse{TaskId: task.TaskId, Result: []byte("0x" + digits)}, nil
}

func number(payload []byte) (*big.Int, error) {
	digits, _ := strings.CutPrefix(string(payload), "0x")
	parsed, ok := new(big.Int).SetString(digits, 16)
	if !ok {
		return nil, fmt.Errorf("%q is no hexadecimal number", payload)
	}
	return parsed, nil
}
