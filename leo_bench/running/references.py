"""Variants that a study takes from other studies: `of = "STUDY"` or `of = "STUDY:VARIANT"`.

Such a variant has the settings that it has there at the same profile, and so the same run keys: its runs are shared.
"""

from collections.abc import Callable
from pathlib import Path

from leo_bench.errors import LeoBenchError
from leo_bench.records.claims import Source
from leo_bench.running.study_file import StudyFile, Variant, label_of, read_study, resolved, taken_from, unknown_variant


def with_references(studies: Path, study: StudyFile, profile: str) -> StudyFile:
    """Return a study whose variants from other studies have the settings that they have there.

    If the other study lacks this profile, they have the settings that its profiles share, and those of the profile
    here. Raises LeoBenchError if a study or a variant is unknown.
    """
    files: dict[str, StudyFile] = {}
    found = {
        name: _taken(studies, study, name, profile, files) if variant.of else variant
        for name, variant in study.variants.items()
    }
    return study.model_copy(update={"variants": found})


def _taken(studies: Path, referring: StudyFile, name: str, profile: str, files: dict[str, StudyFile]) -> Variant:
    """Return a variant with the settings of the one that it is taken from. files: studies read so far."""
    variant = referring.variants[name]
    place = f"variants.{name}.of"
    study, other = _origin(name, variant)
    if study not in files:
        files[study] = read_study(studies, study)
    file = files[study]
    if other not in file.variants:
        raise LeoBenchError(f"{place}: study {study}: {unknown_variant(other, file)}")
    if (origin := taken_from(file, other)) is not None:
        named = "name that" if file.variants[other].of else "write its settings here: extends and set"
        raise LeoBenchError(f"{place}: {other} of {study} is taken from {origin}; {named}")
    preset, own = resolved(file, other)
    budget = file.profiles.get(profile)
    common = (budget or referring.profiles[profile]).settings
    at_profile = budget.variant_settings.get(other, {}) if budget else {}
    update = {
        "preset": preset,
        "set": {**file.settings, **common, **own, **at_profile},
        "label": variant.label or label_of(file, other),
        "switch": variant.switch or "study",
        "reference": file.variants[other].reference,
    }
    return variant.model_copy(update=update)


def _origin(name: str, variant: Variant) -> tuple[str, str]:
    """Return the study and the name there of a variant that is taken from another study."""
    study, _, other = str(variant.of).partition(":")
    return study, other or name


def sources(referring: StudyFile, study: StudyFile, training: Callable[[str], str]) -> dict[str, Source]:
    """Return each variant that is taken from another study, as the report needs it.

    referring: the study as it is written. study: the same by with_references. training: variant -> key of the settings
    of its training.
    """
    found = {}
    for name, variant in referring.variants.items():
        if variant.of:
            other, own = _origin(name, variant)
            label = study.variants[name].label or name
            found[name] = Source(study=other, variant=own, label=label, training=training(name))
    return found
