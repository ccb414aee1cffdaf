//! The Hourglass operator.

fn main() {}
