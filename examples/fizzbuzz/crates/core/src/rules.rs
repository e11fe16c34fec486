use crate::Error;

/// Which word stands for multiples of which divisor, in the order in which words are joined.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Rules(Vec<(u32, String)>);

/// How words are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Case {
    /// As the rules have them.
    Given,
    /// In capitals.
    Upper,
}

impl Rules {
    /// Checks the rules.
    ///
    /// # Errors
    ///
    /// [`Error::ZeroDivisor`] if a divisor is zero.
    ///
    /// # Examples
    ///
    /// ```
    /// # use fizzbuzz_example::{Case, Rules};
    /// let rules = Rules::new(vec![(3, "fizz".to_owned()), (7, "bang".to_owned())])?;
    /// assert_eq!(rules.answer(21, Case::Given), "fizzbang");
    /// # Ok::<(), fizzbuzz_example::Error>(())
    /// ```
    pub fn new(words: Vec<(u32, String)>) -> Result<Self, Error> {
        if words.iter().any(|(divisor, _)| *divisor == 0) {
            return Err(Error::ZeroDivisor);
        }
        Ok(Self(words))
    }

    /// The divisors and their words.
    pub fn words(&self) -> &[(u32, String)] {
        &self.0
    }

    /// Joins the words of the divisors, or writes the number if it is a multiple of none.
    pub fn answer(&self, number: i64, case: Case) -> String {
        let matching = self
            .0
            .iter()
            .filter(|(divisor, _)| number % i64::from(*divisor) == 0);
        let answer: String = matching.map(|(_, word)| word.as_str()).collect();
        match case {
            _ if answer.is_empty() => number.to_string(),
            Case::Given => answer,
            Case::Upper => answer.to_uppercase(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules(words: &[(u32, &str)]) -> Result<Rules, Error> {
        Rules::new(
            words
                .iter()
                .map(|(divisor, word)| (*divisor, (*word).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn words_are_joined_in_their_order() {
        let rules = rules(&[(5, "buzz"), (3, "fizz")]).unwrap();
        assert_eq!(rules.words()[1], (3, "fizz".to_owned()));
        assert_eq!(rules.answer(15, Case::Given), "buzzfizz");
        assert_eq!(rules.answer(-3, Case::Upper), "FIZZ");
        assert_eq!(rules.answer(7, Case::Upper), "7");
    }

    #[test]
    fn nothing_is_a_multiple_of_zero() {
        let error = rules(&[(0, "never")]).unwrap_err();
        assert_eq!(error.to_string(), "a divisor cannot be zero");
    }
}
