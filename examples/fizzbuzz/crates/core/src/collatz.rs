use std::cmp::Reverse;
use std::num::NonZero;
use std::{error, fmt, panic, thread};

/// A number and the length of its Collatz chain, which ends at 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chain {
    /// The number that the chain begins with.
    pub start: u32,
    /// How many numbers the chain has, both ends included.
    pub length: u32,
}

/// No positive number lies below this limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NothingBelow(pub u32);

impl fmt::Display for NothingBelow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "limit must be at least 2, not {}", self.0)
    }
}

impl error::Error for NothingBelow {}

/// Finds the number below `limit` with the longest Collatz chain; the smallest, if chains are equally long.
///
/// At most 256 threads share the work.
///
/// # Errors
///
/// [`NothingBelow`] if `limit` is less than 2.
///
/// # Examples
///
/// ```
/// # use std::num::NonZero;
/// # use fizzbuzz_example::{Chain, longest_chain};
/// let chain = longest_chain(10, NonZero::<usize>::MIN)?;
/// assert_eq!(chain, Chain { start: 9, length: 20 });
/// # Ok::<(), fizzbuzz_example::NothingBelow>(())
/// ```
pub fn longest_chain(limit: u32, threads: NonZero<usize>) -> Result<Chain, NothingBelow> {
    let order = |chain: &Chain| (chain.length, Reverse(chain.start));
    let threads = threads.get().min(256);
    // Neighbours go to different threads, since longer chains crowd at the upper end.
    let longest_from = |first| (first..limit).step_by(threads).map(chain).max_by_key(order);
    thread::scope(|scope| {
        // The calling thread does the first part, so that a single thread starts no other.
        let workers: Vec<_> = (1..limit)
            .take(threads)
            .skip(1)
            .map(|first| scope.spawn(move || longest_from(first)))
            .collect();
        let first = longest_from(1);
        let results = workers.into_iter().map(thread::ScopedJoinHandle::join);
        let others =
            results.filter_map(|result| result.unwrap_or_else(|cause| panic::resume_unwind(cause)));
        first.into_iter().chain(others).max_by_key(order)
    })
    .ok_or(NothingBelow(limit))
}

/// No chain that begins below 2^32 leaves 64 bits: <https://oeis.org/A006884>
fn chain(start: u32) -> Chain {
    let mut number = u64::from(start);
    let mut length = 1;
    while number != 1 {
        number = if number % 2 == 0 {
            number / 2
        } else {
            3 * number + 1
        };
        length += 1;
    }
    Chain { start, length }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn longest(limit: u32, threads: usize) -> (u32, u32) {
        let chain = longest_chain(limit, NonZero::new(threads).unwrap()).unwrap();
        (chain.start, chain.length)
    }

    #[test]
    fn the_longest_chain_below_a_million_is_known() {
        assert_eq!(longest(1_000_000, 2), (837_799, 525));
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        for threads in [2, 3, 7, 1000] {
            assert_eq!(longest(100, threads), longest(100, 1));
        }
    }

    #[test]
    fn of_equally_long_chains_the_smallest_start_wins() {
        assert_eq!(longest(14, 1), (9, 20));
        assert_eq!(longest(20, 3), (18, 21));
    }

    #[test]
    fn nothing_lies_below_one() {
        let refusal = longest_chain(1, NonZero::<usize>::MIN).unwrap_err();
        assert_eq!(refusal.to_string(), "limit must be at least 2, not 1");
    }
}
