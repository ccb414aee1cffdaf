//! The sample performer: it squares a hexadecimal number, and misbehaves in every way that its [`Behaviour`] names.
//!
//! It serves `eigenlayer.hourglass.v1.performer.PerformerService` and `grpc.health.v1.Health` in plaintext
//! (`contract.md` §1). The binary `square-performer` is this library plus argument parsing; tests that want a performer
//! in their own process call [`spawn`]:
//!
//! ```
//! # tokio::runtime::Runtime::new().unwrap().block_on(async {
//! use square_performer::{Behaviour, Outcome, proto::TaskRequest, proto::performer_service_client::PerformerServiceClient};
//!
//! let performer = square_performer::spawn(Behaviour::default()).await?;
//! let mut client = PerformerServiceClient::connect(format!("http://{}", performer.address())).await?;
//! let answer = client.execute_task(TaskRequest { task_id: b"0x01".to_vec(), payload: b"0x10".to_vec() }).await?;
//! assert_eq!(answer.into_inner().result, b"0x100");
//! assert_eq!(performer.stop().await?, Outcome::Stopped);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```
//!
//! It holds no keys, checks no signatures and keeps nothing: what it answers is believed by nobody but its executor.

mod answer;
mod behaviour;
mod count;
mod flood;
mod health;
pub mod proto;
mod server;
mod service;
mod square;

pub use behaviour::{Behaviour, Garbage};
pub use server::{Outcome, Performer, serve, spawn};
pub use square::square;
