use std::num::NonZero;
use std::{panic, thread};

use crate::Error;

/// A number and the length of its Collatz chain, which ends at 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chain {
    /// The number that the chain begins with.
    pub start: u32,
    /// How many numbers the chain has, both ends included.
    pub length: u32,
}

/// Finds the number below `limit` with the longest Collatz chain, and of several the smallest.
///
/// # Errors
///
/// [`Error::NothingBelow`] if `limit` is less than 2.
///
/// # Examples
///
/// ```
/// # use std::num::NonZero;
/// # use fizzbuzz_example::{Chain, longest_chain};
/// let chain = longest_chain(10, NonZero::<usize>::MIN)?;
/// assert_eq!(chain, Chain { start: 9, length: 20 });
/// # Ok::<(), fizzbuzz_example::Error>(())
/// ```
pub fn longest_chain(limit: u32, threads: NonZero<usize>) -> Result<Chain, Error> {
    // Neighbours go to different threads, since longer chains crowd at the upper end.
    let longest_from = |first| {
        (first..limit)
            .step_by(threads.get())
            .map(chain)
            .reduce(longer)
    };
    thread::scope(|scope| {
        let workers: Vec<_> = (1..limit)
            .take(threads.get())
            .map(|first| scope.spawn(move || longest_from(first)))
            .collect();
        workers
            .into_iter()
            .filter_map(|worker| {
                worker
                    .join()
                    .unwrap_or_else(|cause| panic::resume_unwind(cause))
            })
            .reduce(longer)
    })
    .ok_or(Error::NothingBelow(limit))
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

fn longer(one: Chain, other: Chain) -> Chain {
    if (other.length, one.start) > (one.length, other.start) {
        other
    } else {
        one
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn longest(limit: u32, threads: usize) -> Result<Chain, Error> {
        longest_chain(
            limit,
            NonZero::new(threads).expect("a test asks for a thread"),
        )
    }

    #[test]
    fn the_longest_chain_below_a_million_is_known() {
        assert_eq!(
            longest(1_000_000, 2),
            Ok(Chain {
                start: 837_799,
                length: 525
            })
        );
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        for threads in [2, 3, 7, 200] {
            assert_eq!(longest(100, threads), longest(100, 1));
        }
    }

    #[test]
    fn of_equally_long_chains_the_smallest_start_wins() {
        assert_eq!(
            longest(14, 1),
            Ok(Chain {
                start: 9,
                length: 20
            })
        );
        assert_eq!(
            longest(20, 3),
            Ok(Chain {
                start: 18,
                length: 21
            })
        );
    }

    #[test]
    fn nothing_lies_below_one() {
        assert_eq!(longest(1, 1), Err(Error::NothingBelow(1)));
        assert_eq!(longest(0, 4), Err(Error::NothingBelow(0)));
    }
}
