//! A real executor on a directory of its own: keys, a configuration, performers as processes or containers, and whoever
//! calls it.
//!
//! ```text
//! site       keys, ports, configuration; kills what is left when it is dropped
//! ground     an engine, the sample performer as an image, a registry
//! gate       the socket proxy as a child, between an executor and an engine
//! executor   `hourglass-executor run` as a child: ready, killed, told to stop
//! command    every other command of the binary, with a deadline
//! load       tasks at a steady rate
//! hanging    the same while one of two replicas hangs
//! caller     plays the aggregator and the operator over the wire
//! web        one HTTP request, for /ready and /metrics
//! dropin     what others wrote: performers and a client in Go
//! processes  who runs on behalf of a site
//! containers the same, of an engine
//! ```

pub mod caller;
pub mod command;
pub mod containers;
pub mod dropin;
pub mod executor;
pub mod gate;
pub mod ground;
pub mod hanging;
pub mod load;
pub mod processes;
pub mod site;
pub mod web;
