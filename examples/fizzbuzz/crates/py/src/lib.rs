//! The Python module `_rust`: a table of contents.

#![allow(
    clippy::doc_link_with_quotes,
    clippy::doc_markdown,
    clippy::needless_pass_by_value,
    reason = "the docs here are Python's docstrings, and its arguments arrive by value"
)]

mod collatz;
mod error;
mod fizzbuzz;
mod rules;

/// What the package is made of, in Rust.
#[pyo3::pymodule]
mod _rust {
    #[pymodule_export]
    use crate::collatz::longest_chain;
    #[pymodule_export]
    use crate::error::RulesError;
    #[pymodule_export]
    use crate::fizzbuzz::fizzbuzz;
    #[pymodule_export]
    use crate::rules::{Case, Rules};
}
