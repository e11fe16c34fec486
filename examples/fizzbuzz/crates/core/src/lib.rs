#![doc = env!("CARGO_PKG_DESCRIPTION")]
#![forbid(unsafe_code)]

mod collatz;
mod error;
mod fizzbuzz;

pub use collatz::{Chain, NothingBelow, longest_chain};
pub use error::Error;
pub use fizzbuzz::{Answer, Steps, fizzbuzz};
