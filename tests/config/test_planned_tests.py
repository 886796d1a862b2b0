"""Tests of a trained model, derived from its settings."""

import pytest

from leo_bench.config import make_settings, planned_tests, test_key
from leo_bench.config.test_settings import METHOD


def names(**values: object) -> list[str]:
    return [f"{test.name} on {test.dataset}" for test in planned_tests(make_settings(values, "leo"))]


def test_the_headline_test_comes_first() -> None:
    assert names(n_way=7, k_shot=2)[0] == "7-way 2-shot mixed on omniglot"
    assert names() == [
        "5-way 1-shot mixed on omniglot",
        "5-way 1-shot within alphabet on omniglot",
        "20-way 1-shot mixed on omniglot",
        "20-way 1-shot within alphabet on omniglot",
    ]


def test_a_head_for_all_classes_together_is_scored_at_its_own_ways_alone() -> None:
    assert names(decode="task", test_modes=["mixed"]) == ["5-way 1-shot mixed on omniglot"]


def test_other_data_sets_are_scored_at_20_ways_or_as_many_as_they_have() -> None:
    found = names(test_n_ways=[], test_modes=[], test_datasets=["digits", "glyphs", "omniglot"])
    assert found == [
        "5-way 1-shot mixed on omniglot",
        "10-way 1-shot mixed on digits",
        "20-way 1-shot mixed on glyphs",
    ]


def test_other_data_sets_may_have_more_ways_if_the_method_allows_them() -> None:
    more = {"test_n_ways": [], "test_modes": [], "test_datasets": ["digits", "glyphs"], "test_dataset_ways": [5, 10]}
    assert names(**more)[1:] == [
        "10-way 1-shot mixed on digits",
        "5-way 1-shot mixed on digits",
        "20-way 1-shot mixed on glyphs",
        "5-way 1-shot mixed on glyphs",
        "10-way 1-shot mixed on glyphs",
    ]
    assert names(**more, decode="task")[1:] == ["5-way 1-shot mixed on digits", "5-way 1-shot mixed on glyphs"]


def test_choices_are_made_on_validation_characters_of_every_data_set() -> None:
    settings = make_settings({"test_split": "val", "test_datasets": ["glyphs"]}, "leo")
    assert {(test.dataset, test.split) for test in planned_tests(settings)} == {("omniglot", "val"), ("glyphs", "val")}


def test_shots_that_a_class_has_too_few_drawings_for_are_left_out_there() -> None:
    settings = make_settings(
        {"test_n_ways": [], "test_modes": [], "test_k_shots": [10, 20], "test_datasets": ["digits"]}
    )
    found = [(test.dataset, test.k_shot, test.n_query) for test in planned_tests(settings)]
    # 20 drawings of an Omniglot character: 10 shots leave 10 queries, 20 shots leave none. A digit has 174.
    assert found == [
        ("omniglot", 1, 15),
        ("omniglot", 10, 10),
        ("digits", 1, 15),
        ("digits", 10, 15),
        ("digits", 20, 15),
    ]


@pytest.mark.parametrize(
    "values",
    [
        {"test_inner_steps": 50},
        {"test_inner_lr": 2.0},
        {"test_inner_temperature": 4.0},
        {"test_support_copies": "shifted"},
        {"n_test_episodes": 5},
    ],
)
def test_keys_of_tests_follow_the_run_and_the_test(values: dict[str, object]) -> None:
    base, other = (make_settings(v, "leo") for v in ({}, values))
    (one, *_), (two, *_) = planned_tests(base), planned_tests(other)
    assert base.run_key == other.run_key
    assert test_key("0" * 16, one) != test_key("0" * 16, two)
    assert test_key("0" * 16, one) != test_key("1" * 16, one)
    assert test_key("0" * 16, one) == test_key("0" * 16, planned_tests(base)[0])


def test_all_tests_of_a_run_have_keys_of_their_own() -> None:
    settings = make_settings({"test_k_shots": [5], "test_datasets": ["digits"]}, "leo")
    keys = [test_key(settings.run_key, test) for test in planned_tests(settings)]
    assert len(set(keys)) == len(keys) == 10


def test_a_setting_left_out_leaves_the_key_as_it_was() -> None:
    # The key of a test from before there were settings for the inner loop at test.
    import hashlib
    import json

    test = planned_tests(make_settings({}, "leo"))[0]
    values = {
        "dataset": "omniglot",
        "split": "test",
        "episode_mode": "mixed",
        "n_way": 5,
        "k_shot": 1,
        "n_query": 15,
        "n_test_episodes": 1000,
    }
    text = json.dumps({"schema": 2, "run": "abc", **values}, sort_keys=True)
    assert test_key("abc", test) == hashlib.sha256(text.encode()).hexdigest()[:16]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"test_head": "nearest_neighbour"}, "nearest neighbour"),
        ({"test_head": "logistic_regression"}, "logistic regression C 1"),
        ({"test_head": "logistic_regression", "test_head_c": 0.1}, "logistic regression C 0.1"),
        (
            {"test_head": "descended_prototypes", "test_inner_steps": 50, "test_inner_lr": 0.5},
            "descended prototypes, 50 steps, rate 0.5",
        ),
    ],
)
def test_another_head_is_in_the_name_and_in_the_key_of_each_test(values: dict[str, object], words: str) -> None:
    base, other = (make_settings(v, "leo") for v in ({}, values))
    assert base.run_key == other.run_key
    assert names(**values) == [name.replace(" on ", f", {words} on ") for name in names()]
    keys = {test_key("0" * 16, test) for settings in (base, other) for test in planned_tests(settings)}
    assert len(keys) == 8


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"test_inner_temperature": 4.0}, "temperature 4"),
        ({"test_inner_temperature": 0.5}, "temperature 0.5"),
        ({"test_support_copies": "shifted"}, "shifted copies"),
        ({"test_head": "nearest_neighbour", "test_support_copies": "shifted"}, "nearest neighbour, shifted copies"),
        (
            {
                "test_inner_steps": 9,
                "test_inner_lr": 3.0,
                "test_inner_temperature": 2.0,
                "test_support_copies": "shifted",
            },
            "9 steps, rate 3, temperature 2, shifted copies",
        ),
    ],
)
def test_temperature_and_support_copies_are_in_the_name_and_in_the_key(values: dict[str, object], words: str) -> None:
    base, other = (make_settings(v, "leo") for v in ({}, values))
    assert names(**values) == [name.replace(" on ", f", {words} on ") for name in names()]
    keys = {test_key("0" * 16, test) for settings in (base, other) for test in planned_tests(settings)}
    assert len(keys) == 8
    (one, *_), (two, *_) = planned_tests(base), planned_tests(other)
    assert one.method != two.method
    assert one.model_dump(exclude=set(METHOD)) == two.model_dump(exclude=set(METHOD))  # the same episodes


def test_a_test_without_support_copies_has_the_key_from_before_there_were_any() -> None:
    (test, *_) = planned_tests(make_settings({"test_support_copies": "none"}, "tuned"))
    assert test == planned_tests(make_settings({}, "leo"))[0]
    assert planned_tests(make_settings({}, "tuned"))[0].support_copies == "shifted"


def test_a_test_can_have_fewer_queries_than_training() -> None:
    """Validation and training keep theirs, so the training is the same; a test at n_query keeps its key."""
    more: dict[str, object] = {"test_k_shots": [5], "test_datasets": ["digits"], "n_query": 4}
    plain, one, same = (make_settings({**more, "test_n_query": n}, "leo") for n in (None, 1, 4))
    assert plain.run_key == one.run_key == same.run_key
    assert plain.queries_in_training == one.queries_in_training == 4
    assert [test.n_query for test in planned_tests(one)] == [1] * len(planned_tests(plain))
    assert planned_tests(same) == planned_tests(plain) != planned_tests(one)
    assert not {test_key("0" * 16, test) for test in planned_tests(one)} & {
        test_key("0" * 16, test) for test in planned_tests(plain)
    }


def test_two_strengths_of_a_logistic_regression_are_two_tests() -> None:
    one, two = (make_settings({"test_head": "logistic_regression", "test_head_c": c}, "leo") for c in (1.0, 2.0))
    assert test_key("0" * 16, planned_tests(one)[0]) != test_key("0" * 16, planned_tests(two)[0])


def test_wrong_labels_come_beside_the_tests_in_which_most_labels_stay_right() -> None:
    shots: dict[str, object] = {"test_k_shots": [4, 5, 20], "test_datasets": ["digits"]}
    more = {"test_n_ways": [], "test_modes": [], **shots}
    clean, found = names(**more), names(**more, test_mislabelled=2)
    assert found[: len(clean)] == clean
    assert found[len(clean) :] == [
        "5-way 5-shot mixed, 2 of 5 mislabelled on omniglot",
        "10-way 5-shot mixed, 2 of 5 mislabelled on digits",
        "10-way 20-shot mixed, 2 of 20 mislabelled on digits",
    ]
    settings, other = (make_settings({**more, "test_mislabelled": m}, "leo") for m in (0, 2))
    keys, with_wrong = ([test_key("0" * 16, test) for test in planned_tests(each)] for each in (settings, other))
    assert settings.run_key == other.run_key
    assert with_wrong[: len(keys)] == keys
    assert len(set(with_wrong)) == len(with_wrong) == len(keys) + 3
