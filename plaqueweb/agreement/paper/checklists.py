"""CLAIM and TRIPOD+AI with what the platform knows: item by item, in our own words, the rest left to the authors.

Sources of the items' numbers: CLAIM 2024 Update (Tejani 2024), 44 items; TRIPOD+AI (Collins 2024), 27 items in parts.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy as words

from plaqueweb.agreement.paper.facts import Facts

Item = tuple[str, Any, tuple[str, ...]]
"""Number, what is asked, and the facts that answer it; without any it is the authors'."""

CLAIM: tuple[Item, ...] = (
    ("1", words("Title names the AI method"), ("technology",)),
    ("2", words("Structured abstract"), ()),
    ("3", words("Background, intended use and role"), ()),
    ("4", words("Aims and hypotheses"), ()),
    ("5", words("Prospective or retrospective"), ()),
    ("6", words("Goal of the study"), ("goal",)),
    ("7", words("Data sources"), ("source", "dates")),
    ("8", words("Who was included"), ("eligibility",)),
    ("9", words("Preprocessing"), ("preprocessing",)),
    ("10", words("Selection of parts of the data"), ("subsets",)),
    ("11", words("De-identification"), ("deidentification",)),
    ("12", words("Missing data"), ("missing",)),
    ("13", words("Image acquisition"), ("acquisition",)),
    ("14", words("How the reference was obtained"), ("reference",)),
    ("15", words("Why this reference"), ()),
    ("16", words("Who annotated for the reference"), ("annotators",)),
    ("17", words("Annotation of the test set"), ("annotation", "blinding")),
    ("18", words("Variability between and within readers"), ("variability",)),
    ("19", words("Assignment to partitions"), ("partitions",)),
    ("20", words("Level at which partitions are apart"), ("disjoint",)),
    ("21", words("Planned sample size"), ()),
    ("22", words("Description of the model"), ("technology", "model", "output")),
    ("23", words("Software"), ("software",)),
    ("24", words("Initial parameters"), ("initialisation",)),
    ("25", words("Training"), ("training",)),
    ("26", words("Choice of the final model"), ()),
    ("27", words("Ensembles"), ()),
    ("28", words("Measures of performance"), ("measures",)),
    ("29", words("Statistical uncertainty"), ("uncertainty",)),
    ("30", words("Robustness"), ("heterogeneity",)),
    ("31", words("Explainability"), ()),
    ("32", words("Evaluation on internal data"), ("partitions",)),
    ("33", words("Testing on external data"), ()),
    ("34", words("Trial registration"), ()),
    ("35", words("Numbers included and excluded"), ("flow_figure",)),
    ("36", words("Demographics and clinical features"), ("people_table",)),
    ("37", words("Performance with uncertainty"), ("performance",)),
    ("38", words("Diagnostic performance and its precision"), ("performance", "size")),
    ("39", words("Failure analysis"), ("failures",)),
    ("40", words("Limitations"), ("limits_known",)),
    ("41", words("Implications for practice"), ()),
    ("42", words("Study protocol"), ("protocol",)),
    ("43", words("Availability of software, model and data"), ("code_sharing", "sharing")),
    ("44", words("Funding"), ()),
)

TRIPOD: tuple[Item, ...] = (
    ("1", words("Title"), ("technology",)),
    ("2", words("Abstract"), ()),
    ("3a", words("Context and rationale"), ()),
    ("3b", words("Target population and users"), ()),
    ("3c", words("Known health inequalities"), ()),
    ("4", words("Objectives: development or evaluation"), ("goal",)),
    ("5a", words("Sources of data"), ("source",)),
    ("5b", words("Dates"), ("dates",)),
    ("6a", words("Setting and centres"), ()),
    ("6b", words("Eligibility"), ("eligibility",)),
    ("6c", words("Treatments"), ()),
    ("7", words("Data preparation"), ("deidentification", "preprocessing")),
    ("8a", words("Outcome, how and when assessed"), ("reference",)),
    ("8b", words("Who assessed the outcome"), ("annotators",)),
    ("8c", words("Blinding of the outcome"), ("blinding",)),
    ("9a", words("Choice of predictors"), ()),
    ("9b", words("Predictors, how and when measured"), ("acquisition",)),
    ("9c", words("Who assessed predictors"), ()),
    ("10", words("Sample size"), ()),
    ("11", words("Missing data"), ("missing",)),
    ("12a", words("How the data were used"), ("partitions",)),
    ("12b", words("Handling of predictors"), ("preprocessing",)),
    ("12c", words("Type of model and how it was built"), ("technology", "training")),
    ("12d", words("Heterogeneity, how handled"), ("heterogeneity",)),
    ("12e", words("Measures of performance"), ("measures", "uncertainty")),
    ("12f", words("Model updating"), ()),
    ("12g", words("How predictions were calculated"), ("output", "model")),
    ("13", words("Class imbalance"), ("balance",)),
    ("14", words("Fairness"), ("subgroups",)),
    ("15", words("Output of the model"), ("output",)),
    ("16", words("Training and evaluation data compared"), ()),
    ("17", words("Ethical approval"), ()),
    ("18a", words("Funding"), ()),
    ("18b", words("Conflicts of interest"), ()),
    ("18c", words("Protocol"), ("protocol",)),
    ("18d", words("Registration"), ()),
    ("18e", words("Data sharing"), ("sharing",)),
    ("18f", words("Code sharing"), ("code_sharing",)),
    ("19", words("Patient and public involvement"), ()),
    ("20a", words("Flow of participants"), ("flow_figure",)),
    ("20b", words("Characteristics"), ("people_table",)),
    ("20c", words("Predictors compared with the development data"), ()),
    ("21", words("Numbers and events in each analysis"), ("size",)),
    ("22", words("The full model"), ("model",)),
    ("23a", words("Performance with intervals, also in subgroups"), ("performance", "subgroups")),
    ("23b", words("Heterogeneity between clusters"), ("heterogeneity",)),
    ("24", words("Results of updating"), ()),
    ("25", words("Interpretation"), ()),
    ("26", words("Limitations"), ("limits_known",)),
    ("27a", words("Poor or missing input"), ("poor_input",)),
    ("27b", words("Users and their expertise"), ()),
    ("27c", words("Next steps"), ()),
)

AUTHORS = words("To be written by the authors.")


@dataclass(frozen=True)
class Answered:
    """One item with its answer; ``known``: the platform gave it."""

    number: str
    asked: str
    answer: str
    known: bool


def filled(items: tuple[Item, ...], facts: Facts) -> list[Answered]:
    """Every item with what is known; where no fact says anything, it is left to the authors by name."""
    made = []
    for number, asked, names in items:
        told = " ".join(part for name in names if (part := getattr(facts, name)()))
        made.append(Answered(number, str(asked), told or str(AUTHORS), bool(told)))
    return made


def count_words(answered: list[Answered]) -> str:
    """ "31 of 44 items filled in"."""
    return _("%(n)s of %(of)s items are filled in with what the platform knows; the others are the authors’.") % {
        "n": sum(item.known for item in answered), "of": len(answered),
    }  # fmt: skip
