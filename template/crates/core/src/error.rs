use std::fmt;

/// What can go wrong in steps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// A range cannot advance by zero.
    ZeroStep,
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ZeroStep => f.write_str("step cannot be zero"),
        }
    }
}

impl std::error::Error for Error {}
