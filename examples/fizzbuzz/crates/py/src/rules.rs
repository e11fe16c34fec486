use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyList, PyType};

use crate::error::Error;

/// How words are written.
#[pyclass(
    eq,
    frozen,
    from_py_object,
    hash,
    module = "fizzbuzz_example",
    rename_all = "UPPERCASE"
)]
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Case {
    /// As the rules have them.
    Given,
    /// In capitals.
    Upper,
}

#[pymethods]
impl Case {
    // What pickle and copy call to get the member: `getattr(Case, "UPPER")`.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<(Bound<'py, PyAny>, Name<'py>)> {
        let py = slf.py();
        let name = match slf.get() {
            Self::Given => "GIVEN",
            Self::Upper => "UPPER",
        };
        let getattr = py.import("builtins")?.getattr("getattr")?;
        Ok((getattr, (py.get_type::<Self>(), name)))
    }
}

type Name<'py> = (Bound<'py, PyType>, &'static str);

/// Rules of a game: which word stands for multiples of which divisor.
///
/// Rules cannot change, so they are equal if their words are, and may be keys of a dictionary.
///
/// Args:
///     words (list[tuple[int, str]]): divisors from 1 to 4294967295 and their words, in the order in
///         which words are joined.
///
/// Raises:
///     RulesError: if a divisor is 0.
///     OverflowError: if a divisor is negative or too large.
///
/// Examples:
///     >>> from fizzbuzz_example import Case, Rules
///     >>> rules = Rules([(3, "fizz"), (7, "bang")])
///     >>> rules.answer(21, case=Case.UPPER)
///     'FIZZBANG'
///     >>> list(rules)
///     [(3, 'fizz'), (7, 'bang')]
#[pyclass(eq, frozen, hash, module = "fizzbuzz_example")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Rules(rust_core::Rules);

#[pymethods]
impl Rules {
    #[new]
    #[pyo3(signature = (words: "Sequence[tuple[int, str]]", /))]
    fn new(words: Vec<(u32, String)>) -> Result<Self, Error> {
        Ok(Self(rust_core::Rules::new(words)?))
    }

    /// Join the words of the divisors of a number, or write the number if there are none.
    ///
    /// Args:
    ///     number (int): of 64 bits.
    ///     case (Case): how the words are written.
    ///
    /// Returns:
    ///     str: the answer.
    ///
    /// Raises:
    ///     OverflowError: if the number has more than 64 bits.
    #[pyo3(signature = (number, *, case = Case::Given))]
    fn answer(&self, number: i64, case: Case) -> String {
        let case = match case {
            Case::Given => rust_core::Case::Given,
            Case::Upper => rust_core::Case::Upper,
        };
        self.0.answer(number, case)
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        self.words(py)?.try_iter()
    }

    fn __len__(&self) -> usize {
        self.0.words().len()
    }

    fn __repr__(&self, py: Python<'_>) -> PyResult<String> {
        Ok(format!("Rules({})", self.words(py)?.repr()?))
    }

    // What pickle and copy call `Rules` with.
    fn __getnewargs__(&self) -> (Vec<(u32, String)>,) {
        (self.0.words().to_vec(),)
    }
}

impl Rules {
    fn words<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyList>> {
        PyList::new(py, self.0.words())
    }
}
