use std::fmt;
use std::iter::FusedIterator;
use std::ops::Rem;

use crate::Error;

/// The answer to one number.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer<N> {
    /// A multiple of three.
    Fizz,
    /// A multiple of five.
    Buzz,
    /// A multiple of both.
    FizzBuzz,
    /// Any other number.
    Number(N),
}

/// Answers one number of any type that has remainders: integers, floats, your own.
///
/// # Examples
///
/// ```
/// # use fizzbuzz_example::{Answer, fizzbuzz};
/// assert_eq!(fizzbuzz(9), Answer::Fizz);
/// assert_eq!(fizzbuzz(1.5).to_string(), "1.5");
/// ```
#[inline]
pub fn fizzbuzz<N>(number: N) -> Answer<N>
where
    N: Copy + From<u8> + PartialEq + Rem<Output = N>,
{
    let divides = |divisor: u8| number % divisor.into() == 0.into();
    match (divides(3), divides(5)) {
        (true, true) => Answer::FizzBuzz,
        (true, false) => Answer::Fizz,
        (false, true) => Answer::Buzz,
        (false, false) => Answer::Number(number),
    }
}

impl<N: fmt::Display> fmt::Display for Answer<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fizz => f.write_str("fizz"),
            Self::Buzz => f.write_str("buzz"),
            Self::FizzBuzz => f.write_str("fizzbuzz"),
            Self::Number(number) => number.fmt(f),
        }
    }
}

/// The numbers from `start` up or down to `end`, without `end`, as Python's `range` has them.
#[derive(Debug, Clone)]
pub struct Steps {
    next: i64,
    step: i64,
    left: u64,
}

impl Steps {
    /// Plans the steps.
    ///
    /// # Errors
    ///
    /// [`Error::ZeroStep`] if `step` is zero.
    pub fn new(start: i64, end: i64, step: i64) -> Result<Self, Error> {
        let ahead = match step {
            0 => return Err(Error::ZeroStep),
            1.. => start < end,
            ..0 => start > end,
        };
        let distance = if ahead { start.abs_diff(end) } else { 0 };
        Ok(Self {
            next: start,
            step,
            left: distance.div_ceil(step.unsigned_abs()),
        })
    }
}

impl Iterator for Steps {
    type Item = i64;

    #[inline]
    fn next(&mut self) -> Option<i64> {
        self.left = self.left.checked_sub(1)?;
        let number = self.next;
        self.next = number.wrapping_add(self.step); // only the step after the last can wrap
        Some(number)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = usize::try_from(self.left);
        (left.unwrap_or(usize::MAX), left.ok())
    }
}

impl FusedIterator for Steps {}

#[cfg(test)]
mod tests {
    use super::*;

    fn steps(start: i64, end: i64, step: i64) -> Vec<i64> {
        Steps::new(start, end, step)
            .expect("a test takes real steps")
            .collect()
    }

    #[test]
    fn multiples_of_three_and_five_are_named() {
        let answers: Vec<_> = (1..=15)
            .map(|number| fizzbuzz(number).to_string())
            .collect();
        let all = "1 2 fizz 4 buzz fizz 7 8 fizz buzz 11 fizz 13 14 fizzbuzz";
        assert_eq!(answers.join(" "), all);
    }

    #[test]
    fn every_kind_of_number_is_answered() {
        assert_eq!(fizzbuzz(9_u8), Answer::Fizz);
        assert_eq!(fizzbuzz(-10_i16), Answer::Buzz);
        assert_eq!(fizzbuzz(0_u128), Answer::FizzBuzz);
        assert_eq!(fizzbuzz(7_i64), Answer::Number(7));
        assert_eq!(fizzbuzz(3.0_f32), Answer::Fizz);
        assert_eq!(fizzbuzz(1.5_f64).to_string(), "1.5");
        assert_eq!(fizzbuzz(1.0_f64).to_string(), "1");
    }

    #[test]
    fn steps_go_both_ways() {
        assert_eq!(steps(1, 7, 2), [1, 3, 5]);
        assert_eq!(steps(3, 0, -1), [3, 2, 1]);
        assert_eq!(steps(3, 3, 1), []);
        assert_eq!(steps(0, 5, -1), []);
        assert_eq!(Steps::new(1, 7, 2).unwrap().size_hint(), (3, Some(3)));
    }

    #[test]
    fn steps_reach_the_ends_of_the_type() {
        assert_eq!(steps(i64::MAX - 1, i64::MAX, 5), [i64::MAX - 1]);
        assert_eq!(
            steps(i64::MIN, i64::MAX, i64::MAX),
            [i64::MIN, -1, i64::MAX - 1]
        );
        assert_eq!(steps(i64::MAX, i64::MIN, i64::MIN), [i64::MAX, -1]);
    }

    #[test]
    fn a_step_of_zero_is_refused() {
        let error = Steps::new(1, 2, 0).unwrap_err();
        assert_eq!(error, Error::ZeroStep);
        assert_eq!(error.to_string(), "step cannot be zero");
    }
}
