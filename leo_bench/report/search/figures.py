"""List of a search's figures."""

from leo_bench.report.panels import Plot
from leo_bench.report.search.data import SearchData
from leo_bench.report.search.parameter_figures import (
    importance_plot,
    maps_plot,
    parallel_plot,
    ranges_plot,
    slices_plot,
)
from leo_bench.report.search.trial_figures import curves_plot, front_plot, history_plot


def all_plots(data: SearchData) -> dict[str, Plot]:
    """Return every figure that the search's files allow, by name, in the report's order."""
    plots = [
        front_plot(data),
        history_plot(data),
        curves_plot(data),
        importance_plot(data),
        ranges_plot(data),
        slices_plot(data),
        maps_plot(data),
        parallel_plot(data),
    ]
    return {plot.name: plot for plot in plots if plot is not None}
