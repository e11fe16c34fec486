#![doc = env!("CARGO_PKG_DESCRIPTION")]
#![forbid(unsafe_code)]

mod collatz;
mod error;

pub use collatz::{Chain, longest_chain};
pub use error::Error;
