use std::fmt;

/// What can go wrong in steps and in rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A range cannot advance by zero.
    ZeroStep,
    /// No number is a multiple of zero.
    ZeroDivisor,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZeroStep => f.write_str("step cannot be zero"),
            Self::ZeroDivisor => f.write_str("a divisor cannot be zero"),
        }
    }
}

impl std::error::Error for Error {}
