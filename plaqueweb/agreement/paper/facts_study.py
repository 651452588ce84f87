"""What the platform knows of data, reference and readers, in sentences.

Every fact is a method that returns "" where the platform does not know.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from plaqueweb.agreement import present
from plaqueweb.agreement.filters import LABELS, NARROWING
from plaqueweb.agreement.paper.flow import Flow, flow_of, reason_words
from plaqueweb.agreement.report_models import inputs_of, tab_of
from plaqueweb.reads.choices import Policy, Reveal, Speciality
from plaqueweb.studies.choices import CalibrationSource, ListPurpose

POLICY_WORDS: dict[str, Any] = dict(Policy.choices)
REVEAL_WORDS: dict[str, Any] = dict(Reveal.choices)
PURPOSE_WORDS: dict[str, Any] = dict(ListPurpose.choices)
Row = Mapping[str, Any]
RULE_WORDS: dict[str, Any] = {
    "ulceration": gettext_lazy("ulceration"),
    "mobile": gettext_lazy("a mobile component"),
    "thrombus": gettext_lazy("superimposed thrombus"),
}
ACCURACY = ("accuracy", "sensitivity", "specificity", "ppv", "npv")


def listed(texts: Iterable[str]) -> str:
    """ "a, b and c"."""
    every = [text for text in texts if text]
    if len(every) < 2:
        return "".join(every)
    return _("%(all)s and %(last)s") % {"all": ", ".join(every[:-1]), "last": every[-1]}


def day(text: str) -> str:
    """The day of a moment in ISO form."""
    return text[:10]


class StudyFacts:
    """Facts of one report, from its manifest alone."""

    def __init__(self, body: Row) -> None:
        self.body = body
        self.flow: Flow = flow_of(body)
        self.made_of: Row = body["made_of"]
        self.dataset_of: Row = body["dataset"]

    @cached_property
    def overview(self) -> Row:
        return dict(next(tab["results"] for tab in self.body["tabs"] if tab["tab"] == "overview"))

    @property
    def other(self) -> str:
        """The other side of the comparison by name."""
        return str(self.body["comparison"]["against_words"])

    @property
    def pipelines(self) -> Sequence[Row]:
        """The compared pipeline first."""
        chosen = (self.body["comparison"]["pipeline"] or {}).get("id")
        return sorted(self.made_of["pipelines"], key=lambda row: row["id"] != chosen)

    @property
    def main(self) -> Row | None:
        return self.pipelines[0] if self.pipelines else None

    def has(self, tab: str) -> bool:
        return any(row["tab"] == tab for row in self.body["tabs"])

    # --- title, aims

    def technology(self) -> str:
        if self.main is None:
            return ""
        return _("Pipeline %(name)s: classifier %(one)s, segmenter %(two)s.") % {
            "name": self.main["name"], "one": _model_words(self.main["classifier"]),
            "two": _model_words(self.main["segmenter"]),
        }  # fmt: skip

    def goal(self) -> str:
        words = {"name": self.main["name"] if self.main else "–", "other": self.other}
        return _("Evaluation of %(name)s against: %(other)s.") % words

    # --- data

    def dates(self) -> str:
        signed = sorted(row["signed_at"] for row in self.made_of["reads"] if row["signed_at"])
        told = []
        if self.dataset_of["arrived"]:
            first, last = map(day, self.dataset_of["arrived"])
            told.append(_("studies arrived on the platform from %(a)s to %(b)s") % {"a": first, "b": last})
        if signed:
            first, last = day(signed[0]), day(signed[-1])
            told.append(_("reads were signed from %(a)s to %(b)s") % {"a": first, "b": last})
        if not told:
            return ""
        return _("%(told)s; the platform knows dates of examination only shifted.") % {
            "told": first_up("; ".join(told))
        }

    def source(self) -> str:
        n = {"studies": len(self.dataset_of["studies"]), "subjects": self.dataset_of["subjects"]}
        n |= {"clips": self.dataset_of["clips"], "frames": self.dataset_of["frames"]}
        text = _("%(studies)s studies of %(subjects)s subjects, %(clips)s clips, %(frames)s frames") % n
        name = self.body["project"]["name"]
        return _("Project %(name)s: %(text)s; SHA-256 of the data set %(hash)s.") % {
            "name": name, "text": text, "hash": self.dataset_of["sha256"][:16],
        }  # fmt: skip

    def eligibility(self) -> str:
        lists = {row["case_list"]["id"]: row["case_list"] for row in self.made_of["rounds"]}
        chosen = self._round()
        if chosen is not None:
            lists = {chosen["case_list"]["id"]: chosen["case_list"]}
        told = [
            _("%(name)s (purpose: %(purpose)s, frozen %(at)s, SHA-256 %(hash)s)")
            % {"name": row["name"], "purpose": PURPOSE_WORDS.get(row["purpose"], row["purpose"]),
               "at": day(row["frozen_at"]), "hash": row["hash"][:16]}
            for row in lists.values() if row["frozen_at"]
        ]  # fmt: skip
        asked = [f"{LABELS[name]} {value}" for name, value in self.body["comparison"]["asked"] if name in NARROWING]
        filters = _(" Narrowed to: %(filters)s.") % {"filters": ", ".join(asked)} if asked else ""
        return _("Studies of: %(lists)s.") % {"lists": listed(told)} + filters if told else filters.strip()

    def _round(self) -> Row | None:
        wanted = self.body["comparison"]["round"]
        return next((row for row in self.made_of["rounds"] if row["id"] == wanted), None)

    def preprocessing(self) -> str:
        names = {row["parameters"].get("preprocessing", "") for row in self.pipelines}
        told = listed(sorted(name for name in names if name))
        return _("Preprocessing %(names)s, part of the pipeline’s hash.") % {"names": told} if told else ""

    def subsets(self) -> str:
        sets = [row["read_set"] for row in self.made_of["rounds"] if row["read_set"]]
        if not sets:
            return ""
        return _(
            "What is read of a study was chosen blind to every result and frozen with the round (SHA-256 %(h)s)."
        ) % {"h": listed(one[:16] for one in sets)}

    def deidentification(self) -> str:
        if self._all_synthetic():
            return _("Synthetic data: no person stands behind them.")
        return _(
            "At intake: header fields by allow-list, identifiers and UIDs replaced by keyed hashes, dates shifted by "
            "subject, pixels outside the ultrasound regions blanked; what could not be cleared was held for a person."
        )

    def _all_synthetic(self) -> bool:
        return bool(self.dataset_of["clips"]) and self.dataset_of["synthetic_clips"] == self.dataset_of["clips"]

    def missing(self) -> str:
        flow = self.flow
        reasons = ", ".join(f"{reason_words(key)} {n}" for key, n in flow.no_result.items()) or _("none")
        return _(
            "No study was dropped in silence: %(without)s without an answer of the other side, %(cannot)s that it "
            "could not assess, without a class of the model: %(reasons)s. Figures over all studies count no result as "
            "not correct."
        ) % {"without": flow.without_reference, "cannot": flow.cannot_assess, "reasons": reasons}

    def acquisition(self) -> str:
        scanners = listed(f"{name or _('scanner not known')} ({n})" for name, n in self.dataset_of["scanners"].items())
        known = dict(CalibrationSource.choices)
        scale = listed(f"{known.get(key, key)} {n}" for key, n in self.dataset_of["scale_from"].items())
        if not scanners:
            return ""
        told = _("Transesophageal echo; studies by scanner: %(scanners)s; regions by scale: %(scale)s.") % {
            "scanners": scanners, "scale": scale or "–",
        }  # fmt: skip
        # A report that was frozen before there were sites has none.
        given = self.dataset_of.get("sites", {})
        sites = listed(f"{name or _('not known')} ({n})" for name, n in given.items())
        return told + (_(" Studies by site: %(sites)s.") % {"sites": sites} if any(given) else "")

    # --- reference and readers

    def reference(self) -> str:
        rules = {row["protocol"]["version"]: row["protocol"]["label_rule"] for row in self.made_of["rounds"]}
        told = [_rule_words(version, rule) for version, rule in sorted(rules.items())]
        how = {
            "known_truth": _("Known truth of the phantom that made the pictures."),
            "consensus": _(
                "Consensus of the readers: their common class, else an adjudicator’s, who first answered blind and "
                "then saw both reads without names. None was made with a model in view."
            ),
            "adjudicated": _(
                "Adjudicated: an adjudicator first answered blind, then saw the reads without names. None was made "
                "with a model in view."
            ),
            "majority": _("The class that more than half of the readers gave."),
        }
        base = how.get(self.body["comparison"]["against"]) or _(
            "No reference standard: the model is held against one reader, %(name)s; no accuracy is claimed."
        ) % {"name": self.other}
        return " ".join([base, *told])

    def annotators(self) -> str:
        people = self.made_of["readers"]
        if not people:
            return ""
        told = [_reader_words(row) for row in people]
        count = ngettext("%(n)s reader", "%(n)s readers", len(people)) % {"n": len(people)}
        return f"{count}: {'; '.join(told)}."

    def annotation(self) -> str:
        told = [_round_words(row) for row in self.made_of["rounds"]]
        return " ".join(told)

    def blinding(self) -> str:
        arms = {row["arm"] for row in self.made_of["reads"]}
        if not arms:
            return ""
        text = _(
            "The last revision counts that a reader signed before anything about the study was disclosed to that "
            "reader; the site shows no prediction and no other answer before."
        )
        n = inputs_of(self.body, tab_of(self.body, "overview"))["counts"]
        extra = [_("%(n)s later revisions were left out") % {"n": n["informed"]}] if n["informed"] else []
        extra += (
            [_("%(n)s reads came from elsewhere, blinding unknown") % {"n": n["imported"]}] if n["imported"] else []
        )
        return f"{text} {first_up('; '.join(extra))}." if extra else text

    def variability(self) -> str:
        ceiling = self.overview["ceiling"]
        row = next((row for row in (ceiling or {}).get("rows", []) if row["key"] == "kappa"), None)
        told = []
        if row is not None and row["readers"]["value"] is not None:
            interval = present.interval_words(row["readers"]["interval"], share=False)
            value = present.number(row["readers"]["value"], 2)
            words = _("between two readers kappa %(value)s") % {"value": value}
            told.append(f"{words} ({interval})" if interval else words)
        repeats: list[Row] = next(
            (tab["results"]["repeats"] for tab in self.body["tabs"] if tab["tab"] == "readers"), []
        )
        again = sum(row["n"] for row in repeats)
        if again:
            told.append(_("second readings of the same study by the same reader: %(n)s") % {"n": again})
        return first_up("; ".join(told)) + "." if told else ""


def first_up(text: str) -> str:
    return text[:1].upper() + text[1:]


def _model_words(row: Row) -> str:
    kind = f", {row['architecture']}" if row["architecture"] else ""
    return f"{row['name']} {row['version']}{kind}"


def _rule_words(version: int, rule: Row) -> str:
    mm = rule.get("thickness_mm")
    parts = [_("thickness of %(mm)s mm or more") % {"mm": mm}] if mm else []
    parts += [str(RULE_WORDS.get(reason, reason)) for reason in rule.get("reasons", [])]
    return _("Label rule, protocol %(version)s: complex by %(parts)s.") % {
        "version": version, "parts": _(" or ").join(parts),
    }  # fmt: skip


def _reader_words(row: Row) -> str:
    if row["simulated"]:
        return _("%(name)s (simulated reader)") % {"name": row["name"]}
    if not row["speciality"]:
        return _("%(name)s (no profile filled in)") % {"name": row["name"]}
    known = dict(Speciality.choices)
    return _("%(name)s (%(what)s, %(years)s years, %(tee)s TEE examinations)") % {
        "name": row["name"], "what": str(known.get(row["speciality"], row["speciality"])).lower(),
        "years": row["years"], "tee": row["tee_count"],
    }  # fmt: skip


def _round_words(row: Row) -> str:
    told = [
        str(POLICY_WORDS.get(row["policy"], row["policy"])),
        _("revealed: %(when)s") % {"when": REVEAL_WORDS.get(row["reveal"], row["reveal"])},
        _("every reader in an own random order (seed %(seed)s)") % {"seed": row["seed"]},
    ]
    if row["adjudication"]:
        share = present.percent(row["adjudication"]["share"])
        told.append(_("besides discordant cases %(share)s of concordant ones were adjudicated") % {"share": share})
    if row["washout_days"]:
        told.append(_("repeat after a washout of %(n)s days") % {"n": row["washout_days"]})
    return _("Round %(name)s: %(told)s.") % {"name": row["name"], "told": "; ".join(told)}
