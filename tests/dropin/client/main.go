// Command client calls an executor as the known clients do: with their published stubs, their connections and retries,
// and, for what is signed, with go-ethereum and their own BN254 library, which share nothing with the executor.
//
// It prints one JSON object. A call that the executor refuses is one as well: {"refused":{"code":…,"message":…}}.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"strings"
	"time"

	"google.golang.org/grpc/status"
)

// A command, of flags that it defines and of what it prints.
type command func(flags *flag.FlagSet) func(ctx context.Context) (any, error)

var commands = map[string]command{
	"challenge": challenge,
	"deploy":    deploy,
	"list":      list,
	"remove":    remove,
	"submit":    submit,
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(arguments []string) error {
	if len(arguments) == 0 || commands[arguments[0]] == nil {
		return fmt.Errorf("name a command: challenge, deploy, list, remove or submit")
	}
	flags := flag.NewFlagSet(arguments[0], flag.ContinueOnError)
	call := commands[arguments[0]](flags)
	if err := flags.Parse(arguments[1:]); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 2*time.Minute)
	defer cancel()
	answer, err := call(ctx)
	if refusal, refused := status.FromError(err); err != nil && refused {
		answer = map[string]any{"refused": map[string]string{
			"code":    refusal.Code().String(),
			"message": refusal.Message(),
		}}
	} else if err != nil {
		return err
	}
	return json.NewEncoder(os.Stdout).Encode(answer)
}

// Values of a flag that may be given several times, as NAME=VALUE.
type variables map[string]string

func (v variables) String() string { return "" }

func (v variables) Set(text string) error {
	name, value, found := strings.Cut(text, "=")
	if !found {
		return fmt.Errorf("%q is not NAME=VALUE", text)
	}
	v[name] = value
	return nil
}

// The hexadecimal text of a file, without its prefix and line ends.
func hexFile(path string) (string, error) {
	text, err := os.ReadFile(path)
	return strings.TrimPrefix(strings.TrimSpace(string(text)), "0x"), err
}
