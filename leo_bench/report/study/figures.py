"""List of a study's figures."""

from leo_bench.report.panels import Plot
from leo_bench.report.study.adaptation_gain import gain_plots, steps_plot
from leo_bench.report.study.cost import cost_plot
from leo_bench.report.study.forest import effects_plot
from leo_bench.report.study.learning_curves import curves_plot
from leo_bench.report.study.switch import switch_plot
from leo_bench.report.study.time_to_accuracy import time_plot
from leo_bench.report.study.waterfall import waterfall_plot
from leo_bench.statistics.studies.study import STEP, StudyData


def all_plots(data: StudyData) -> dict[str, Plot]:
    """Return every figure that the study's runs allow, by name, in the report's order."""
    if data.scores.empty:
        return {}
    plots = [effects_plot(data)]
    plots += [waterfall_plot(data) if switch == STEP else switch_plot(data, switch) for switch in data.plan.switches]
    plots += [*gain_plots(data), steps_plot(data), curves_plot(data), time_plot(data), cost_plot(data)]
    return {plot.name: plot for plot in plots if plot is not None}
