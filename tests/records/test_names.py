"""Names that become folders and files."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from results_fixture import make_plan

from leo_bench.errors import LeoBenchError
from leo_bench.records import Plan, check_name, folder_name
from leo_bench.records.names import NAME, PROFILE

names, profiles = st.from_regex(NAME, fullmatch=True), st.from_regex(PROFILE, fullmatch=True)


@pytest.mark.parametrize(
    "name",
    ["", ".", "..", "a/b", "/a", "a\\b", "~", "~a", ".hidden", "-rf", "a b", "a\n", "a;b", "a$b", "ä", "a\0", "a*"],
)
def test_what_is_no_name_is_refused_in_one_line(name: str) -> None:
    for what in ("study", "search", "profile"):
        with pytest.raises(LeoBenchError) as raised:
            check_name(name, what)
        assert str(raised.value).startswith(f"{what} {name!r} is no name; expected letters")
        assert "\n" not in str(raised.value)


def test_a_profile_has_no_hyphen_which_ends_the_name_of_the_study() -> None:
    assert folder_name("a-b", "c") == "a-b-c"
    with pytest.raises(LeoBenchError, match="profile 'b-c' is no name"):
        folder_name("a", "b-c")


@given(names, profiles, names, profiles)
def test_different_studies_have_different_folders_below_one_folder(a: str, p: str, b: str, q: str) -> None:
    assert (folder_name(a, p) == folder_name(b, q)) == ((a, p) == (b, q))
    assert "/" not in folder_name(a, p) and folder_name(a, p)[0] not in ".-~"


@pytest.mark.parametrize(
    ("study", "profile", "wrong"), [("a-b", "c", ""), ("../a", "c", "study"), ("a", "b-c", "profile")]
)
def test_the_plan_of_a_study_takes_names_alone(study: str, profile: str, wrong: str) -> None:
    fields = {**make_plan({"a": {}}, [0]).model_dump(), "study": study, "profile": profile}
    if not wrong:
        assert Plan.model_validate(fields).study == study
        return
    with pytest.raises(ValidationError, match="is no name") as raised:
        Plan.model_validate(fields)
    assert [error["loc"] for error in raised.value.errors()] == [(wrong,)]
