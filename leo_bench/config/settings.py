"""Every setting of a run, defined once: default, range, symbol, source and explanation.

A run is a function of its settings alone (on one machine, with one version of the source). The tables in the docs,
`run --describe` and the explanations in reports are made from the definitions here.
"""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from leo_bench.config.constraints import check_together
from leo_bench.data import DATASETS
from leo_bench.learners import LEARNERS

SCHEMA_VERSION = 2
"""Version of settings and records; part of every run key."""

LEAST_DRAWINGS = 20
"""Drawings of each class in every data set that can be trained on."""

Part = Literal["method", "protocol", "training", "test", "machine"]
"""Kind of a setting.

method: parts of the learner. training: training procedure. protocol: data, episodes and budget. test: tests of the
trained model, which training does not read. machine: precision, threads and device.
"""


def setting(
    default: Any, part: Part, *, symbol: str = "", documented: str = "", source: str = "", **checks: Any
) -> Any:
    """Define a setting. The string below the definition is its explanation.

    symbol: symbol in the paper. documented: range in the source document. source: origin of the setting. checks:
    constraints of pydantic on the value.
    """
    about: dict[str, Any] = {"part": part, "symbol": symbol, "documented": documented, "source": source}
    return Field(default, json_schema_extra=about, **checks)


def _known_learner(name: str) -> str:
    if name not in LEARNERS:
        raise ValueError(f"unknown learner; expected one of {', '.join(LEARNERS)}")
    return name


def _trainable(name: str) -> str:
    if name not in DATASETS or not DATASETS[name].trains:
        raise ValueError(f"expected one of {', '.join(name for name in DATASETS if DATASETS[name].trains)}")
    return name


def _known_datasets(names: tuple[str, ...]) -> tuple[str, ...]:
    for name in names:
        if name not in DATASETS:
            raise ValueError(f"unknown data set {name!r}; expected {', '.join(DATASETS)}")
    return names


PAPER, DOCUMENT, OURS = "Rusu et al. 2019", "document", "ours"


class Settings(BaseModel):
    """Settings of one run. Defaults are those of the source document (preset `documented`)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, use_attribute_docstrings=True)

    learner: Annotated[str, AfterValidator(_known_learner)] = setting("leo", "protocol")
    """Method: one of LEARNERS."""

    # parts of LEO
    relation: Literal["pairwise", "none", "attention", "own", "shuffled"] = setting(
        "pairwise", "method", source=DOCUMENT
    )
    """Relation network. `pairwise`: each class code becomes the mean of its relations to all classes of the episode.
    `attention`: their weighted mean. `none`: class codes stay as encoded. Two controls (ours) have the network of
    `pairwise`. `own`: it sees the class itself alone. `shuffled`: the numbers of each other class's code are in another
    order, so that they mean nothing."""
    relation_rounds: int = setting(1, "method", source=DOCUMENT, ge=1, le=10)
    """Number of relation networks in sequence, each with weights of its own."""
    relation_residual: bool = setting(False, "method", source=OURS)
    """Add the relations to the class code, starting at zero, instead of replacing the code."""
    latent_dim: int = setting(64, "method", symbol="n_z", documented="32 to 128", source=DOCUMENT, ge=1, le=4096)
    """Length of a class code z."""
    inner_steps: int = setting(5, "method", documented="3 to 10", source=DOCUMENT, ge=0, le=100)
    """Gradient steps of the inner loop: on the class codes of LEO, on the head of `anil`, on all weights of `maml`,
    `meta_sgd` and `reptile`. With 0 a learner answers as it starts, LEO by its generator alone."""
    inner_lr: float = setting(
        0.01, "method", symbol="alpha", documented="0.005 to 0.05", source=DOCUMENT, gt=0, le=1000, allow_inf_nan=False
    )
    """Step size of the inner loop; its initial value if it is learned."""
    inner_lr_mode: Literal["fixed", "learned", "per_step"] = setting("fixed", "method", source=PAPER)
    """Inner step size. `fixed`: one number. `learned`: a learned vector, the same at each step. `per_step`: a learned
    vector for each step."""
    inner_loss: Literal["mean", "sum", "class_mean"] = setting("mean", "method", source=f"{PAPER}, equation 5")
    """Inner loss over the support set. `sum` has n_way * k_shot times the gradient of `mean`. `class_mean`, the sum of
    the classes' mean losses, has n_way times: a step size then changes less with classes and shots."""
    inner_temperature: float = setting(1.0, "method", source=OURS, gt=0, le=1000, allow_inf_nan=False)
    """Number that divides the logits in the inner loss. Above 1, images that are already answered right still move the
    codes."""
    adapts: Literal["always", "at_test"] = setting("always", "method", source=OURS)
    """When codes take inner steps. `at_test`: not in training, only once the model is trained. Fine-tuning steps on the
    weights are not concerned."""
    inner_examples: Literal["support", "shifted", "leave_one_out"] = setting("support", "method", source=OURS)
    """Images of the inner loss. `support`: the support set. `shifted`: also copies shifted by one pixel.
    `leave_one_out`: each image answered from the codes of the others, which needs k_shot of at least 2."""
    second_order: bool = setting(True, "method", source=PAPER)
    """Differentiate through the inner gradients."""
    generated: Literal["head", "full"] = setting("head", "method", source=OURS)
    """Parts generated from a code. `head`: the classifier head alone. `full`: also a change to every CNN layer."""
    decode: Literal["task", "class"] = setting("task", "method", source=DOCUMENT)
    """`task`: one pooled code decodes the rows of all classes (document). `class`: each class code decodes its own row
    (Rusu et al. 2019)."""
    encoder: Literal["separate", "shared", "none"] = setting("separate", "method", source=DOCUMENT)
    """`separate`: a CNN of its own on images (document). `shared`: a linear map of the classifier's features (Rusu et
    al. 2019). `none`: codes start at zero, or are drawn from N(0, I) with latent=gaussian."""
    decoder: Literal["mlp", "linear"] = setting("mlp", "method", source=DOCUMENT)
    """`mlp`: three layers (document). `linear`: one linear map (Rusu et al. 2019)."""
    decoder_start: Literal["random", "encoder"] = setting("random", "method", source=OURS)
    """Initial weights of a linear decoder. `encoder`: the transpose of a shared encoder with orthogonal rows, so that
    each class starts with its prototype as weights."""
    frozen_maps: bool = setting(False, "method", source=OURS)
    """Keep encoder and decoder as `decoder_start=encoder` makes them: an orthogonal map and its transpose. With
    latent_dim of at least the length of the features, codes then lose nothing."""
    head_start: Literal["decoded", "prototype"] = setting("decoded", "method", source=OURS)
    """Weights of the head. `prototype`: the class prototype plus the decoded weights, which are zero before training;
    with `head_bias=distance` the head starts as that of a prototypical network."""
    head_bias: Literal["decoded", "distance"] = setting("decoded", "method", source="Snell et al. 2017, section 2.4")
    """Bias of the head. `distance`: -|w|^2 / 2, which makes a logit minus half the squared distance to the class
    weights w."""
    logit_scale: Literal["one", "learned"] = setting("one", "method", source=OURS)
    """Factor of the logits: 1, or a learned number that starts at 1. In LEO it multiplies the decoded weights and
    biases, in a prototypical network the negative squared distances."""
    feature_norm: Literal["none", "l2"] = setting("none", "method", source=f"release of {PAPER}")
    """`l2`: scale the features of each image to length 1."""
    first_pool: int = setting(1, "method", source=OURS, ge=1, le=8)
    """Side of the pixel squares that are averaged before the first CNN block. 1 leaves images as they are."""
    padding: int = setting(0, "method", source=OURS, ge=0, le=16)
    """Empty pixels around each image, after first_pool. At 28x28, 2 gives a last feature map of 2x2 instead of 1x1."""
    width: int = setting(64, "method", source=DOCUMENT, ge=4, le=512)
    """Channels of each CNN block."""
    n_decoders: int = setting(1, "method", source=DOCUMENT, ge=1, le=64)
    """Number of decoders whose outputs are mixed, with weights that depend on the episode."""
    task_conditioned: bool = setting(False, "method", source=DOCUMENT)
    """Show the decoder the mean code of the episode beside each class code."""
    latent: Literal["deterministic", "gaussian"] = setting("deterministic", "method", source=PAPER)
    """`gaussian`: draw class codes from a computed normal distribution in training; use its mean at test."""
    decoded_weights: Literal["deterministic", "gaussian"] = setting("deterministic", "method", source=PAPER)
    """`gaussian`: draw the head's weights from a decoded normal distribution in training; use its mean at test."""
    finetune_steps: int = setting(0, "method", source=PAPER, ge=0, le=100)
    """Gradient steps on the decoded head, after those on the codes."""
    finetune_lr: float = setting(0.001, "method", source=PAPER, gt=0, le=1000, allow_inf_nan=False)
    """Initial value of the learned step sizes of fine-tuning, one for each feature."""
    feature_dropout: float = setting(0.0, "method", source=f"release of {PAPER}", ge=0, lt=1)
    """Share of the features dropped in training, drawn anew in each pass."""
    kl_weight: float = setting(0.0, "method", symbol="beta", source=f"{PAPER}, equation 6", ge=0, allow_inf_nan=False)
    """Weight of the KL divergence of the codes from N(0, I)."""
    encoder_penalty_weight: float = setting(
        0.0, "method", symbol="gamma", source=f"{PAPER}, equation 6", ge=0, allow_inf_nan=False
    )
    """Weight of the squared distance between a code before and after the inner loop."""
    orthogonality_weight: float = setting(
        0.0, "method", symbol="lambda_2", source=f"{PAPER}, equation 7", ge=0, allow_inf_nan=False
    )
    """Weight of the correlation between the directions of a linear decoder."""
    l2_weight: float = setting(
        0.0, "method", symbol="lambda_1", source=f"{PAPER}, equation 7", ge=0, allow_inf_nan=False
    )
    """Weight of half the squared parameters of encoder, relation network and decoder."""

    # parts of the methods with a CNN of each episode's own
    transductive: bool = setting(False, "method", source="Finn et al. 2017; see Bronskill et al. 2020, section 2")
    """Normalise queries by the batch statistics of all queries of their episode (`maml`, `meta_sgd`, `reptile`), as in
    most published results of MAML. Answers then depend on the other queries, so they have tables of their own."""

    # data, episodes, budget
    dataset: Annotated[str, AfterValidator(_trainable)] = setting("omniglot", "protocol")
    """Data set to train and test on."""
    class_split: Literal["lake", "random"] = setting("lake", "protocol")
    """Division of the characters. `lake`: test on the 20 evaluation alphabets. `random`: 1,100, 100 and 423 characters
    at random (MAML's protocol)."""
    train_classes: Literal["train", "trainval"] = setting("train", "protocol")
    """Characters to train on. `trainval` adds the validation characters, after all choices are made."""
    rotations: bool = setting(True, "training")
    """Use rotations by 90 degrees as extra training classes."""
    image_size: int = setting(105, "protocol", source=DOCUMENT, ge=16, le=105)
    """Side of the square images, pixels."""
    episode_mode: Literal["mixed", "within_alphabet"] = setting("mixed", "protocol")
    """Classes of a training episode: from all alphabets, or from one."""
    n_way: int = setting(5, "protocol", symbol="N", source=DOCUMENT, ge=2)
    """Classes in an episode."""
    k_shot: int = setting(1, "protocol", symbol="K", source=DOCUMENT, ge=1, le=LEAST_DRAWINGS - 1)
    """Support images per class."""
    n_query: int = setting(15, "protocol", source=DOCUMENT, ge=1, le=LEAST_DRAWINGS - 1)
    """Query images per class."""
    train_n_way: int | None = setting(None, "protocol", ge=2)
    """Classes in a training episode; n_way if left out."""
    train_k_shot: int | None = setting(None, "protocol", ge=1, le=LEAST_DRAWINGS - 1)
    """Support images per class in a training episode; k_shot if left out."""
    train_n_query: int | None = setting(None, "protocol", ge=1, le=LEAST_DRAWINGS - 1)
    """Query images per class in a training episode; n_query if left out."""
    n_train_episodes: int = setting(2000, "protocol", source=DOCUMENT, ge=0)
    """Training episodes."""

    # training
    train_support: Literal["first", "each"] = setting("first", "training", source="after Laenen and Bertinetto 2021")
    """Support set of a training episode. `each`: every image of the episode is a support image once, which gives more
    losses from the same images."""
    meta_batch_size: int = setting(4, "training", source=DOCUMENT, ge=1)
    """Episodes averaged per outer update."""
    outer_lr: float = setting(
        0.001,
        "training",
        symbol="beta",
        documented="0.0001 to 0.01",
        source=DOCUMENT,
        gt=0,
        le=10,
        allow_inf_nan=False,
    )
    """Learning rate of Adam for all meta-parameters."""
    schedule: Literal["constant", "one_cycle"] = setting("constant", "training", source="Smith and Topin 2018")
    """Learning-rate schedule. `one_cycle`: rise to outer_lr over the first third, then fall to almost nothing."""
    averaged_share: float = setting(0.0, "training", source="Izmailov et al. 2018", ge=0, lt=1)
    """Share of the last updates whose weights are averaged for the trained model."""
    label_smoothing: float = setting(0.0, "training", ge=0, lt=1)
    """Label smoothing of the query loss in training."""
    augmentation: Literal["none", "affine"] = setting("none", "training")
    """`affine`: rotate, scale, shear and shift each training image a little."""
    clip_norm: float = setting(1.0, "training", source=DOCUMENT, gt=0, allow_inf_nan=False)
    """Largest global gradient norm of an outer update."""
    val_every: int = setting(500, "protocol", ge=1)
    """Training episodes between two validations."""
    n_val_episodes: int = setting(100, "protocol", ge=2)
    """Validation episodes."""

    # tests of the trained model
    test_split: Literal["test", "val"] = setting("test", "test")
    """Characters that the trained model is scored on. `val`: for choosing among runs."""
    n_test_episodes: int = setting(1000, "test", ge=2)
    """Episodes of each test."""
    test_n_ways: tuple[int, ...] = setting((5, 20), "test")
    """Ways to score at besides n_way, if the learner allows them."""
    test_k_shots: tuple[int, ...] = setting((), "test")
    """Shots to score at besides k_shot. If a class has too few drawings, there are fewer queries."""
    test_n_query: int | None = setting(None, "test", ge=1, le=LEAST_DRAWINGS - 1)
    """Query images per class in a test episode; n_query if left out. With transductive, answers depend on it."""
    test_queries: Literal["together", "alone"] = setting("together", "test", source="Bronskill et al. 2020, section 2")
    """`alone`: a transductive method answers each query as if no other were there."""
    test_modes: tuple[Literal["mixed", "within_alphabet"], ...] = setting(("mixed", "within_alphabet"), "test")
    """Test episodes from all alphabets, or each from one alphabet."""
    test_datasets: Annotated[tuple[str, ...], AfterValidator(_known_datasets)] = setting((), "test")
    """Other data sets to score on, without retraining: tests under domain shift."""
    test_dataset_ways: tuple[int, ...] = setting((), "test")
    """Ways to score at on test_datasets besides their own (20, or as many as there are classes), if the learner allows
    them."""
    test_inner_steps: int | None = setting(None, "test", ge=0, le=1000)
    """Inner steps at test; as trained if left out."""
    test_inner_lr: float | None = setting(None, "test", gt=0, le=1000, allow_inf_nan=False)
    """Inner step size at test; as trained if left out."""
    test_inner_temperature: float | None = setting(None, "test", gt=0, le=1000, allow_inf_nan=False)
    """Temperature of the inner loss at test; as trained if left out."""
    test_support_copies: Literal["none", "shifted"] = setting("none", "test", source=OURS)
    """`shifted`: the support set at test also has twelve copies of each image, moved by one or two pixels (at 28x28;
    larger images in proportion)."""
    test_head: Literal["own", "nearest_neighbour", "logistic_regression", "descended_prototypes"] = setting(
        "own", "test", source="Triantafillou et al. 2020, section 3"
    )
    """Classifier that answers a test, on the trained features. `own`: that of the learner. `descended_prototypes`: a
    linear layer that starts as the class prototypes and takes test_inner_steps gradient steps (Proto-MAML)."""
    test_head_c: float = setting(1.0, "test", symbol="C", source="scikit-learn", gt=0, le=1e6, allow_inf_nan=False)
    """Inverse strength of the L2 penalty of `test_head=logistic_regression`."""
    test_mislabelled: int = setting(0, "test", ge=0)
    """Support images of each class that carry the label of the next class, in tests beside those with right labels."""

    # machine
    seed: int = setting(0, "protocol", ge=0, lt=2**32)
    """Root of all random streams of the run; test episodes do not depend on it."""
    precision: Literal["float32", "bfloat16"] = setting("float32", "machine")
    """Precision of the convolutions. Everything else is always float32."""
    threads: int = setting(1, "machine", ge=1, le=256)
    """Threads of the run's process. They can change bits, so they are part of the run's identity."""
    device: Literal["cpu", "cuda"] = setting("cpu", "machine")
    """Device that computes."""

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        check_together(self)
        return self

    def canonical(self) -> dict[str, Any]:
        """Return all settings as plain JSON values."""
        return self.model_dump(mode="json")

    @property
    def run_key(self) -> str:
        """Run key: hash of the settings that training reads (key_of), without those of tests."""
        return key_of(training_settings(self.canonical()))

    @property
    def ways_in_training(self) -> int:
        """Classes in a training episode."""
        return self.n_way if self.train_n_way is None else self.train_n_way

    @property
    def shots_in_training(self) -> int:
        """Support images per class in a training episode."""
        return self.k_shot if self.train_k_shot is None else self.train_k_shot

    @property
    def queries_in_training(self) -> int:
        """Query images per class in a training episode."""
        return self.n_query if self.train_n_query is None else self.train_n_query

    @property
    def image_side(self) -> int:
        """Side of the images that the first CNN block sees, pixels."""
        return self.image_size // self.first_pool + 2 * self.padding

    @property
    def n_train_images(self) -> int:
        """Images of the training budget, support and query together."""
        return self.n_train_episodes * self.ways_in_training * (self.shots_in_training + self.queries_in_training)

    @property
    def any_way(self) -> bool:
        """True if the trained model can be scored at other ways than n_way."""
        return LEARNERS[self.learner].any_way and (self.learner != "leo" or self.decode == "class")


def takes_inner_steps(learner: str) -> bool:
    """Return True if the method has an inner loop."""
    return LEARNERS[learner].inner_loop


def part_of(name: str) -> Part:
    """Return the kind of a setting."""
    about = Settings.model_fields[name].json_schema_extra
    assert isinstance(about, dict)
    return about["part"]  # type: ignore[return-value]


def names_of(*parts: Part) -> list[str]:
    """Return the names of all settings of these kinds, in order of definition."""
    return [name for name in Settings.model_fields if part_of(name) in parts]


def default_of(name: str) -> Any:
    """Return the default of a setting as a plain JSON value."""
    default = Settings.model_fields[name].default
    return list(default) if isinstance(default, tuple) else default


def differing(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that are not at their default. values: plain JSON values of all settings or of some."""
    return {
        name: value for name, value in values.items() if name not in Settings.model_fields or value != default_of(name)
    }


@cache  # every record on disk asks for them
def _defaults() -> dict[str, Any]:
    return {name: default_of(name) for name in Settings.model_fields}


def with_defaults(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return all settings: these, and the others at their defaults. values: plain JSON values of all or of some."""
    return {**_defaults(), **values}


def training_settings(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings that training reads: all but those of tests."""
    return {
        name: value for name, value in values.items() if name not in Settings.model_fields or part_of(name) != "test"
    }


def training_key(values: Mapping[str, Any]) -> str:
    """Return a key of the settings that training reads, whatever the seed, the data and the machine.

    values: plain JSON values of all settings.
    """
    left = {"seed", "dataset"}
    return key_of(
        {
            name: value
            for name, value in training_settings(values).items()
            if name not in left and part_of(name) != "machine"
        }
    )


def key_of(values: Mapping[str, Any]) -> str:
    """Return 16 hexadecimal digits of SHA-256 over the schema version and the settings that are not at their default.

    A new setting at its default changes no key, so defaults are fixed for good.
    """
    text = json.dumps({"schema": SCHEMA_VERSION, **differing(values)}, sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
