#![doc = env!("CARGO_PKG_DESCRIPTION")]
#![forbid(unsafe_code)]

mod collatz;
mod error;
mod fizzbuzz;
mod rules;

pub use collatz::{Chain, NothingBelow, longest_chain};
pub use error::Error;
pub use fizzbuzz::{Answer, Steps, fizzbuzz};
pub use rules::{Case, Rules};
