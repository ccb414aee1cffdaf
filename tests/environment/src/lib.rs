//! Real components, started for tests and for the demo and gone with whoever started them.
