#![doc = env!("CARGO_PKG_DESCRIPTION")]
#![forbid(unsafe_code)]

mod collatz;

pub use collatz::{Chain, NothingBelow, longest_chain};
