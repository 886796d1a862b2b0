"""Suite of `make bench`: groups of cases that are timed in turn, and limits for their ratios."""

from dataclasses import dataclass

from benchmarks.cases import Case


@dataclass(frozen=True)
class Group:
    """Cases timed in turn, round after round, so that a slow minute of the machine affects all of them."""

    name: str
    cases: tuple[Case, ...]
    rounds: int
    repeats: int
    """Timings of each case in a round."""
    warm_up: bool = True
    """True if each turn begins with a timing that does not count."""


@dataclass(frozen=True)
class Ratio:
    """Ratio of the median times of two cases, and its limits."""

    words: str
    above: str
    below: tuple[str, ...]
    """Cases of which the fastest is the denominator."""
    at_most: float | None = None
    at_least: float | None = None


@dataclass(frozen=True)
class Growth:
    """Cases that differ in one number, for a log-log slope of time and memory."""

    words: str
    values: tuple[float, ...]
    cases: tuple[str, ...]


def _steps(size: int, threads: int = 1) -> tuple[Case, ...]:
    """Return a training step of each preset, and the bare CNN, at one image size."""
    tail, at = f" {size}" + (f" x{threads}" if threads > 1 else ""), {"image_size": size}
    return (
        Case("bare" + tail, "bare", at, threads),
        Case("bare by episode" + tail, "bare", {**at, "chunk": 1}, threads),
        Case("stock layers" + tail, "stock", at, threads),
        Case("leo, shared encoder" + tail, "step", {**at, "encoder": "shared"}, threads),
        Case("leo" + tail, "step", at, threads),
        Case("documented" + tail, "step", {**at, "preset": "documented"}, threads),
        Case("literal" + tail, "literal", at, threads),
    )


def _in_bfloat16(size: int) -> tuple[Case, ...]:
    """Return the steps at one image size whose convolutions may be bfloat16, in that precision."""
    chosen = ("bare", "bare by episode", "leo, shared encoder", "leo")
    cases = {case.name: case for case in _steps(size)}
    return tuple(
        Case(f"{name} {size}, bfloat16", case.kind, {**case.settings, "precision": "bfloat16"})
        for name, case in ((name, cases[f"{name} {size}"]) for name in chosen)
    )


WAYS, SHOTS, STEPS, CODES, BATCHES, SIZES = (
    (5, 20, 60), (1, 2, 5), (1, 5, 10), (32, 64, 128), (1, 4, 16), (28, 56, 105),
)  # fmt: skip


def _grown(name: str, values: tuple[int, ...], meta_batch_size: int | None = None) -> tuple[Case, ...]:
    extra = {} if meta_batch_size is None else {"meta_batch_size": meta_batch_size}
    return tuple(Case(f"{name} {value}", "step", {name: value, **extra}) for value in values)


def _same_images(n_way: int) -> Case:
    """Return a step of 960 images for any n_way: from 12 episodes of 5-way to one of 60-way."""
    n_episodes = max(WAYS) // n_way
    sizes = {"n_way": n_way, "meta_batch_size": n_episodes, "n_train_episodes": n_episodes}
    return Case(f"960 images, {n_way}-way", "step", sizes)


MAML_SETTINGS = {"image_size": 28, "inner_lr": 0.1, "inner_steps": 5}
MAML = (
    Case("maml", "step", {**MAML_SETTINGS, "learner": "maml"}),
    Case("maml, transductive", "step", {**MAML_SETTINGS, "learner": "maml", "transductive": True}),
    Case("maml, first order", "step", {**MAML_SETTINGS, "learner": "maml", "second_order": False}),
    Case("meta_sgd", "step", {**MAML_SETTINGS, "learner": "meta_sgd"}),
    Case("anil", "step", {**MAML_SETTINGS, "learner": "anil"}),
    Case("reptile", "step", {**MAML_SETTINGS, "learner": "reptile"}),
    Case("literal MAML", "literal_maml", {"image_size": 28, "inner_steps": 5}),
    Case("MAML by higher, in turn with ours", "public_maml", {"image_size": 28, "inner_steps": 5}, needs="higher"),
)
"""Steps of 4 episodes and 5 inner steps. The literal loop and higher are transductive and of second order."""

GROUPS = (
    Group(
        "28x28",
        (
            *_steps(28),
            *_in_bfloat16(28),
            Case("leo, full", "step", {"generated": "full"}),
            Case("MAML by higher", "public_maml", {"image_size": 28}, needs="higher"),
        ),
        rounds=5,
        repeats=3,
    ),
    Group("maml", MAML, rounds=7, repeats=2),
    Group(
        "28x28, both cores",
        (
            *_steps(28, threads=2),
            Case("leo 28, two processes", "two_steps", {"image_size": 28}),
            Case("literal 28, two processes", "two_steps", {"image_size": 28, "of": "literal"}),
        ),
        rounds=5,
        repeats=3,
    ),
    Group("105x105", (*_steps(105), *_in_bfloat16(105)), rounds=5, repeats=1),
    Group("n_way", (*_grown("n_way", WAYS, 1), *(_same_images(n) for n in WAYS)), rounds=3, repeats=3),
    Group("k_shot", _grown("k_shot", SHOTS), rounds=3, repeats=3),
    Group("inner_steps", _grown("inner_steps", STEPS), rounds=3, repeats=3),
    Group("latent_dim", _grown("latent_dim", CODES), rounds=3, repeats=3),
    Group("meta_batch_size", _grown("meta_batch_size", BATCHES), rounds=3, repeats=2),
    Group("image_size", _grown("image_size", SIZES, 1), rounds=2, repeats=1),
    Group(
        "other",
        (
            Case("adapt to an episode", "adapt"),
            Case("evaluate 200 episodes", "evaluate"),
            Case("sample a meta-batch", "sample"),
            Case("leo-bench --help", "start"),
        ),
        rounds=3,
        repeats=3,
    ),
    Group("reports", tuple(Case(f"report of {n:,} runs", "report", {"n_runs": n}) for n in (1000, 10000)), 1, 1, False),
)

HIGHER = "MAML by higher, in turn with ours"
LEO, LEO_105, SHARED, SHARED_105 = "leo 28", "leo 105", "leo, shared encoder 28", "leo, shared encoder 105"
BARE, BARE_105, BARE_2 = (
    (f"bare {tail}", f"bare by episode {tail}") for tail in ("28", "105", "28 x2")
)  # fmt: skip

RATIOS = (
    Ratio("LEO step, shared encoder / bare CNN, 28x28", SHARED, BARE, 1.05),
    Ratio("LEO step, shared encoder / bare CNN, 28x28, 2 threads", f"{SHARED} x2", BARE_2, 1.15),
    Ratio("LEO step, shared encoder / bare CNN, 105x105", SHARED_105, BARE_105, 1.05),
    Ratio("LEO step, preset leo / bare CNN, 28x28", LEO, BARE),
    Ratio("LEO step, preset documented / bare CNN, 28x28", "documented 28", BARE),
    Ratio("LEO step, shared encoder / CNN of stock layers, 28x28", SHARED, ("stock layers 28",)),
    Ratio("LEO step, shared encoder / CNN of stock layers, 105x105", SHARED_105, ("stock layers 105",)),
    Ratio("the literal algorithm / preset leo, 28x28", "literal 28", (LEO,), at_least=4.2),
    Ratio(
        "the literal algorithm / preset leo, 28x28, both cores by two processes each",
        "literal 28, two processes",
        (f"{LEO}, two processes",),
        at_least=3.5,
    ),
    Ratio("the literal algorithm / preset leo, 28x28, one process of 2 threads each", "literal 28 x2", (f"{LEO} x2",)),
    Ratio("the literal algorithm / preset leo, 105x105", "literal 105", (LEO_105,), at_least=6),
    *(
        ratio
        for size in (28, 105)
        for ratio in (
            Ratio(
                f"LEO step, shared encoder / bare CNN, {size}x{size}, bfloat16",
                f"leo, shared encoder {size}, bfloat16",
                (f"bare {size}, bfloat16", f"bare by episode {size}, bfloat16"),
            ),
            Ratio(
                f"the literal algorithm in float32 / preset leo in bfloat16, {size}x{size}",
                f"literal {size}",
                (f"leo {size}, bfloat16",),
            ),
        )
    ),
    Ratio("two 1-thread steps at once / one 2-thread step, preset leo, 28x28", f"{LEO}, two processes", (f"{LEO} x2",)),
    Ratio("second-order MAML by the package higher, 5 inner steps / preset leo, 28x28", "MAML by higher", (LEO,)),
    Ratio("MAML by the package higher / learner maml, transductive", HIGHER, ("maml, transductive",), at_least=2),
    Ratio("literal MAML / learner maml, transductive", "literal MAML", ("maml, transductive",), at_least=2),
    Ratio("literal MAML, transductive / learner maml, inductive", "literal MAML", ("maml",)),
    Ratio("MAML step, first order / second order", "maml, first order", ("maml",)),
    Ratio("generated=full / generated=head, 28x28, 5 inner steps", "leo, full", (LEO,), 8),
    Ratio(
        "time per image, 60-way / 5-way, 960 images a step",
        "960 images, 60-way",
        ("960 images, 5-way",),
        at_most=1.2,
        at_least=0.8,
    ),
    Ratio(
        "time per image, 20-way / 5-way, 960 images a step",
        "960 images, 20-way",
        ("960 images, 5-way",),
        at_most=1.2,
        at_least=0.8,
    ),
)

GROWTHS = (
    Growth("n_way, one episode a step", WAYS, tuple(f"n_way {n}" for n in WAYS)),
    Growth("n_way, 960 images a step", WAYS, tuple(f"960 images, {n}-way" for n in WAYS)),
    Growth("k_shot", SHOTS, tuple(f"k_shot {n}" for n in SHOTS)),
    Growth("inner_steps", STEPS, tuple(f"inner_steps {n}" for n in STEPS)),
    Growth("latent_dim", CODES, tuple(f"latent_dim {n}" for n in CODES)),
    Growth("meta_batch_size", BATCHES, tuple(f"meta_batch_size {n}" for n in BATCHES)),
    Growth("image_size, one episode a step", SIZES, tuple(f"image_size {n}" for n in SIZES)),
)
