//! In-memory fakes of the ports and the conformance suites that every adapter runs.
