"""`leo-bench publish-model`: write a trained model with its card into models/."""

import argparse

from leo_bench.commands.given import options_given, refuse_alone
from leo_bench.errors import LeoBenchError
from leo_bench.running.publish_model import publish_model, refresh_cards


def command_publish_model(options: argparse.Namespace) -> None:
    """Publish one model, or without a name write all cards again. Prints the paths of what was written."""
    if options.name is None:
        refuse_alone("the name of a model", options_given(options, "study", "variant"))
        for card in refresh_cards(options.results, options.models):
            print(card)
        return
    if options.study is None:
        raise LeoBenchError(f"--study is missing: the published study that has {options.name}, such as adaptation-cpu")
    variant = options.variant or options.name
    print(publish_model(options.name, options.results, options.study, variant, options.models))
