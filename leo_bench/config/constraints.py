"""Checks of settings that contradict each other, each with what to change."""

from typing import TYPE_CHECKING

from leo_bench.data import DATASETS
from leo_bench.learners import LEARNERS

if TYPE_CHECKING:
    from leo_bench.config.settings import Settings

LEAST_SIDE = 16
"""Side of the smallest images that a CNN with four poolings can see, pixels."""

NO_CYCLE = 3
"""Number of updates for which torch's OneCycleLR, whose rate rises over a third of them, divides by zero."""


def check_together(settings: "Settings") -> None:
    """Raise ValueError, saying what to change, if settings contradict each other."""
    drawings = DATASETS[settings.dataset].n_drawings
    if settings.k_shot + settings.n_query > drawings:
        raise ValueError(
            f"k_shot + n_query is {settings.k_shot} + {settings.n_query}, "
            f"but a character has {drawings} drawings; lower one of them"
        )
    if settings.shots_in_training + settings.queries_in_training > drawings:
        raise ValueError(
            f"a training episode needs {settings.shots_in_training} support and {settings.queries_in_training} query "
            f"images of a class, but a character has {drawings} drawings; lower k_shot, train_k_shot, n_query or "
            "train_n_query"
        )
    if LEARNERS[settings.learner].trains and settings.image_side < LEAST_SIDE:
        raise ValueError(
            f"image_size {settings.image_size} with first_pool {settings.first_pool} and padding {settings.padding} "
            f"leaves {settings.image_side} pixels a side, and four poolings need {LEAST_SIDE}; lower first_pool, or "
            "raise image_size or padding"
        )
    n_images = settings.shots_in_training + settings.queries_in_training
    if settings.train_support == "each" and n_images % settings.shots_in_training:
        raise ValueError(
            f"train_support=each divides the {n_images} images of a class into support sets of "
            f"{settings.shots_in_training}, but {n_images} is not a multiple; change train_k_shot or train_n_query"
        )
    if settings.n_train_episodes % settings.meta_batch_size:
        raise ValueError(
            f"n_train_episodes {settings.n_train_episodes} is not a multiple of "
            f"meta_batch_size {settings.meta_batch_size}; change one of them"
        )
    n_updates = settings.n_train_episodes // settings.meta_batch_size
    if settings.schedule == "one_cycle" and n_updates == NO_CYCLE and LEARNERS[settings.learner].trains:
        raise ValueError(
            f"schedule=one_cycle cannot rise and fall over exactly {NO_CYCLE} updates (n_train_episodes "
            f"{settings.n_train_episodes}, meta_batch_size {settings.meta_batch_size}); train on fewer or more "
            "episodes, or set schedule to constant"
        )
    if settings.generated == "full" and settings.decode == "task":
        raise ValueError("generated=full decodes its head rows from class codes; set decode to class")
    if settings.generated == "full" and settings.precision == "bfloat16":
        raise ValueError(
            "generated=full convolves with each episode's own weights in float32; set precision to float32"
        )
    for needed, message in _needs(settings):
        if not needed:
            raise ValueError(message)
    if any(n_way < 2 for n_way in settings.test_n_ways):
        raise ValueError(f"test_n_ways needs ways of at least 2, got {list(settings.test_n_ways)}")
    if any(n_way < 2 for n_way in settings.test_dataset_ways):
        raise ValueError(f"test_dataset_ways needs ways of at least 2, got {list(settings.test_dataset_ways)}")
    if any(k_shot < 1 for k_shot in settings.test_k_shots):
        raise ValueError(f"test_k_shots needs shots of at least 1, got {list(settings.test_k_shots)}")
    _check_test_datasets(settings)


def _check_test_datasets(settings: "Settings") -> None:
    """Raise ValueError if a test cannot be made on any data set, or not on a data set that is named."""
    drawings = {name: DATASETS[name].n_drawings for name in (settings.dataset, *settings.test_datasets)}
    most = max(drawings.values())
    for k_shot in settings.test_k_shots:
        if k_shot >= most:
            raise ValueError(
                f"test_k_shots {k_shot} leaves no drawing for a query: a class has {most} drawings on "
                f"{' and '.join(drawings)}; give at most {most - 1} shots"
            )
    for name in settings.test_datasets:
        if settings.test_split == "val" and not DATASETS[name].trains:
            raise ValueError(
                f"test_split=val needs validation characters, and {name} has test characters alone; leave {name} out "
                "of test_datasets"
            )
        n_classes = DATASETS[name].n_classes(settings.test_split)
        classes = f"{n_classes} {'validation' if settings.test_split == 'val' else 'test'} classes"
        if not settings.any_way and settings.n_way > n_classes:
            raise ValueError(
                f"this learner is scored at its own {settings.n_way} ways, and {name} has {classes}; lower n_way, or "
                f"leave {name} out of test_datasets"
            )
        if max(settings.test_dataset_ways, default=0) > n_classes:
            raise ValueError(
                f"test_dataset_ways {max(settings.test_dataset_ways)} is more than the {classes} of {name}; lower it"
            )


def _needs(settings: "Settings") -> list[tuple[bool, str]]:
    """Return the requirements of one part on another: (True if it holds, message if it does not)."""
    return [
        (
            settings.inner_examples != "leave_one_out"
            or min(settings.k_shot, settings.shots_in_training, *settings.test_k_shots) > 1,
            "inner_examples=leave_one_out has no other example of a class at one shot; set k_shot (and, if they are "
            "set, train_k_shot and test_k_shots) to 2 or more",
        ),
        (
            settings.inner_examples == "support" or settings.generated == "head",
            f"inner_examples={settings.inner_examples} works on a shared CNN; set generated to head",
        ),
        (
            settings.learner != "leo" or settings.inner_examples != "shifted" or settings.train_support == "first",
            "inner_examples=shifted copies one support set; set train_support to first",
        ),
        (
            settings.learner != "leo" or settings.generated == "head" or settings.train_support == "first",
            "generated=full needs a CNN for each support set; set train_support to first, or generated to head",
        ),
        (
            not settings.task_conditioned or settings.decode == "class",
            "decode=task decodes the mean code already; set task_conditioned to false, or decode to class",
        ),
        (
            not settings.task_conditioned or settings.decoder == "mlp",
            "decoder=linear adds the same number to every class for the mean code, which changes no answer; "
            "set task_conditioned to false, or decoder to mlp",
        ),
        (
            settings.orthogonality_weight == 0 or settings.decoder == "linear",
            "orthogonality_weight is for the directions of a linear decoder; set decoder to linear",
        ),
        (
            settings.kl_weight == 0 or settings.latent == "gaussian",
            "kl_weight is for drawn codes; set latent to gaussian",
        ),
        (
            settings.learner != "leo" or settings.decode == "class" or settings.ways_in_training == settings.n_way,
            "decode=task is built for n_way classes; leave out train_n_way, or set decode to class",
        ),
        (
            not settings.relation_residual or settings.relation != "none",
            "relation=none has no relations to add; set relation_residual to false",
        ),
        (
            settings.decoder_start == "random" or _has_a_transpose(settings),
            "decoder_start=encoder is the transpose of a linear map of features; set encoder to shared, decoder to "
            "linear and decode to class, and n_decoders to 1",
        ),
        (
            settings.encoder != "none" or settings.relation == "none",
            "encoder=none gives all classes the same code, which has no relations; set relation to none",
        ),
        (
            settings.encoder != "none" or settings.kl_weight == 0,
            "encoder=none draws codes from N(0, I) itself, so their divergence from it is always 0; set kl_weight to 0",
        ),
        (
            settings.encoder != "none" or settings.inner_examples != "leave_one_out",
            "inner_examples=leave_one_out needs codes of the other examples; set encoder to separate or shared",
        ),
        (
            settings.test_split == "test" or settings.train_classes == "train",
            "train_classes=trainval trains on the characters of test_split=val; set train_classes to train",
        ),
        (
            not settings.frozen_maps or settings.decoder_start == "encoder",
            "frozen_maps keeps the start that decoder_start=encoder makes; set decoder_start to encoder",
        ),
        (
            settings.adapts == "always" or settings.inner_lr_mode == "fixed",
            f"adapts=at_test trains no step sizes, and inner_lr_mode is {settings.inner_lr_mode}; set it to fixed",
        ),
        (
            settings.adapts == "always" or settings.encoder_penalty_weight == 0,
            "encoder_penalty_weight is for codes that move in training; set it to 0, or adapts to always",
        ),
        (
            not settings.frozen_maps or settings.orthogonality_weight == settings.l2_weight == 0,
            "frozen_maps keeps the encoder and decoder that orthogonality_weight and l2_weight would change; set both "
            "to 0, or frozen_maps to false",
        ),
        (
            settings.test_head != "own"
            or settings.test_inner_steps != 0
            or (settings.test_inner_lr, settings.test_inner_temperature) == (None, None),
            "test_inner_steps=0 takes no step; leave out test_inner_lr and test_inner_temperature",
        ),
        (
            settings.learner != "nearest_neighbour" or settings.test_head != "nearest_neighbour",
            "learner=nearest_neighbour answers as test_head=nearest_neighbour does; set test_head to own",
        ),
        (
            settings.adapts == "always" or settings.generated == "head",
            "adapts=at_test is for one CNN that all episodes share; set generated to head",
        ),
        (
            settings.test_support_copies == "none" or settings.inner_examples != "leave_one_out",
            "inner_examples=leave_one_out leaves one image out, but not its copies; set test_support_copies to none",
        ),
        *_needs_of_the_head(settings),
        *_needs_of_the_learner(settings),
        (
            settings.test_head != "own"
            or LEARNERS[settings.learner].inner_loop
            or (settings.test_inner_steps, settings.test_inner_lr) == (None, None),
            f"learner={settings.learner} has no inner loop; leave out test_inner_steps and test_inner_lr, or set "
            "test_head to descended_prototypes",
        ),
        (
            settings.test_inner_temperature is None
            or (settings.test_head == "own" and LEARNERS[settings.learner].inner_loop),
            f"test_inner_temperature is for the inner loop of leo, which learner={settings.learner} with "
            f"test_head={settings.test_head} does not run; leave it out",
        ),
        (
            settings.test_head != "own" or settings.test_inner_lr is None or settings.inner_lr_mode == "fixed",
            f"inner_lr_mode={settings.inner_lr_mode} learns the inner step sizes; leave out test_inner_lr",
        ),
        (
            settings.test_head != "own"
            or not settings.test_inner_steps
            or settings.inner_steps > 0
            or settings.inner_lr_mode == "fixed",
            f"inner_steps=0 leaves nothing that inner_lr_mode={settings.inner_lr_mode} could learn; leave out "
            "test_inner_steps, or set inner_lr_mode to fixed",
        ),
        (
            settings.test_head != "own" or settings.test_inner_steps is None or settings.inner_lr_mode != "per_step",
            "inner_lr_mode=per_step has step sizes for the trained steps only; leave out test_inner_steps",
        ),
        (
            settings.head_start == "decoded" or (settings.generated, settings.decode) == ("head", "class"),
            "head_start=prototype needs the features of one CNN and a row for each class; set generated to head and "
            "decode to class",
        ),
        (
            settings.head_start == "decoded" or settings.decoder_start == "random",
            "head_start=prototype starts the decoder at zero; set decoder_start to random",
        ),
        (
            settings.head_start == "decoded" or settings.inner_examples != "leave_one_out",
            "inner_examples=leave_one_out has other prototypes for each image; set head_start to decoded",
        ),
        (
            settings.relation != "shuffled" or settings.latent_dim > 1,
            "relation=shuffled has nothing to reorder in codes of one number; set latent_dim to 2 or more",
        ),
        (
            settings.relation != "none" or settings.relation_rounds == 1,
            "relation=none has no rounds; set relation_rounds to 1",
        ),
    ]


def _needs_of_the_head(settings: "Settings") -> list[tuple[bool, str]]:
    """Return the requirements of the classifier at test and of wrong labels, as _needs does."""
    head, loop = settings.test_head, (settings.test_inner_steps, settings.test_inner_lr)
    most = max(
        k_shot
        for name in (settings.dataset, *settings.test_datasets)
        for k_shot in (settings.k_shot, *settings.test_k_shots)
        if k_shot < DATASETS[name].n_drawings
    )
    return [
        (
            head == "own" or settings.learner != "leo" or settings.generated == "head",
            f"test_head={head} answers on the features of one CNN, and generated=full makes a CNN for each episode; "
            "set test_head to own, or generated to head",
        ),
        (
            head != "descended_prototypes" or None not in loop,
            "test_head=descended_prototypes needs a number of steps and their size; set test_inner_steps and "
            "test_inner_lr",
        ),
        (
            head not in ("nearest_neighbour", "logistic_regression") or loop == (None, None),
            f"test_head={head} has no inner loop; leave out test_inner_steps and test_inner_lr",
        ),
        (
            head == "logistic_regression" or settings.test_head_c == 1.0,
            f"test_head={head} has no strength; leave out test_head_c, or set test_head to logistic_regression",
        ),
        (
            most > 2 * settings.test_mislabelled,
            f"test_mislabelled {settings.test_mislabelled} leaves too few right labels: the tests have at most {most} "
            f"support images of a class, and more than half must keep their label; lower it, or add "
            f"{2 * settings.test_mislabelled + 1} or more to test_k_shots",
        ),
    ]


INNER_LOOP_OF_LEO = {
    "inner_lr_mode": "fixed",
    "inner_loss": "mean",
    "inner_temperature": 1.0,
    "inner_examples": "support",
    "adapts": "always",
    "finetune_steps": 0,
    "test_inner_temperature": None,
}
"""Settings of the inner loop of leo alone -> the value that does nothing."""


def _needs_of_the_learner(settings: "Settings") -> list[tuple[bool, str]]:
    """Return the requirements of the learners besides leo, as _needs does."""
    learner = settings.learner
    entry = LEARNERS[learner]
    own_cnn, weights = entry.adapted == "cnn", entry.adapted in ("head", "cnn")
    n_images = settings.shots_in_training + settings.queries_in_training
    return [
        *(
            (
                not weights or getattr(settings, name) == plain,
                f"{name} is for the inner loop of leo, and learner={learner} takes steps on weights, down the mean "
                f"loss of the support set; leave out {name}",
            )
            for name, plain in INNER_LOOP_OF_LEO.items()
        ),
        (
            not (weights or learner == "pretrained") or settings.train_support == "first",
            f"train_support=each is for one CNN and an answer that need no training of their own, and "
            f"learner={learner} has none; set train_support to first",
        ),
        (
            entry.any_way or settings.ways_in_training == settings.n_way,
            f"learner={learner} is built for n_way classes; leave out train_n_way",
        ),
        (
            not own_cnn or settings.precision == "float32",
            f"learner={learner} convolves with each episode's own weights in float32; set precision to float32",
        ),
        (
            not own_cnn or settings.test_head == "own",
            f"test_head={settings.test_head} answers on the features of one CNN, and learner={learner} has a CNN for "
            "each episode; set test_head to own",
        ),
        (
            own_cnn or not settings.transductive,
            f"transductive is for a CNN of each episode's own, and learner={learner} has one CNN for all; leave it out",
        ),
        (
            settings.transductive or settings.test_queries == "together",
            "test_queries=alone is for transductive=true, since no other answers depend on other queries; leave it out",
        ),
        (
            learner != "meta_sgd" or settings.test_inner_lr is None,
            "learner=meta_sgd learns its step sizes; leave out test_inner_lr",
        ),
        (
            learner != "reptile" or 1 <= settings.inner_steps <= n_images,
            f"learner=reptile divides the {n_images} images of a class among its inner steps; set inner_steps to 1 to "
            f"{n_images}",
        ),
        (
            learner != "reptile" or settings.label_smoothing == 0,
            "label_smoothing is for the loss of queries, and learner=reptile has none in training; leave it out",
        ),
        (
            learner != "pretrained" or settings.logit_scale == "one",
            "logit_scale scales distances in training, and learner=pretrained trains without them; leave it out",
        ),
        (
            learner != "pretrained" or settings.augmentation == "none",
            "learner=pretrained has no augmentation; set augmentation to none",
        ),
    ]


def _has_a_transpose(settings: "Settings") -> bool:
    """Return True if the decoder can start as the transpose of the encoder."""
    parts = (settings.encoder, settings.decoder, settings.decode, settings.n_decoders)
    return parts == ("shared", "linear", "class", 1)
