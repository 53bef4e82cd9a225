"""The page: the matrix with a link in each cell, proofs, and runs that are stepped through. One file, no network."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any

import specproof
from specproof.explain import hexadecimal, needed, shrunk, story
from specproof.load import LEMMAS, Library
from specproof.pinned import Pins
from specproof.registers import Registers
from specproof.report import Answer, cell, counts, place
from specproof.story.blocks import changes, marks, notes, prevention
from specproof.story.model import Story
from specproof.story.saved import document
from specproof.story.subject import Subject
from specproof.verdict import Proved, Refuted, Result, Unknown, Vacuous

#: Columns beyond which a table says verdicts by signs, and names stand upright.
SMALL = 10
SIGNS = {"proved": "\u2713", "refuted": "\u2717", "vacuous": "\u2013", "unknown": "?"}


def page(answers: Sequence[Answer], pins: Pins, known: Library, without: Sequence[str] = ()) -> str:
    """The text of the page. A single proof shows its witness run in full, of many the steps only."""
    import jinja2

    drawn = _Page(known, pins, tuple(without), list(answers))
    drawn.draw()
    folder = Path(__file__).parent / "web"
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    template = environment.from_string((folder / "page.html.j2").read_text(encoding="utf-8"))
    style, script = ((folder / name).read_text(encoding="utf-8") for name in ("page.css", "page.js"))
    results = [answer for answer in answers if isinstance(answer, Result)]
    designs = list(dict.fromkeys(answer.design for answer in answers))
    title = f"{designs[0]}: {results[0].claim}" if len(results) == 1 else "Verdicts"
    data = {**drawn.data, "title": title}
    return template.render(
        title=title, version=specproof.__version__, counts=counts(answers, 0, False).rpartition(";")[0],
        blocks=drawn.blocks(), style=style, script=script, data=_safe(data),
    )  # fmt: skip


def _safe(data: Any) -> str:
    """JSON that cannot end the element that it stands in."""
    text = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


@dataclass
class _Page:
    known: Library
    pins: Pins
    without: tuple[str, ...]
    answers: list[Answer]
    data: dict[str, Any] = field(default_factory=lambda: {"answers": {}, "stories": [], "lemmas": [], "fields": []})
    numbers: dict[str, int] = field(default_factory=dict)

    def draw(self) -> None:
        """Puts every answer into the data."""
        refuted: dict[tuple[str, str], list[str]] = {}
        for result in self._results():
            if isinstance(result.verdict, Refuted) and result.kind != "relation":
                refuted.setdefault((result.design, result.configuration), []).append(result.claim)
        for result in self._results():
            self.data["answers"][_key(result)] = self._answer(result, refuted.get((result.design, result.configuration), []))

    def _results(self) -> list[Result]:
        return [answer for answer in self.answers if isinstance(answer, Result)]

    def _answer(self, answer: Result, together: Sequence[str]) -> dict[str, Any]:
        claim = self.known.claims[answer.claim]
        found: dict[str, Any] = {
            "claim": claim.name, "id": claim.id, "sentence": claim.sentence, "where": _where(answer), "word": answer.verdict.word, "headline": "",
        }  # fmt: skip
        verdict = answer.verdict
        if isinstance(verdict, Vacuous | Unknown):
            found["headline"] = verdict.reason
        elif isinstance(verdict, Refuted):
            self._refuted(found, answer, verdict, together)
        elif isinstance(verdict, Proved):
            self._proved(found, answer, verdict)
        pin = self.pins.get((answer.design, answer.configuration, answer.claim))
        if pin is not None and pin.analysis and isinstance(verdict, Refuted):
            found["analysis"] = [" ".join(paragraph.split()) for paragraph in pin.analysis.split("\n\n")]
        return found

    def _refuted(self, found: dict[str, Any], result: Result, verdict: Refuted, together: Sequence[str]) -> None:
        if result.kind == "lemma":
            found["headline"] = "Refuted by these values."
            found["values"] = [f"{name} = {hexadecimal(value)}" for name, value in verdict.trace.initial.items()]
            return
        length = verdict.trace.length
        shorter = ", and by none that is shorter" if verdict.shortest else ""
        found["headline"] = f"Refuted by a run of {length} step{'s' * (length != 1)}{shorter}."
        told = story(result, self.known, self.without, together)
        if told.formula:
            found["formula"] = document(told)["formula"]
        found["story"] = self._story(told)

    def _proved(self, found: dict[str, Any], result: Result, verdict: Proved) -> None:
        found["headline"] = "Proved for all values and for runs of any length."
        if result.kind == "reachability":
            found["headline"] = "Proved, by a run that reaches it."
        leans = [self._assumption(result, name) for name in verdict.assumptions]
        found["proof"] = {"method": verdict.method, "assumptions": leans, "lemmas": []}
        for lemma in verdict.lemmas:
            found["proof"]["lemmas"].append(self._lemma([lemma.equation, lemma.sentence, needed(lemma)]))
        if verdict.witness is None or not verdict.witness.steps:
            return
        if len(self._results()) == 1 or result.kind == "reachability":
            found["story"] = self._story(story(result, self.known, self.without))
        elif result.kind != "relation":
            subject = Subject.of(self.known, result.design, result.configuration, result.claim, self.without)
            registers = Registers(subject.system)
            found["proof"]["witness"] = [
                f"{step.by}: {step.action}" + "".join(f", {name} {registers.input(step, name, value)}" for name, value in step.inputs.items())
                for step in shrunk(subject, verdict.witness).steps
            ]

    def _assumption(self, result: Result, name: str) -> str:
        design = self.known.designs[result.design]
        sentence = " ".join(design.sentence_of(name).split())
        return f"It leans on the assumption {name}: {sentence}"

    def _lemma(self, lemma: list[str]) -> int:
        return self._once("lemmas", lemma)

    def _once(self, table: str, value: Any) -> int:
        """The place of a value in a table, where it is put once."""
        key = table + json.dumps(value, sort_keys=False)
        if key not in self.numbers:
            self.numbers[key] = len(self.data[table])
            self.data[table].append(value)
        return self.numbers[key]

    def _story(self, told: Story) -> int:
        whole = document(told)
        beside = self._beside(told)
        if told.kind == "relation":
            whole, beside = sides(whole, told)
        steps = [
            {**step, "marks": marks(told, number), "lines": changes(told.beats[number - 1])} for number, step in enumerate(whole["steps"], 1)
        ]  # fmt: skip
        found = {
            "design": whole["design"], "fields": self._once("fields", whole["fields"]), "initial": whole["initial"], "any": whole["any"],
            "steps": steps, "positions": list(told.formula.positions) if told.formula else [],
            "prevention": prevention(told), "notes": notes(told), "beside": beside,
        }  # fmt: skip
        self.data["stories"].append(found)
        return len(self.data["stories"]) - 1

    def _beside(self, told: Story) -> dict[str, Any] | None:
        """Of each moment only what differs."""
        other = told.beside
        if other is None:
            return None
        rows = [
            {"status": row.status, "differs": {path: f"{value:#x}" for path, value in row.state.items() if path in ours and value != ours[path]}}
            for row, ours in zip(other.rows, told.moments, strict=True)
        ]
        return {"reference": other.reference, "rows": rows}

    def blocks(self) -> Iterator[dict[str, Any]]:
        """The matrix, a table for each family of claims, with the designs that have verdicts in it."""
        by = {(answer.design, getattr(answer, "configuration", ""), answer.claim): answer for answer in self.answers}
        names = [name for name in self.known.claims if any(key[2] == name for key in by)]
        for _, family in groupby(names, lambda name: self.known.claims[name].id.rstrip("0123456789")):
            claims = list(family)
            columns = list(dict.fromkeys((design, configuration) for design, configuration, claim in by if claim in claims))
            columns = [one for one in columns if any(isinstance(by.get((*one, claim)), Result) for claim in claims)]
            if columns:
                said = [{"design": design, "configuration": configuration.replace("~", " against ")} for design, configuration in columns]
                for before, column in zip([None, *said], said, strict=False):
                    column["edge"] = "edge" if before is None or before["design"] != column["design"] else ""
                rows = [self._row(name, columns, by) for name in claims]
                yield {"columns": said, "rows": [row for row in rows if any(row["cells"])], "small": len(columns) > SMALL}

    def _row(self, name: str, columns: Iterable[tuple[str, str]], by: Mapping[tuple[str, str, str], Answer]) -> dict[str, Any]:
        claim = self.known.claims[name]
        return {"claim": name, "id": claim.id, "sentence": claim.sentence, "cells": [self._cell(by.get((*one, name))) for one in columns]}

    def _cell(self, answer: Answer | None) -> dict[str, str] | None:
        if not isinstance(answer, Result):
            return None
        text = cell(answer)
        sign = SIGNS[answer.verdict.word] + text.removeprefix(answer.verdict.word).strip()
        return {"key": _key(answer), "word": answer.verdict.word, "text": text, "sign": sign, "where": _where(answer)}


def sides(whole: Mapping[str, Any], told: Story) -> tuple[dict[str, Any], dict[str, Any]]:
    """A run of two configurations as a run of the left one with the right one beside it; shared fields belong to both."""
    left, right = told.configuration.split("~")

    def mine(values: Mapping[str, Any]) -> dict[str, Any]:
        return {path.removeprefix(f"{left}."): value for path, value in values.items() if not path.startswith(f"{right}.")}

    steps = [
        {**step, **{table: mine(step[table]) for table in ("changed", "state_any")},
         "flows": {path: {**flow, "from": [one.removeprefix(f"{left}.") for one in flow["from"]]} for path, flow in mine(step["flows"]).items()}}
        for step in whole["steps"]
    ]  # fmt: skip
    rows = []
    for moment in told.moments:
        ours = mine(moment)
        theirs = {path.removeprefix(f"{right}."): value for path, value in moment.items() if path.startswith(f"{right}.")}
        rows.append({"status": "", "differs": {path: f"{value:#x}" for path, value in theirs.items() if path in ours and value != ours[path]}})
    tables = {table: mine(whole[table]) for table in ("fields", "initial", "any")}
    return {**whole, **tables, "steps": steps, "design": left}, {"reference": right, "rows": rows}


def _key(answer: Answer) -> str:
    configuration = getattr(answer, "configuration", "")
    return "/".join(part for part in (answer.design, configuration, answer.claim) if part)


def _where(answer: Answer) -> str:
    if answer.design == LEMMAS:
        return "bit-vectors"
    return place(answer.design, getattr(answer, "configuration", ""))
