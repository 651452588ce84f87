"""What the platform knows of a study, in sentences: the methods text and both checklists are made of them.

Every fact is a method that returns "" where the platform does not know.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.utils.translation import gettext as _

from plaqueweb.agreement import present
from plaqueweb.agreement.paper.facts_study import ACCURACY, StudyFacts, first_up, listed


class Facts(StudyFacts):
    """Facts of models, measures and results, besides those of the data and the readers."""

    def partitions(self) -> str:
        seen = self.body["seen_in_training"]
        if not seen["checked"]:
            return ""
        if seen["subjects"]:
            return _("%(n)s subjects of this list were seen in training or tuning (%(lists)s).") % {
                "n": seen["subjects"], "lists": ", ".join(seen["lists"]),
            }  # fmt: skip
        return _("Evaluation only; no subject of this list is known to have been seen in training or tuning.")

    def disjoint(self) -> str:
        return _("Subject: a subject serves one purpose (train, tune, test, monitor) in a project.")

    def size(self) -> str:
        flow = self.flow
        positive = flow.cells.get((1, 0), 0) + flow.cells.get((1, 1), 0)
        return _("%(n)s studies of %(subjects)s subjects analysed, %(complex)s of them complex.") % {
            "n": flow.analysed, "subjects": flow.subjects, "complex": positive,
        }  # fmt: skip

    def model(self) -> str:
        told = [
            _("%(name)s (SHA-256 %(hash)s): classifier %(one)s, segmenter %(two)s")
            % {"name": row["name"], "hash": row["hash"][:16], "one": row["classifier"]["sha256"][:16],
               "two": row["segmenter"]["sha256"][:16]}
            for row in self.pipelines
        ]  # fmt: skip
        return "; ".join(told) + "." if told else ""

    def output(self) -> str:
        told = [
            _("%(name)s: complex from a probability of %(cut)s")
            % {"name": row["name"], "cut": present.number(row["threshold"], 2)}
            for row in self.pipelines
        ]
        if not told:
            return ""
        return _("A calibrated probability for each study (its largest over the clips); %(told)s.") % {
            "told": "; ".join(told)
        }

    def training(self) -> str:
        told = [
            f"{model['name']} {model['version']}: {words}"
            for row in self.pipelines
            for model in (row["classifier"], row["segmenter"])
            if (words := _training_words(model))
        ]
        return "; ".join(dict.fromkeys(told)) + "." if told else ""

    def initialisation(self) -> str:
        seeds = {
            f"{model['name']} {model['training']['seed']}"
            for row in self.pipelines
            for model in (row["classifier"], row["segmenter"])
            if isinstance(model["training"], Mapping) and "seed" in model["training"]
        }
        return _("Random, from the seeds: %(seeds)s.") % {"seeds": listed(sorted(seeds))} if seeds else ""

    def software(self) -> str:
        code = self.body["code"]
        packages = ", ".join(f"{name} {version}" for name, version in code["packages"].items())
        commit = _(", commit %(commit)s") % {"commit": code["commit"][:12]} if code["commit"] else ""
        return _("PlaqueWeb %(version)s%(commit)s, Python %(python)s, %(packages)s; lock SHA-256 %(lock)s.") % {
            "version": code["version"], "commit": commit, "python": code["python"], "packages": packages,
            "lock": code["lock"][:16] or "–",
        }  # fmt: skip

    # --- measures, results

    def measures(self) -> str:
        first = (
            _("accuracy, sensitivity, specificity, predictive values, ")
            if self.overview["accuracy"] is not None
            else ""
        )
        return _(
            "Class: %(first)ssame class, Cohen’s kappa, Gwet’s AC1, positive and negative agreement, ROC, calibration. "
            "Thickness: bias and limits of agreement, mean absolute difference, ICC, concordance. Masks: Dice, plaque "
            "only, and border distances in mm. Each beside the same measure between two readers on the same cases."
        ) % {"first": first}

    def uncertainty(self) -> str:
        n = self.body["statistics"]
        return _(
            "95 %% intervals; the unit of inference is the subject: %(n)s resamples of whole subjects (percentile, "
            "seed %(seed)s), Wilson’s where each subject has one study. None below %(least)s subjects."
        ) % {"n": n["resamples"], "seed": n["seed"], "least": n["fewest_subjects"]}

    def subgroups(self) -> str:
        if not self.has("subgroups"):
            return ""
        return _(
            "By segment, quality, scanner, scale, sex, age band and thickness, each beside two readers on the same "
            "cases."
        )

    def over_time(self) -> str:
        if not self.has("time"):
            return ""
        return _("Over time with control limits, and signals that need no reader; alarms on record: %(n)s.") % {
            "n": len(self.body["alarms"])
        }

    def heterogeneity(self) -> str:
        return " ".join(part for part in (self.subgroups(), self.over_time()) if part)

    def flow_figure(self) -> str:
        return _("Figure 1: %(of)s studies, %(n)s analysed.") % {"of": self.flow.of, "n": self.flow.analysed}

    def people_table(self) -> str:
        if not any(key for kind in ("sex", "age_band") for key in self.dataset_of[kind]):
            return ""
        return _("Table 1, as far as sex and age band are known.")

    def performance(self) -> str:
        figures = self.overview["accuracy"] or {"observed": self.overview["class"]["observed"]}
        lines = [present.line(key, figures[key]) for key in (*ACCURACY[:3], "observed") if key in figures]
        told = [f"{line.label} {line.value}" + (f" ({line.interval})" if line.interval else "") for line in lines]
        return "; ".join(told) + "."

    def failures(self) -> str:
        cells = self.flow.cells
        return _(
            "%(missed)s studies complex by the other side and not by the model, %(extra)s the other way round; each "
            "opens its pictures on the platform, the worst frames stand on its segmentation tab."
        ) % {"missed": cells.get((1, 0), 0), "extra": cells.get((0, 1), 0)}

    def balance(self) -> str:
        positive = sum(n for (reference, _model), n in self.flow.cells.items() if reference == 1)
        total = self.flow.analysed
        if not total:
            return ""
        return _("%(share)s of the analysed studies are complex; nothing was weighted or sampled anew.") % {
            "share": present.percent(positive / total)
        }

    def poor_input(self) -> str:
        return _(
            "A clip without an aorta in view, under colour, of poor quality, or unlike the training pictures gets no "
            "class but a named reason; without a scale it gets no millimetres. All of them are counted in Figure 1."
        )

    def limits_known(self) -> str:
        told = []
        if self.overview["simulated"]:
            told.append(_("simulated readers are among the reads"))
        if self.overview["synthetic"]:
            told.append(_("synthetic pictures are among the clips"))
        if self.body["interim"]:
            told.append(_("interim: a round still went on when this was frozen"))
        if not self.body["seen_in_training"]["checked"]:
            told.append(_("no frozen case list bounds the comparison, so a leak from training was not looked for"))
        return first_up("; ".join(told)) + "." if told else ""

    def protocol(self) -> str:
        versions = sorted({row["protocol"]["version"] for row in self.made_of["rounds"]})
        if not versions:
            return ""
        words = _("Reading protocol of the project, version %(versions)s, frozen by its first signature.") % {
            "versions": listed(map(str, versions))
        }
        # Reports frozen before there were guides do not tell of one.
        guides = {row["protocol"]["version"]: row["protocol"].get("guide_sha256") for row in self.made_of["rounds"]}
        told = [_("v%(n)d %(hash)s") % {"n": n, "hash": guides[n][:16]} for n in versions if guides[n]]
        return f"{words} {_('Reading guide (sha256): %(told)s.') % {'told': listed(told)}}" if told else words

    def sharing(self) -> str:
        return _(
            "The manifest of this report names every read, prediction, weight file and seed; manage.py recompute "
            "counts it again on the platform. Whether data leave it is for the authors to say."
        )

    def code_sharing(self) -> str:
        return _("PlaqueWeb is free software (Apache-2.0); hash of the sources: %(hash)s.") % {
            "hash": self.body["code"]["sources"][:16]
        }


def _training_words(model: Mapping[str, Any]) -> str:
    """What a card says of its training data: a card is free text or data of any shape."""
    training = model["training"]
    data = training.get("data", "") if isinstance(training, Mapping) else training
    if isinstance(data, Mapping):
        return ", ".join(f"{name} {value}" for name, value in data.items() if isinstance(value, str | int | float))
    return str(data) if isinstance(data, str) else ""
