//! The only place that names Python's exceptions.

use pyo3::create_exception;
use pyo3::exceptions::{PyMemoryError, PyOverflowError, PyTypeError, PyValueError};
use pyo3::prelude::*;

create_exception!(
    fizzbuzz_example,
    RulesError,
    PyValueError,
    "Rules that no number can follow."
);

/// What can go wrong between Python and Rust.
pub(crate) enum Error {
    /// The core refused: `RulesError` or another `ValueError`.
    Core(rust_core::Error),
    /// An argument of the right type lies outside its bounds: `ValueError`.
    Bounds(String),
    /// An argument is of the wrong type: `TypeError`.
    Type(String),
    /// So many answers do not fit into memory: `MemoryError`.
    Memory(usize),
    /// Python raised this itself.
    Python(PyErr),
}

impl Error {
    /// Turns `OverflowError` into `ValueError`, and passes other exceptions through.
    pub(crate) fn argument(object: Borrowed<'_, '_, PyAny>, bounds: &str, error: PyErr) -> Self {
        if error.is_instance_of::<PyOverflowError>(object.py()) {
            Self::out_of_bounds(object, bounds)
        } else {
            Self::Python(error)
        }
    }

    pub(crate) fn out_of_bounds(object: Borrowed<'_, '_, PyAny>, bounds: &str) -> Self {
        Self::Bounds(format!("{bounds}, not {}", *object))
    }

    /// Something in `object` is no number; Python's own message would name its type only.
    pub(crate) fn number(
        object: Borrowed<'_, '_, PyAny>,
        number: Borrowed<'_, '_, PyAny>,
        bounds: &str,
        error: PyErr,
    ) -> Self {
        if error.is_instance_of::<PyTypeError>(object.py()) {
            Self::no_number(object)
        } else {
            Self::argument(number, bounds, error)
        }
    }

    pub(crate) fn no_number(object: Borrowed<'_, '_, PyAny>) -> Self {
        let shown: String = format!("{:?}", *object).chars().take(60).collect();
        let accepted = "an int, a float, a list of them, or a slice with a stop";
        Self::Type(format!("fizzbuzz takes {accepted}, not {shown}"))
    }
}

impl From<Error> for PyErr {
    fn from(error: Error) -> Self {
        match error {
            Error::Core(error @ rust_core::Error::ZeroDivisor) => {
                RulesError::new_err(error.to_string())
            }
            Error::Core(error) => PyValueError::new_err(error.to_string()),
            Error::Bounds(message) => PyValueError::new_err(message),
            Error::Type(message) => PyTypeError::new_err(message),
            Error::Memory(length) => {
                PyMemoryError::new_err(format!("{length} answers do not fit into memory"))
            }
            Error::Python(error) => error,
        }
    }
}

impl From<rust_core::Error> for Error {
    fn from(error: rust_core::Error) -> Self {
        Self::Core(error)
    }
}

impl From<PyErr> for Error {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}
