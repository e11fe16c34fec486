use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::{PyFloat, PyInt, PyList, PySlice, PyString};
use rust_core::{Answer, Steps};

use crate::error::Error;

/// Answer one number, each number of a list, or each number of a slice read as a range.
///
/// A multiple of three gives `fizz`, of five `buzz`, of both `fizzbuzz`, and any other number its
/// shortest form.
///
/// Args:
///     n (int | float | list[int | float] | slice): what to answer. A slice needs a stop; a missing
///         start or step means 0 and 1. Its bounds fit into 64 bits; other numbers may be larger.
///
/// Returns:
///     str | list[str]: a `str` for a number, a `list[str]` for a list or a slice.
///
/// Raises:
///     TypeError: if `n` or something in it is no number, or a slice has no stop.
///     ValueError: if the step of a slice is zero, or a bound needs more than 64 bits.
///     MemoryError: if a slice has more numbers than memory can hold.
///
/// Examples:
///     >>> from fizzbuzz_example import fizzbuzz
///     >>> fizzbuzz(15)
///     'fizzbuzz'
///     >>> fizzbuzz([1, 1.5, 10])
///     ['1', '1.5', 'buzz']
///     >>> fizzbuzz(slice(3, 0, -1))
///     ['fizz', '2', '1']
#[pyfunction]
#[pyo3(signature = (n: "int | float | list[int | float] | slice", /) -> "str | list[str]")]
pub(crate) fn fizzbuzz<'py>(
    py: Python<'py>,
    n: Input<'_, 'py>,
) -> Result<Bound<'py, PyAny>, Error> {
    // A list is filled with each string as it is made: a `Vec` in between takes twice as long.
    match n {
        Input::Number(number) => Ok(answer(&number)?.into_any()),
        Input::List(list) => {
            // As it is now: what `__index__` or another thread does to the list meanwhile does no harm.
            let numbers = list.to_tuple();
            Ok(PyList::new(py, numbers.iter().map(Element))?.into_any())
        }
        Input::Range(steps) => {
            let length = steps.size_hint().0;
            // `PyList::new` panics where memory is short.
            let room = Vec::<usize>::new().try_reserve_exact(length);
            room.map_err(|_| Error::Memory(length))?;
            Ok(PyList::new(py, steps.map(|number| integer(py, number)))?.into_any())
        }
    }
}

/// What `fizzbuzz` accepts.
pub(crate) enum Input<'a, 'py> {
    Number(Borrowed<'a, 'py, PyAny>),
    List(Borrowed<'a, 'py, PyList>),
    Range(Steps),
}

impl<'a, 'py> FromPyObject<'a, 'py> for Input<'a, 'py> {
    type Error = Error;

    fn extract(object: Borrowed<'a, 'py, PyAny>) -> Result<Self, Error> {
        if let Ok(list) = object.cast::<PyList>() {
            Ok(Self::List(list))
        } else if object.is_instance_of::<PySlice>() {
            let start = bound(object, "start")?.unwrap_or(0);
            let end = bound(object, "stop")?.ok_or_else(|| Error::no_number(object))?;
            let step = bound(object, "step")?.unwrap_or(1);
            Ok(Self::Range(Steps::new(start, end, step)?))
        } else {
            Ok(Self::Number(object))
        }
    }
}

fn bound(object: Borrowed<'_, '_, PyAny>, name: &str) -> Result<Option<i64>, Error> {
    let bound = object.getattr(name)?;
    if bound.is_none() {
        return Ok(None);
    }
    let bounds = "a bound of a slice must fit into 64 bits";
    let number = bound.extract();
    number
        .map(Some)
        .map_err(|error| Error::number(object, bound.as_borrowed(), bounds, error))
}

/// An element of a list, answered when it is put into the list of answers.
struct Element<'py>(Bound<'py, PyAny>);

impl<'py> IntoPyObject<'py> for Element<'py> {
    type Target = PyString;
    type Output = Bound<'py, PyString>;
    type Error = PyErr;

    fn into_pyobject(self, _: Python<'py>) -> PyResult<Bound<'py, PyString>> {
        Ok(answer(&self.0)?)
    }
}

fn answer<'py>(number: &Bound<'py, PyAny>) -> Result<Bound<'py, PyString>, Error> {
    if let Ok(int) = number.cast::<PyInt>() {
        Ok(int
            .extract()
            .map(|small| integer(int.py(), small))
            .or_else(|_| large(int))?)
    } else if let Ok(float) = number.cast::<PyFloat>() {
        Ok(fraction(float.py(), float.value())?)
    } else {
        // What NumPy and others offer as an integer.
        let index = number.extract().map(|small| integer(number.py(), small));
        let bounds = "an integer of another type must fit into 64 bits";
        let object = number.as_borrowed();
        index.map_err(|error| Error::number(object, object, bounds, error))
    }
}

fn integer(py: Python<'_>, number: i64) -> Bound<'_, PyString> {
    word(py, &rust_core::fizzbuzz(number))
        .unwrap_or_else(|| PyString::new(py, itoa::Buffer::new().format(number)))
}

/// More than 64 bits: Python divides, and the remainder has the same answer.
fn large<'py>(number: &Bound<'py, PyInt>) -> PyResult<Bound<'py, PyString>> {
    let remainder: u8 = number.rem(15)?.extract()?;
    word(number.py(), &rust_core::fizzbuzz(remainder)).map_or_else(|| number.str(), Ok)
}

/// As Python writes it: Rust would write 1e300 with all its zeros.
fn fraction(py: Python<'_>, number: f64) -> PyResult<Bound<'_, PyString>> {
    if let Some(word) = word(py, &rust_core::fizzbuzz(number)) {
        return Ok(word);
    }
    let written = PyFloat::new(py, number).str()?.to_string();
    Ok(PyString::new(
        py,
        written.strip_suffix(".0").unwrap_or(&written),
    ))
}

/// The three strings that answers share.
fn word<'py, N>(py: Python<'py>, answer: &Answer<N>) -> Option<Bound<'py, PyString>> {
    let word = match answer {
        Answer::Fizz => intern!(py, "fizz"),
        Answer::Buzz => intern!(py, "buzz"),
        Answer::FizzBuzz => intern!(py, "fizzbuzz"),
        Answer::Number(_) => return None,
    };
    Some(word.clone())
}
