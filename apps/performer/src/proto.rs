//! Generated from `proto/eigenlayer/hourglass/v1/performer/performer.proto`.
#![expect(missing_docs, clippy::allow_attributes, clippy::allow_attributes_without_reason, reason = "generated code")]

tonic::include_proto!("eigenlayer.hourglass.v1.performer");
