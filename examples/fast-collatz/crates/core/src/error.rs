use std::fmt;

/// What can go wrong in this crate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Error {
    /// No positive number lies below this limit.
    NothingBelow(u32),
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NothingBelow(limit) => write!(f, "limit must be at least 2, not {limit}"),
        }
    }
}

impl std::error::Error for Error {}
