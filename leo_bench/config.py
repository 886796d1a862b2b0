"""Every setting of a run, spelled once, typed and checked where it enters; and the presets.

A run is a function of its `Settings` alone (on one machine, with one version of the code). `run_key` names it.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from leo_bench.errors import LeoBenchError

SCHEMA_VERSION = 1
"""Version of settings and records; part of every run key."""

ADDED_LATER = (
    "relation_rounds",
    "inner_lr_mode",
    "inner_loss",
    "inner_examples",
    "feature_norm",
    "width",
    "decoder",
    "n_decoders",
    "task_conditioned",
    "latent",
    "decoded_weights",
    "finetune_steps",
    "finetune_lr",
    "feature_dropout",
    "kl_weight",
    "encoder_penalty_weight",
    "orthogonality_weight",
    "l2_weight",
    "test_split",
    "relation_residual",
    "decoder_start",
    "head_bias",
    "logit_scale",
    "train_n_way",
    "train_n_query",
    "schedule",
    "averaged_share",
    "label_smoothing",
    "augmentation",
    "train_k_shot",
    "train_support",
    "first_pool",
    "padding",
)
"""Settings that came after the first records of this schema: at their default they leave a run's key as it was. Their
defaults are fixed for good."""

DRAWERS = 20
"""Drawings of each Omniglot character."""

LEAST_SIDE = 16
"""Of the images that a CNN with four poolings can see, pixels."""


class Settings(BaseModel):
    """One run. Defaults are the source document's (preset `documented`)."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    learner: Literal["leo", "protonet", "pixels"] = "leo"
    """Method: leo; protonet (class means of Conv-4 features; untrained with n_train_episodes 0); pixels (class means
    of raw pixels)."""

    # LEO's parts
    relation: Literal["pairwise", "none", "attention"] = "pairwise"
    """Relation network: each class code refined by all pairs with the episode's classes (their mean, or weighted by
    attention), or left as encoded."""
    relation_rounds: int = Field(1, ge=1, le=10)
    """Relation networks one after another."""
    relation_residual: bool = False
    """Add a class's relations to its code, from zero at the start, or put them in its place (document)."""
    latent_dim: int = Field(64, ge=1, le=4096)
    """Size of a class's code z (document: 32 to 128)."""
    inner_steps: int = Field(5, ge=0, le=100)
    """Gradient steps on the codes (document: 3 to 10); 0 is the generator alone."""
    inner_lr: float = Field(0.01, gt=0, le=1000, allow_inf_nan=False)
    """alpha: step size in latent space (document: 0.005 to 0.05); where it is learned, its start."""
    inner_lr_mode: Literal["fixed", "learned", "per_step"] = "fixed"
    """One number, a learned vector (Rusu et al. 2019), or a learned vector for each inner step."""
    inner_loss: Literal["mean", "sum"] = "mean"
    """Over the support set: its mean, or its sum (Rusu et al. 2019, equation 5), whose gradient is n_way * k_shot times
    as large."""
    inner_examples: Literal["support", "shifted", "leave_one_out"] = "support"
    """What the inner loss is measured on: the support set; it and copies of it shifted by a pixel; or each example by
    the codes of the others, which needs k_shot of at least 2."""
    second_order: bool = True
    """Differentiate through the inner gradients."""
    generated: Literal["head", "full"] = "head"
    """What a code generates: the head on a shared CNN, or a change to every layer of the CNN too."""
    decode: Literal["task", "class"] = "task"
    """One pooled code decodes all class rows (document), or each class's code decodes its own row (Rusu et al.
    2019)."""
    encoder: Literal["separate", "shared", "none"] = "separate"
    """A CNN of its own on images (document), a linear map of the classifier's features (Rusu et al. 2019), or none:
    codes start from nothing, or from N(0, I) with latent=gaussian (the authors' random prior)."""
    decoder: Literal["mlp", "linear"] = "mlp"
    """Three layers (document), or one linear map (Rusu et al. 2019)."""
    decoder_start: Literal["random", "encoder"] = "random"
    """Where a linear decoder starts: anywhere, or as the transpose of a shared encoder with orthogonal rows, so that
    each class begins with the weights of its own mean feature."""
    head_bias: Literal["decoded", "distance"] = "decoded"
    """The head's bias: decoded, or -|w|^2 / 2, which makes a logit a squared distance to the class's weights (Snell et
    al. 2017, section 2.4)."""
    logit_scale: Literal["one", "learned"] = "one"
    """What decoded weights and biases are multiplied by: nothing, or a learned number that starts at 1."""
    feature_norm: Literal["none", "l2"] = "none"
    """Features as the CNN gives them, or each image's scaled to length 1 (the release of Rusu et al. 2019)."""
    first_pool: int = Field(1, ge=1, le=8)
    """Side of the squares of pixels that are averaged before the CNN's first block; 1 leaves images as they are."""
    padding: int = Field(0, ge=0, le=16)
    """Empty pixels that the CNN puts around each image (after first_pool); at 28x28 pixels 2 make the last map 2x2
    instead of 1x1, and no pooling drops a row."""
    width: int = Field(64, ge=4, le=512)
    """Channels of each block of the CNNs."""
    n_decoders: int = Field(1, ge=1, le=64)
    """Decoders that are mixed episode by episode."""
    task_conditioned: bool = False
    """Show the decoder the episode's mean code beside each class's."""
    latent: Literal["deterministic", "gaussian"] = "deterministic"
    """A class's code is computed, or drawn from a computed distribution in training (Rusu et al. 2019)."""
    decoded_weights: Literal["deterministic", "gaussian"] = "deterministic"
    """The head's weights are decoded, or drawn from a decoded distribution in training (Rusu et al. 2019)."""
    finetune_steps: int = Field(0, ge=0, le=100)
    """Gradient steps on the decoded head, after those on the codes (Rusu et al. 2019)."""
    finetune_lr: float = Field(0.001, gt=0, le=1000, allow_inf_nan=False)
    """Start of the learned step sizes of fine-tuning, one for each feature."""
    feature_dropout: float = Field(0.0, ge=0, lt=1)
    """Share of the features dropped in training, anew in each pass."""
    kl_weight: float = Field(0.0, ge=0, allow_inf_nan=False)
    """beta: weight of the codes' KL divergence from N(0, I)."""
    encoder_penalty_weight: float = Field(0.0, ge=0, allow_inf_nan=False)
    """gamma: weight of the squared distance between a code before and after the inner loop."""
    orthogonality_weight: float = Field(0.0, ge=0, allow_inf_nan=False)
    """lambda_2: weight of the correlation between a linear decoder's directions."""
    l2_weight: float = Field(0.0, ge=0, allow_inf_nan=False)
    """lambda_1: weight of half the squared weights of encoder, relation network and decoder."""

    # data and protocol
    dataset: Literal["omniglot", "glyphs"] = "omniglot"
    class_split: Literal["lake", "random"] = "lake"
    train_classes: Literal["train", "trainval"] = "train"
    rotations: bool = True
    """Rotations by 90 degrees as extra training classes."""
    image_size: int = Field(105, ge=16, le=105)
    """Side of the square images, pixels."""
    episode_mode: Literal["mixed", "within_alphabet"] = "mixed"
    """Which characters meet in a training episode."""
    n_way: int = Field(5, ge=2)
    k_shot: int = Field(1, ge=1, le=DRAWERS - 1)
    n_query: int = Field(15, ge=1, le=DRAWERS - 1)
    """Query images per class."""

    # training
    train_n_way: int | None = Field(None, ge=2)
    """Classes in a training episode; n_way when left out."""
    train_k_shot: int | None = Field(None, ge=1, le=DRAWERS - 1)
    """Support images per class in a training episode; k_shot when left out."""
    train_n_query: int | None = Field(None, ge=1, le=DRAWERS - 1)
    """Query images per class in a training episode; n_query when left out."""
    train_support: Literal["first", "each"] = "first"
    """Which images of a training episode are its support set: the first of each class, or all of them in turn, the
    others being the queries: as many losses from the same images (after Laenen and Bertinetto 2021)."""
    n_train_episodes: int = Field(2000, ge=0)
    meta_batch_size: int = Field(4, ge=1)
    """Episodes averaged per outer update."""
    outer_lr: float = Field(0.001, gt=0, le=10, allow_inf_nan=False)
    """beta: Adam's rate for all meta-parameters (document: 0.0001 to 0.01)."""
    schedule: Literal["constant", "one_cycle"] = "constant"
    """outer_lr all along, or one cycle that rises to it over the first third and falls to nothing (Smith and Topin
    2018)."""
    averaged_share: float = Field(0.0, ge=0, lt=1)
    """Share of the last updates whose weights are averaged for the trained model (Izmailov et al. 2018)."""
    label_smoothing: float = Field(0.0, ge=0, lt=1)
    """Of the queries' cross-entropy in training."""
    augmentation: Literal["none", "affine"] = "none"
    """Each training image turned, scaled, sheared and moved a little, or left as it is."""
    clip_norm: float = Field(1.0, gt=0, allow_inf_nan=False)
    """Largest global gradient norm of an outer update."""
    val_every: int = Field(500, ge=1)
    """Training episodes between two validations."""
    n_val_episodes: int = Field(100, ge=2)

    # evaluation
    test_split: Literal["test", "val"] = "test"
    """Characters that a trained model is scored on; val for runs among which one is to be chosen."""
    n_test_episodes: int = Field(1000, ge=2)
    test_n_ways: tuple[int, ...] = (5, 20)
    """Ways that every trained model is scored at, besides n_way, where the learner allows it."""
    test_modes: tuple[Literal["mixed", "within_alphabet"], ...] = ("mixed", "within_alphabet")

    # machine
    seed: int = Field(0, ge=0, lt=2**32)
    precision: Literal["float32", "bfloat16"] = "float32"
    """Of the convolutions; codes, inner loop, losses and statistics are float32 always."""
    threads: int = Field(1, ge=1, le=256)
    """Of one run's process; part of the settings because it can change bits."""
    device: Literal["cpu", "cuda"] = "cpu"

    @model_validator(mode="after")
    def _check_together(self) -> Self:
        if self.k_shot + self.n_query > DRAWERS:
            raise ValueError(
                f"k_shot + n_query is {self.k_shot} + {self.n_query}, "
                f"but a character has {DRAWERS} drawings; lower one of them"
            )
        if self.shots_in_training + self.queries_in_training > DRAWERS:
            raise ValueError(
                f"a training episode wants {self.shots_in_training} support and {self.queries_in_training} query "
                f"images of a class, but a character has {DRAWERS} drawings; lower k_shot, train_k_shot, n_query or "
                "train_n_query"
            )
        if self.learner != "pixels" and self.image_side < LEAST_SIDE:
            raise ValueError(
                f"image_size {self.image_size} with first_pool {self.first_pool} and padding {self.padding} leaves "
                f"{self.image_side} pixels a side, and four poolings need {LEAST_SIDE}; lower first_pool, or raise "
                "image_size or padding"
            )
        if self.train_support == "each" and self.queries_in_training % self.shots_in_training:
            raise ValueError(
                f"train_support=each takes the {self.shots_in_training} support images of a class from all its "
                f"{self.shots_in_training + self.queries_in_training} in turn, which must be a multiple; change "
                "train_k_shot or train_n_query"
            )
        if self.n_train_episodes % self.meta_batch_size:
            raise ValueError(
                f"n_train_episodes {self.n_train_episodes} is no multiple of "
                f"meta_batch_size {self.meta_batch_size}; change one of them"
            )
        if self.generated == "full" and self.decode == "task":
            raise ValueError("generated=full decodes its head rows from class codes; set decode to class")
        if self.generated == "full" and self.precision == "bfloat16":
            raise ValueError(
                "generated=full convolves with each episode's own weights in float32; set precision to float32"
            )
        for needed, message in self._needs():
            if not needed:
                raise ValueError(message)
        if any(n_way < 2 for n_way in self.test_n_ways):
            raise ValueError(f"test_n_ways needs ways of at least 2, got {list(self.test_n_ways)}")
        return self

    def _needs(self) -> list[tuple[bool, str]]:
        """What one part asks of another: whether it is so, and what to do where it is not."""
        return [
            (
                self.inner_examples != "leave_one_out" or min(self.k_shot, self.shots_in_training) > 1,
                "inner_examples=leave_one_out has no other example of a class at one shot; set k_shot, and where it is "
                "set train_k_shot, to 2 or more",
            ),
            (
                self.inner_examples == "support" or self.generated == "head",
                f"inner_examples={self.inner_examples} works on a shared CNN; set generated to head",
            ),
            (
                self.learner != "leo" or self.inner_examples != "shifted" or self.train_support == "first",
                "inner_examples=shifted copies one support set; set train_support to first",
            ),
            (
                self.learner != "leo" or self.generated == "head" or self.train_support == "first",
                "generated=full has a CNN for each support set; set train_support to first, or generated to head",
            ),
            (
                not self.task_conditioned or self.decode == "class",
                "decode=task decodes the episode's mean code already; set task_conditioned to false, or decode to "
                "class",
            ),
            (
                not self.task_conditioned or self.decoder == "mlp",
                "a linear decoder adds the same to every class for the episode's mean code, which changes no answer; "
                "set task_conditioned to false, or decoder to mlp",
            ),
            (
                self.orthogonality_weight == 0 or self.decoder == "linear",
                "orthogonality_weight is for the directions of a linear decoder; set decoder to linear",
            ),
            (
                self.kl_weight == 0 or self.latent == "gaussian",
                "kl_weight is for drawn codes; set latent to gaussian",
            ),
            (
                self.learner != "leo" or self.decode == "class" or self.ways_in_training == self.n_way,
                "decode=task is built for n_way classes; leave out train_n_way, or set decode to class",
            ),
            (
                not self.relation_residual or self.relation != "none",
                "relation=none has no relations to add; set relation_residual to false",
            ),
            (
                self.decoder_start == "random" or self._has_a_transpose,
                "decoder_start=encoder is the transpose of a linear map of features; set encoder to shared, decoder to "
                "linear and decode to class, and n_decoders to 1",
            ),
            (
                self.encoder != "none" or self.relation == "none",
                "encoder=none gives all classes the same code, which has no relations; set relation to none",
            ),
            (
                self.encoder != "none" or self.kl_weight == 0,
                "encoder=none draws codes from N(0, I), from where they have no distance to it; set kl_weight to 0",
            ),
            (
                self.encoder != "none" or self.inner_examples != "leave_one_out",
                "inner_examples=leave_one_out wants codes of the other examples; set encoder to separate or shared",
            ),
            (
                self.test_split == "test" or self.train_classes == "train",
                "train_classes=trainval trains on the characters of test_split=val; set train_classes to train",
            ),
            (
                self.relation != "none" or self.relation_rounds == 1,
                "relation=none has no rounds; set relation_rounds to 1",
            ),
        ]

    def canonical(self) -> dict[str, Any]:
        """All settings as plain JSON values."""
        return self.model_dump(mode="json")

    @property
    def run_key(self) -> str:
        """Name of the run: 16 hexadecimal digits of SHA-256 over the canonical settings and the schema version.

        Settings of ADDED_LATER count only where they are not at their default.
        """
        values = self.canonical()
        for name in ADDED_LATER:
            if values[name] == type(self).model_fields[name].default:
                del values[name]
        text = json.dumps({"schema": SCHEMA_VERSION, **values}, sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    @property
    def _has_a_transpose(self) -> bool:
        return (self.encoder, self.decoder, self.decode, self.n_decoders) == ("shared", "linear", "class", 1)

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
        """Side of the images that the CNN's first block sees, pixels."""
        return self.image_size // self.first_pool + 2 * self.padding

    @property
    def n_train_images(self) -> int:
        """Images of the training budget, support and query together."""
        return self.n_train_episodes * self.ways_in_training * (self.shots_in_training + self.queries_in_training)


PRESETS: dict[str, dict[str, Any]] = {
    "documented": {},
    "leo": {"decode": "class"},
    "paper": {
        "decode": "class",
        "encoder": "shared",
        "feature_norm": "l2",
        "decoder": "linear",
        "latent": "gaussian",
        "decoded_weights": "gaussian",
        "inner_lr": 1.0,
        "inner_lr_mode": "learned",
        "inner_loss": "sum",
        "finetune_steps": 5,
        "finetune_lr": 0.001,
        "feature_dropout": 0.5,
        "kl_weight": 1e-3,
        "encoder_penalty_weight": 1e-9,
        "orthogonality_weight": 1e-3,
        "l2_weight": 1e-8,
    },
    "tuned": {
        "decode": "class",
        "encoder": "shared",
        "decoder": "linear",
        "decoder_start": "encoder",
        "relation_residual": True,
        "head_bias": "distance",
        "logit_scale": "learned",
        "padding": 2,
        "train_n_way": 40,
        "train_n_query": 4,
        "train_support": "each",
        "n_train_episodes": 800,
        "meta_batch_size": 1,
        "schedule": "one_cycle",
        "outer_lr": 0.006,
    },
}
"""Named settings: what differs from the defaults. `documented` is the source document to the letter; `leo` decodes
class by class; `paper` is Rusu et al. (2019) with the defaults of the authors' release, on a Conv-4 that is trained
with the rest; `tuned` starts as a prototype classifier and trains on fewer, larger episodes, of which every image is a
support image in turn: at one shot 160,000 images in all, as many as the documented 2,000 episodes have."""


def preset_values(preset: str, where: str = "settings") -> dict[str, Any]:
    """What a preset sets: one of PRESETS by name, or a file `preset = "leo"` with [settings], by a path that ends with
    .toml. Raises LeoBenchError."""
    if preset in PRESETS:
        return PRESETS[preset]
    if not preset.endswith(".toml"):
        raise LeoBenchError(
            f"{where}: unknown preset {preset!r}; there are {', '.join(PRESETS)}, and files that end with .toml"
        )
    try:
        content = tomllib.loads(Path(preset).read_text())
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise LeoBenchError(f"{where}: preset {preset} cannot be read: {error}") from None
    base, settings = content.get("preset", "documented"), content.get("settings", {})
    if set(content) - {"preset", "settings"} or base not in PRESETS or not isinstance(settings, dict):
        raise LeoBenchError(
            f"{where}: preset {preset}: expected preset = one of {', '.join(PRESETS)}, and a table [settings]"
        )
    return {**PRESETS[base], **settings}


def make_settings(values: Mapping[str, Any], preset: str = "documented", where: str = "settings") -> Settings:
    """Settings of a preset with values on top.

    Raises LeoBenchError in one line naming the setting, what it got and what it takes; a mistyped name gets the
    nearest one.
    """
    merged = {**preset_values(preset, where), **values}
    unknown = [name for name in merged if name not in Settings.model_fields]
    if unknown:
        near = get_close_matches(unknown[0], Settings.model_fields, n=1)
        hint = f"did you mean {near[0]!r}?" if near else f"settings are {', '.join(Settings.model_fields)}"
        raise LeoBenchError(f"{where}: unknown setting {unknown[0]!r}; {hint}")
    for name in ("test_n_ways", "test_modes"):
        if isinstance(merged.get(name), list):
            merged[name] = tuple(merged[name])
    try:
        return Settings(**merged)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(part) for part in first["loc"])
        message = first["msg"].removeprefix("Value error, ")
        got = f" (got {first['input']!r})" if name else ""
        raise LeoBenchError(f"{where}: {name + ': ' if name else ''}{message}{got}") from None


def default_precision(values: Mapping[str, Any], device: str = "cpu") -> str:
    """Precision for settings that name none: bfloat16 where this machine is fast at it and the learner can use it."""
    return "bfloat16" if values.get("generated") != "full" and bfloat16_is_fast(device) else "float32"


def bfloat16_is_fast(device: str = "cpu") -> bool:
    """Whether convolutions in bfloat16 pay on this processor (its own instructions for them); every GPU we run on has
    them."""
    if device == "cuda":
        return True
    try:
        words = Path("/proc/cpuinfo").read_text().split()
    except OSError:
        return False
    return "avx512_bf16" in words or "amx_bf16" in words
