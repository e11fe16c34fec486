use std::num::NonZero;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

/// Find the number below `limit` with the longest Collatz chain.
///
/// If chains are equally long, the one with the smallest start counts. Other Python threads run
/// meanwhile.
///
/// Args:
///     limit (int): from 2 to 4294967295; the numbers 1 to `limit - 1` are tried.
///     threads (int): how many threads share the work, from 1; no more than 256 are used.
///
/// Returns:
///     tuple[int, int]: the start of the chain, and how many numbers it has.
///
/// Raises:
///     TypeError: if an argument is not an `int`.
///     ValueError: if `limit` is 0 or 1, or `threads` is 0.
///     OverflowError: if an argument is negative or too large.
///
/// Examples:
///     >>> from fast_collatz import longest_chain
///     >>> longest_chain(100_000, threads=2)
///     (77031, 351)
#[pyfunction]
#[pyo3(signature = (limit, *, threads = NonZero::<usize>::MIN))]
pub(crate) fn longest_chain(
    py: Python<'_>,
    limit: u32,
    threads: NonZero<usize>,
) -> PyResult<(u32, u32)> {
    let chain = py
        .detach(|| rust_core::longest_chain(limit, threads))
        .map_err(|error| PyValueError::new_err(error.to_string()))?;
    Ok((chain.start, chain.length))
}
