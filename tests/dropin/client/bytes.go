package main

import (
	"encoding/binary"

	"github.com/ethereum/go-ethereum/common"
	"github.com/ethereum/go-ethereum/crypto"
)

// The bytes that are signed, written down from the protocol's description.

// An integer, left-padded to a word.
func integer(value uint64) []byte {
	return common.LeftPadBytes(binary.BigEndian.AppendUint64(nil, value), 32)
}

func words(parts ...[]byte) []byte {
	var joined []byte
	for _, part := range parts {
		joined = append(joined, common.LeftPadBytes(part, 32)...)
	}
	return joined
}

// What the aggregator signs: 224 bytes.
func (t task) submissionMessage() []byte {
	return words(t.id.Bytes(), t.avs.Bytes(), t.operator.Bytes(), integer(uint64(t.set)), integer(uint64(t.timestamp)),
		integer(t.block), crypto.Keccak256(t.payload))
}

// keccak256(abi.encode(bytes32, bytes)).
func (t task) messageHash(output []byte) []byte {
	encoded := words(t.id.Bytes(), integer(64), integer(uint64(len(output))))
	encoded = append(encoded, common.RightPadBytes(output, (len(output)+31)/32*32)...)
	return crypto.Keccak256(encoded)
}

// The struct hash of a certificate, of the type named.
func (t task) certificate(kind string, output []byte) []byte {
	typed := crypto.Keccak256([]byte(kind + "(uint32 referenceTimestamp,bytes32 messageHash)"))
	return crypto.Keccak256(words(typed, integer(uint64(t.timestamp)), t.messageHash(output)))
}

// What an operator signs on secp256k1, hashed: EIP-712 in a domain without a chain.
func (t task) ecdsaDigest(output []byte, version string, verifier common.Address) []byte {
	domain := crypto.Keccak256(words(
		crypto.Keccak256([]byte("EIP712Domain(string name,string version,address verifyingContract)")),
		crypto.Keccak256([]byte("EigenLayer")), crypto.Keccak256([]byte(version)), verifier.Bytes()))
	return crypto.Keccak256([]byte{0x19, 0x01}, domain, t.certificate("ECDSACertificate", output))
}

// What an operator signs on BN254.
func (t task) bn254Digest(output []byte) []byte {
	return t.certificate("BN254Certificate", output)
}

// What shows who answered, hashed.
func (t task) authDigest(resultSignature []byte) []byte {
	return crypto.Keccak256(words(t.id.Bytes(), t.avs.Bytes(), t.operator.Bytes(), integer(uint64(t.set)),
		crypto.Keccak256(resultSignature)))
}
