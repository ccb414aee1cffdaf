package main

import (
	"errors"
	"fmt"
	"math/big"

	"github.com/Layr-Labs/crypto-libs/pkg/bn254"
	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

// A curve on which aggregators and operators sign, with the keys of one of each.
type curve interface {
	// The aggregator's signature over the hash of a message.
	sign(message []byte) ([]byte, error)
	// Whether the operator's two signatures under an output hold.
	check(t task, output, result, auth []byte) error
}

type onSecp256k1 struct {
	aggregator signer
	operator   common.Address
	verifier   common.Address
	version    string
}

func (c onSecp256k1) sign(message []byte) ([]byte, error) {
	return c.aggregator.SignMessage(message)
}

func (c onSecp256k1) check(t task, output, result, auth []byte) error {
	if err := c.recovers(t.ecdsaDigest(output, c.version, c.verifier), result); err != nil {
		return fmt.Errorf("result_signature: %w", err)
	}
	if err := c.recovers(t.authDigest(result), auth); err != nil {
		return fmt.Errorf("auth_signature: %w", err)
	}
	return nil
}

func (c onSecp256k1) recovers(digest, signature []byte) error {
	if len(signature) != 65 {
		return fmt.Errorf("it has %d bytes", len(signature))
	}
	v := signature[64]
	if v != 27 && v != 28 {
		return fmt.Errorf("v is %d", v)
	}
	r, s := new(big.Int).SetBytes(signature[:32]), new(big.Int).SetBytes(signature[32:64])
	if !crypto.ValidateSignatureValues(v-27, r, s, true) {
		return errors.New("r or s is out of range, or s is high")
	}
	key, err := crypto.SigToPub(digest, append(append([]byte{}, signature[:64]...), v-27))
	if err != nil {
		return err
	}
	if signed := crypto.PubkeyToAddress(*key); signed != c.operator {
		return fmt.Errorf("%s signed, not %s", signed, c.operator)
	}
	return nil
}

type onBN254 struct {
	aggregator *bn254.PrivateKey
	operator   *bn254.PublicKey
}

func (c onBN254) sign(message []byte) ([]byte, error) {
	signature, err := c.aggregator.Sign(crypto.Keccak256(message))
	if err != nil {
		return nil, err
	}
	return signature.Bytes(), nil
}

func (c onBN254) check(t task, output, result, auth []byte) error {
	certificate, err := bn254.NewSignatureFromBytes(result)
	if err != nil {
		return err
	}
	if holds, err := certificate.VerifySolidityCompatible(c.operator, [32]byte(t.bn254Digest(output))); err != nil || !holds {
		return errors.Join(errors.New("result_signature does not hold"), err)
	}
	proof, err := bn254.NewSignatureFromBytes(auth)
	if err != nil {
		return err
	}
	if holds, err := proof.Verify(c.operator, t.authDigest(result)); err != nil || !holds {
		return errors.Join(errors.New("auth_signature does not hold"), err)
	}
	return nil
}
