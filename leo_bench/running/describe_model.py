"""Description of a model: settings, layers, shapes and parameter counts."""

from leo_bench.config import Settings
from leo_bench.config.explain import explain_settings
from leo_bench.learners.factory import build
from leo_bench.running.training_run import parameters_by_part


def describe(settings: Settings) -> str:
    """Return explained settings, layers, shapes, parameter counts and the numbers generated per episode, as text."""
    learner = build(settings)
    lines = [explain_settings(settings), f"run key {settings.run_key}", ""]
    lines += [
        f"{name:45} {'x'.join(map(str, p.shape)):>16} {p.numel():>10,}" + ("" if p.requires_grad else "  fixed")
        for name, p in learner.named_parameters()
    ]
    by_part = parameters_by_part(learner)
    parts = ", ".join(f"{name} {count:,}" for name, count in by_part.items())
    lines += [f"trained parameters: {sum(by_part.values()):,} ({parts})"]
    lines += [f"generated per {settings.n_way}-way episode: {learner.n_generated(settings.n_way):,}"]
    return "\n".join(lines)
