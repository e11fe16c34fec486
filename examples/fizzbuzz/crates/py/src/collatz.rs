use pyo3::prelude::*;

use crate::arguments::{Limit, Threads};
use crate::error::Error;

/// Find the number below `limit` with the longest Collatz chain.
///
/// Of several equally long chains, the one with the smallest start counts. Other Python threads
/// run meanwhile.
///
/// Args:
///     limit (int): from 2 to 4294967295; the numbers 1 to `limit - 1` are tried.
///     threads (int): from 1 to 256; how many threads share the work.
///
/// Returns:
///     tuple[int, int]: the start of the chain, and how many numbers it has.
///
/// Raises:
///     TypeError: if an argument is not an `int`.
///     ValueError: if an argument lies outside its bounds.
///
/// Examples:
///     >>> from fizzbuzz_example import longest_chain
///     >>> longest_chain(100_000, threads=2)
///     (77031, 351)
#[pyfunction]
#[pyo3(signature = (limit: "int", *, threads: "int" = Threads::ONE))]
pub(crate) fn longest_chain(
    py: Python<'_>,
    limit: Limit,
    threads: Threads,
) -> Result<(u32, u32), Error> {
    let chain = py.detach(|| rust_core::longest_chain(limit.0, threads.0))?;
    Ok((chain.start, chain.length))
}
