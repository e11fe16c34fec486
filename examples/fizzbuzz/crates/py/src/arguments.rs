//! Arguments as types of their own: a function that receives one need not check it again.

use std::num::NonZero;

use pyo3::prelude::*;

use crate::error::Error;

/// An `int` that fits into 32 bits.
#[derive(Clone, Copy)]
pub(crate) struct Limit(pub(crate) u32);

impl FromPyObject<'_, '_> for Limit {
    type Error = Error;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> Result<Self, Error> {
        let bounds = "limit must lie between 2 and 4294967295";
        object
            .extract()
            .map(Self)
            .map_err(|error| Error::argument(object, bounds, error))
    }
}

/// An `int` from 1 to 256.
#[derive(Clone, Copy)]
pub(crate) struct Threads(pub(crate) NonZero<usize>);

impl Threads {
    pub(crate) const ONE: Self = Self(NonZero::<usize>::MIN);
}

impl FromPyObject<'_, '_> for Threads {
    type Error = Error;

    fn extract(object: Borrowed<'_, '_, PyAny>) -> Result<Self, Error> {
        let bounds = "threads must lie between 1 and 256";
        let count: usize = object
            .extract()
            .map_err(|error| Error::argument(object, bounds, error))?;
        NonZero::new(count)
            .filter(|_| count <= 256)
            .map(Self)
            .ok_or_else(|| Error::out_of_bounds(object, bounds))
    }
}
