"""Alternative texts of figures."""

from leo_bench.report.panels import MOST_SAID, alt_text


def test_an_alternative_text_names_some_values_and_counts_the_others() -> None:
    names = [f"v{number} 1%" for number in range(MOST_SAID + 3)]
    assert alt_text("Accuracy", names[:2]) == "Accuracy: v0 1%, v1 1%"
    assert "more" not in alt_text("Accuracy", names[:MOST_SAID])
    said = alt_text("Accuracy", names, between="; ")
    assert said == f"Accuracy: {'; '.join(names[:MOST_SAID])}; and 3 more"
