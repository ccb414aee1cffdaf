//! Messages, services and clients generated from `proto/`.
//!
//! What each field means is written in the `.proto` files and in `contract.md` §1.

/// The encoded descriptors of every file in `proto/`, for reflection.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// `hourglass.admin.v1`: what is ours alone; other executors do not serve it.
pub use hourglass::admin::v1 as admin;
pub use v1::{common, performer, wire};

/// Packages by their whole names, as generated code refers from one to another.
#[doc(hidden)]
pub mod eigenlayer {
    pub mod hourglass {
        pub use crate::proto::v1;
    }
}

/// Packages of ours.
#[expect(clippy::allow_attributes, clippy::allow_attributes_without_reason, reason = "generated")]
#[doc(hidden)]
pub mod hourglass {
    pub mod admin {
        pub mod v1 {
            tonic::include_proto!("hourglass.admin.v1");
        }
    }
}

/// `eigenlayer.hourglass.v1`: the services of executors and of aggregators.
#[expect(missing_docs, reason = "generated; the .proto files document it")]
#[expect(clippy::allow_attributes, clippy::allow_attributes_without_reason, reason = "generated")]
pub mod v1 {
    tonic::include_proto!("eigenlayer.hourglass.v1");

    /// `eigenlayer.hourglass.v1.common`.
    pub mod common {
        tonic::include_proto!("eigenlayer.hourglass.v1.common");
    }

    /// `eigenlayer.hourglass.v1.performer`: what performers serve.
    pub mod performer {
        tonic::include_proto!("eigenlayer.hourglass.v1.performer");
    }

    /// `eigenlayer.hourglass.v1.wire`: messages for a connection that the executor opens to the aggregator.
    pub mod wire {
        tonic::include_proto!("eigenlayer.hourglass.v1.wire");
    }
}
