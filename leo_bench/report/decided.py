"""Table of how many comparisons of the published studies have a verdict."""

from collections import Counter
from collections.abc import Iterable

import pandas as pd

from leo_bench.statistics import OPEN, SETTLED
from leo_bench.statistics.studies.differences import all_effects
from leo_bench.statistics.studies.study import StudyData


def decided_table(studies: Iterable[StudyData]) -> pd.DataFrame:
    """Return a row for each study: its comparisons over several seeds, on all of its tests, by verdict; then their sum.

    Columns: study, seeds, comparisons, with a verdict, share, and each of OPEN. Studies without such a comparison, and
    those that choose settings on validation characters, are left out. Empty if no study is left.
    """
    rows = []
    for data in studies:
        if all(run.settings["test_split"] == "val" for run in data.plan.runs):
            continue
        found, seeds = Counter[str](), set[int]()
        for cell in data.cells:
            frame = all_effects(data, cell)
            frame = frame[frame["verdict"].isin([*SETTLED, *OPEN])]
            found.update(frame["verdict"])
            seeds.update(int(n) for n in frame["n_seeds"])
        if found:
            span = f"{min(seeds)} to {max(seeds)}" if len(seeds) > 1 else str(*seeds)
            rows.append({"study": f"`{data.plan.study}`", "seeds": span, **_counted(found)})
    if not rows:
        return pd.DataFrame()
    frame = pd.DataFrame(rows)
    total = {"study": "all", "seeds": "", **frame.drop(columns=["study", "seeds"]).sum().to_dict()}
    frame = pd.concat([frame, pd.DataFrame([total])], ignore_index=True)
    share = 100 * frame["with a verdict"] / frame["comparisons"]
    frame.insert(4, "share, %", share.map("{:.0f}".format))
    return frame.astype(str)


def _counted(found: Counter[str]) -> dict[str, int]:
    decided = sum(found[verdict] for verdict in SETTLED)
    return {"comparisons": found.total(), "with a verdict": decided, **{verdict: found[verdict] for verdict in OPEN}}
