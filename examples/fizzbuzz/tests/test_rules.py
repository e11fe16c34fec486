"""`Rules`: a class, an option, and an exception of the package's own."""

import copy
import pickle

import pytest

from fizzbuzz_example import Case, Rules, RulesError

RULES = Rules([(3, "fizz"), (7, "bang")])


@pytest.mark.parametrize(
    ("number", "answer"), [(3, "fizz"), (-7, "bang"), (21, "fizzbang"), (22, "22")]
)
def test_words_of_all_divisors_are_joined(number: int, answer: str) -> None:
    assert RULES.answer(number) == answer
    assert RULES.answer(number, case=Case.UPPER) == answer.upper()


def test_it_shows_how_to_make_it_again() -> None:
    assert repr(RULES) == "Rules([(3, 'fizz'), (7, 'bang')])"
    assert eval(repr(RULES)) == RULES


def test_rules_are_a_value() -> None:
    same, other = Rules(list(RULES)), Rules([(7, "bang"), (3, "fizz")])
    assert same == RULES
    assert hash(same) == hash(RULES)
    assert other != RULES
    assert {RULES: "played"}[same] == "played"
    assert [*RULES] == [(3, "fizz"), (7, "bang")]
    assert len(RULES) == 2


def test_an_option_is_a_value_as_well() -> None:
    assert Case.UPPER != Case.GIVEN
    assert {Case.UPPER: "loud"}[Case.UPPER] == "loud"
    assert repr(Case.UPPER) == "Case.UPPER"


def test_rules_are_copied_and_pickled() -> None:
    assert Rules.__module__ == Case.__module__ == "fizzbuzz_example"
    assert copy.deepcopy(RULES) == RULES
    assert pickle.loads(pickle.dumps(RULES)) == RULES
    assert pickle.loads(pickle.dumps(Case.UPPER)) == copy.copy(Case.UPPER) == Case.UPPER
    assert isinstance(pickle.loads(pickle.dumps(RulesError("no"))), RulesError)


def test_a_divisor_of_zero_is_refused_by_an_exception_of_the_package() -> None:
    with pytest.raises(RulesError, match=r"^a divisor cannot be zero$") as refused:
        Rules([(0, "never")])
    assert isinstance(refused.value, ValueError)


def test_a_negative_divisor_is_refused() -> None:
    with pytest.raises(OverflowError):
        Rules([(-1, "never")])
