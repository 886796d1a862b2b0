"""Texts of users in Markdown."""

import re

import pytest

from leo_bench.records import markdown_text, shortened


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("<script>alert(1)</script>", "&lt;script>alert(1)&lt;/script>"),
        ("<!-- hidden -->", "&lt;!-- hidden -->"),
        ("[x](javascript:y)", r"\[x\](javascript:y)"),
        ("![i](http://x/y.png)", r"!\[i\](http://x/y.png)"),
        ("[x]: http://y", r"\[x\]: http://y"),
        ("*a* _b_ ~~c~~", r"\*a\* \_b\_ \~\~c\~\~"),
        ("$5 to $6", r"\$5 to \$6"),
        ("&lt;b&gt; R&D", "&amp;lt;b&amp;gt; R&D"),
        ("a\n# b", "a # b"),
        ("# a", r"\# a"),
        ("> a", r"\> a"),
        ("- a", r"\- a"),
        ("1. a", r"1\. a"),
        (r"a \* b", r"a \\\* b"),
    ],
)
def test_markup_of_users_is_text(text: str, expected: str) -> None:
    assert markdown_text(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("+1.2 [-0.3, +2.7]", "test_n_ways [5, 20]", "test_modes ['mixed']", "settings []", "inner_steps 5"),
        *("p < 0.001", "-0.3", "1.5 s", "a - b", "80.6 ± 1.2", "C:/x_y/z.json: cut", "`a * b_` is code"),
    ],
)
def test_our_own_sentences_stay_as_they_are(text: str) -> None:
    assert markdown_text(text) == text


def test_brackets_cannot_end_the_alternative_text_of_a_picture() -> None:
    left = re.sub(r"\\.", "", markdown_text("a ] b [ c ](d) [e][f]"))
    assert "[" not in left and "]" not in left


def test_a_shortened_text_is_one_line_that_says_where_it_was_cut() -> None:
    assert shortened("first\n  second\tthird ") == "first second third"
    assert shortened("a" * 80) == "a" * 80
    assert shortened("a" * 81) == "a" * 77 + "..."
    assert shortened([1, 2], most=5) == "[1..."
