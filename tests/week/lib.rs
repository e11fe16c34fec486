//! The Python module `_rust`: a table of contents.

#![allow(
    clippy::doc_link_with_quotes,
    clippy::doc_markdown,
    clippy::needless_pass_by_value,
    reason = "the docs here are Python's docstrings, and its arguments arrive by value"
)]

mod collatz;
mod week;

/// What the package is made of, in Rust.
#[pyo3::pymodule]
mod _rust {
    use pyo3::prelude::*;

    #[pymodule_export]
    use crate::collatz::longest_chain;
    #[pymodule_export]
    use crate::week::{
        Day, Point, Session, WeekError, call_each, check_week, count, double, later, mean, note, reverse,
    };

    /// How many days a week has.
    #[pymodule_export]
    const DAYS: u32 = 7;

    /// Sums.
    #[pymodule]
    mod sums {
        use pyo3::prelude::*;

        /// Add two numbers.
        ///
        /// Args:
        ///     a (int): the first.
        ///     b (int): the second.
        ///
        /// Returns:
        ///     int: their sum.
        #[pyfunction]
        fn add(a: i64, b: i64) -> i64 {
            a + b
        }

        #[pymodule_init]
        fn init(module: &Bound<'_, PyModule>) -> PyResult<()> {
            let modules = module.py().import("sys")?.getattr("modules")?;
            modules.set_item("week._rust.sums", module)
        }
    }

    #[pymodule_init]
    fn init(_module: &Bound<'_, PyModule>) -> PyResult<()> {
        pyo3_log::init();
        Ok(())
    }
}
