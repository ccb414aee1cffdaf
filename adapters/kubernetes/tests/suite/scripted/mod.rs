//! On an API server that plays a script.

mod peer;
mod rights;
mod watching;
mod writing;
