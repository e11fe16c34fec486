//! What people write in the first week.

use numpy::{IntoPyArray, PyArray1, PyReadonlyArray1};
use pyo3::create_exception;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

create_exception!(
    week,
    WeekError,
    PyValueError,
    "A week that does not exist."
);

/// Check that a week exists.
///
/// Args:
///     number (int): of the week, from 1 to 53.
///
/// Raises:
///     WeekError: if there is no such week.
#[pyfunction]
pub(crate) fn check_week(number: u8) -> PyResult<()> {
    if (1..=53).contains(&number) {
        Ok(())
    } else {
        Err(WeekError::new_err(format!("there is no week {number}")))
    }
}

/// Return the number, without a thread of its own.
///
/// Args:
///     number (int): any number of 64 bits.
///
/// Returns:
///     int: the same.
#[pyfunction]
pub(crate) async fn later(number: u64) -> u64 {
    number
}

/// Call a function with each number below a limit.
///
/// Args:
///     function (Callable[[int], int]): what is called.
///     limit (int): how often.
///
/// Returns:
///     list[int]: what it returned.
#[pyfunction]
#[pyo3(signature = (function: "Callable[[int], int]", limit: "int" = 3) -> "list[int]")]
pub(crate) fn call_each(function: &Bound<'_, PyAny>, limit: u32) -> PyResult<Vec<i64>> {
    (0..limit)
        .map(|number| function.call1((number,))?.extract())
        .collect()
}

/// Reverse bytes.
///
/// Args:
///     data (bytes): what is reversed.
///
/// Returns:
///     bytes: the reverse.
#[pyfunction]
pub(crate) fn reverse(data: &[u8]) -> Vec<u8> {
    data.iter().rev().copied().collect()
}

/// Double each number of an array.
///
/// Args:
///     numbers (numpy.ndarray): of float64, with one dimension.
///
/// Returns:
///     numpy.ndarray: a new array of the same length.
#[pyfunction]
#[pyo3(signature = (numbers: "numpy.ndarray") -> "numpy.ndarray")]
pub(crate) fn double<'py>(
    py: Python<'py>,
    numbers: PyReadonlyArray1<'py, f64>,
) -> Bound<'py, PyArray1<f64>> {
    let doubled: Vec<f64> = numbers.as_array().iter().map(|x| 2.0 * x).collect();
    doubled.into_pyarray(py)
}

/// Something that is open until its block ends.
#[pyclass(frozen, module = "week")]
pub(crate) struct Session {
    swallows: bool,
}

#[pymethods]
impl Session {
    #[new]
    fn new(swallows: bool) -> Self {
        Self { swallows }
    }

    fn __enter__(slf: PyRef<'_, Self>) -> PyRef<'_, Self> {
        slf
    }

    /// Return whether an exception ends here.
    fn __exit__(
        &self,
        kind: Option<&Bound<'_, PyAny>>,
        _value: Option<&Bound<'_, PyAny>>,
        _traceback: Option<&Bound<'_, PyAny>>,
    ) -> bool {
        self.swallows && kind.is_some()
    }
}

/// Count arguments.
///
/// Args:
///     args (object): counted.
///     kwargs (object): counted as well.
///
/// Returns:
///     int: how many there are.
#[pyfunction]
#[pyo3(signature = (*args, **kwargs))]
pub(crate) fn count(args: &Bound<'_, PyTuple>, kwargs: Option<&Bound<'_, PyDict>>) -> usize {
    args.len() + kwargs.map_or(0, |kwargs| kwargs.len())
}

/// Return the mean of numbers.
///
/// Args:
///     numbers (list[float]): at least one.
///
/// Returns:
///     float: their mean.
///
/// Raises:
///     ValueError: if there are none.
#[pyfunction]
pub(crate) fn mean(numbers: Vec<f64>) -> PyResult<f64> {
    if numbers.is_empty() {
        return Err(PyValueError::new_err("numbers is empty"));
    }
    Ok(numbers.iter().sum::<f64>() / numbers.len() as f64)
}

/// Log a message at the level INFO.
///
/// Args:
///     message (str): what is logged.
#[pyfunction]
pub(crate) fn note(message: &str) {
    log::info!("{message}");
}

/// A day of the week.
#[pyclass(eq, eq_int, hash, frozen, module = "week")]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Day {
    /// The first.
    Monday,
    /// The second.
    Tuesday,
}

/// A point with two coordinates.
#[pyclass(eq, ord, module = "week")]
#[derive(Clone, Copy, PartialEq, PartialOrd)]
pub(crate) struct Point {
    /// The horizontal coordinate.
    #[pyo3(get, set)]
    x: f64,
    y: f64,
}

#[pymethods]
impl Point {
    #[new]
    #[pyo3(signature = (x = 0.0, y = 0.0))]
    fn new(x: f64, y: f64) -> Self {
        Self { x, y }
    }

    /// Return the origin.
    #[staticmethod]
    fn origin() -> Self {
        Self { x: 0.0, y: 0.0 }
    }

    /// The vertical coordinate.
    #[getter]
    fn y(&self) -> f64 {
        self.y
    }

    #[setter]
    fn set_y(&mut self, y: f64) {
        self.y = y;
    }

    fn __add__(&self, other: &Self) -> Self {
        Self {
            x: self.x + other.x,
            y: self.y + other.y,
        }
    }

    fn __neg__(&self) -> Self {
        Self {
            x: -self.x,
            y: -self.y,
        }
    }

    fn __repr__(&self) -> String {
        format!("Point({}, {})", self.x, self.y)
    }

    fn __getnewargs__(&self) -> (f64, f64) {
        (self.x, self.y)
    }
}
