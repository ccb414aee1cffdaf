//! A real executor on a directory of its own: keys, a configuration, performers as processes, and whoever calls it.
//!
//! ```text
//! site       keys, ports, configuration; kills what is left when it is dropped
//! executor   `hourglass-executor run` as a child: ready, killed, told to stop
//! command    every other command of the binary, with a deadline
//! caller     plays the aggregator and the operator over the wire
//! web        one HTTP request, for /ready and /metrics
//! dropin     what others wrote: performers and a client in Go
//! processes  who runs on behalf of a site
//! ```

pub mod caller;
pub mod command;
pub mod dropin;
pub mod executor;
pub mod processes;
pub mod site;
pub mod web;
