"""`python -m bench.random [--count N] [--seed S] [--seconds T] [--write FILE]`

Random small designs, each decided four times: by the engine, by visiting every state in plain Python, by Z3 on
runs of growing length, by Spacer. Verdicts must agree, and so must the lengths of shortest runs; every run that the engine
shows is executed by the plain Python too. A disagreement is shrunk and written as a design file.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, seed, settings

from bench.child import first_violations, spacer_words
from bench.designs import Asked, Found, Search, Small, TooMany, lemma_holds, related, source, unassumed
from bench.work import Work, negated
from specproof.claims import Claim, collecting, instantiate
from specproof.cli import main as cli
from specproof.decide import decide, decide_lemma, decide_relation
from specproof.design import Design
from specproof.errors import ModelError
from specproof.product import product
from specproof.system import build
from specproof.trace import Trace
from specproof.verdict import NotAsked, Proved, Refuted, Result, Unknown, Vacuous
from tests.small_designs import designs

#: Seconds for each question to a solver, and the length of runs that Z3 looks for.
LIMIT, LENGTH = 5.0, 4
#: Designs in one batch: the clock is looked at between batches.
BATCH = 50


class Disagree(AssertionError):
    """Two ways to decide gave different answers."""


def loaded(text: str, name: str = "random design") -> tuple[Design[Any], dict[str, Claim]]:
    """The design and the claims of a file."""
    scope: dict[str, Any] = {"__name__": "random_design"}
    with collecting() as claims:
        exec(compile(text, name, "exec", dont_inherit=True), scope)
    return scope["random"], {claim.name: claim for claim in claims}


def certified(small: Small) -> str:
    """What is wrong with the certificates of a design: `check` writes them, and `verify` reads them. "" for nothing."""
    said = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        file = Path(folder) / "design.py"
        file.write_text(source(small), encoding="utf-8")
        asked = [part for claim in small.claims for part in ("--claim", claim.name)]
        code = cli(["check", str(file), *asked, "--jobs", "1", "--certificates", f"{folder}/certificates"])
        if code == 2 and "no run starts" in said.getvalue():
            return ""
        verified = cli(["verify", f"{folder}/certificates"])
    return "" if code in (0, 1, 3) and verified in (0, 3) else f"check ends with {code}, and verify with {verified}: {said.getvalue()[-2000:]}"


class Judge:
    """Holds the engine's verdicts on one design against the others."""

    def __init__(self, small: Small, counts: Counter[str], peers: bool = True) -> None:
        """Counts what was decided; without `peers` only the exhaustive search is asked."""
        self.small, self.counts, self.peers = small, counts, peers
        self.design, self.claims = loaded(source(small))

    def run(self) -> None:
        """Raises Disagree."""
        plain = [claim for claim in self.small.claims if claim.kind in ("invariant", "step", "reachability")]
        for setting in [*self.small.settings] or [""]:
            self._configuration(setting, plain)
            if self.design.assumptions:
                self._configuration(setting, plain, tuple(self.design.assumptions))
        for claim in self.small.claims:
            if claim.kind == "lemma":
                self._agree(claim, decide_lemma(self.claims[claim.name], timeout=LIMIT), Found(None if lemma_holds(claim) else 0), set(), None)
            elif claim.kind == "relation":
                self._relation(claim)

    def _configuration(self, setting: str, claims: list[Asked], without: tuple[str, ...] = ()) -> None:
        if not claims:
            return
        search = Search(unassumed(self.small) if without else self.small, setting or None)
        asked = [self.claims[claim.name] for claim in claims]
        if next(search.starts(), None) is None:
            try:
                results = decide(self.design, setting, asked, without=without, timeout=LIMIT)
            except ModelError:
                return
            raise Disagree(f"nothing starts, and the engine says {results}")
        known, fired = search.run(claims)
        results = decide(self.design, setting, asked, without=without, timeout=LIMIT)
        for claim, result in zip(claims, results, strict=True):
            self._agree(claim, result, known[claim.name], fired, lambda trace, wanted, claim=claim: follow(search, claim, trace, wanted))
        if self.peers:
            system = build(self.design, setting, without)
            bad = {claim.name: instantiate(claim, system) for claim in asked}
            bad = {name: negated(prop) if self.claims[name].kind == "reachability" else prop for name, prop in bad.items()}
            self._peers(Work(system, tuple(asked), bad), known)

    def _relation(self, claim: Asked) -> None:
        sides = [build(self.design, setting) for setting in ("one", "other")]
        common = [name for name in self.small.kept if all(name in side.variables for side in sides)]
        try:
            known = related(self.small, claim, common)
        except TooMany:
            self.counts["too many states for plain Python"] += 1
            return
        if any(next(Search(self.small, setting).starts(), None) is None for setting in ("one", "other")):
            return
        try:
            result = decide_relation(self.design, self.claims[claim.name], timeout=LIMIT)
        except ModelError as error:
            if "no run starts" in str(error) and known.happens is not True and known.length is None:
                return  # both start, and not alike
            raise
        self._agree(claim, result, known, None, None)
        if self.peers:
            pair = product(*sides, ("one", "other"))
            self._peers(Work(pair.system, (), {claim.name: pair.instantiate(self.claims[claim.name])}), {claim.name: known})

    def _agree(
        self, claim: Asked, result: Result | NotAsked, known: Found, fired: set[str] | None, replay: Callable[[Trace, int], bool] | None,
    ) -> None:  # fmt: skip
        if isinstance(result, NotAsked):
            raise Disagree(f"{claim.name} was not asked: {result.reason}")
        verdict = result.verdict
        self.counts[f"{claim.kind} {verdict.word}"] += 1
        says = f"{claim.kind} {claim.name} in {result.configuration!r}: {verdict}, and visiting every state says {known}"
        if "internal error" in str(verdict):
            raise Disagree(says)
        if claim.kind == "reachability":
            wrong = (isinstance(verdict, Proved) and known.length is None) or (
                isinstance(verdict, Vacuous) and known.length is not None and "says nothing" not in verdict.reason
            )
            trace = verdict.witness if isinstance(verdict, Proved) else None
            wrong = wrong or (isinstance(verdict, Proved) and (trace is None or trace.length != known.length)) or isinstance(verdict, Refuted)
        else:
            trace = verdict.trace if isinstance(verdict, Refuted) else None
            wrong = (trace is None) != (known.length is None) and not isinstance(verdict, Unknown)
            if isinstance(verdict, Refuted) and known.length is not None:
                wrong = wrong or verdict.trace.length < known.length or (verdict.shortest and verdict.trace.length != known.length)
                self.counts["refuted, not known to be shortest"] += not verdict.shortest
            wrong = wrong or (isinstance(verdict, Proved) and known.happens is False)
            wrong = wrong or (isinstance(verdict, Vacuous) and known.happens is True and "says nothing" not in verdict.reason)
        if wrong or (trace is not None and replay is not None and not replay(trace, int(claim.kind == "reachability"))):
            raise Disagree(says)
        if isinstance(verdict, Unknown):
            self._unknown(verdict, fired, says)

    def _unknown(self, verdict: Unknown, fired: set[str] | None, says: str) -> None:
        for part in verdict.reason.removeprefix("not counted as proved: ").split("; "):
            if "fires in no reachable state" in part and fired is not None and len(self.small.settings) < 2 and part.split()[0] in fired:
                raise Disagree(says)
        reason = verdict.reason if verdict.reason.startswith("not counted") else verdict.method
        if "fires on the slice" in verdict.reason and fired is not None:
            named = [part.split()[0] for part in verdict.reason.removeprefix("not counted as proved: ").split("; ")]
            self.counts["  unknown though every action that is named does fire"] += all(name in fired for name in named)
        self.counts[f"  unknown: {' '.join(word for word in reason.split() if word not in self.small.fields)[:90]}"] += 1

    def _peers(self, work: Work, known: Mapping[str, Found]) -> None:
        waiting = set(work.bad)
        for name, length in first_violations(work, list(work.bad)):
            if name is not None:
                waiting.discard(name)
                if known[name].length != length:
                    raise Disagree(f"{name}: Z3 finds a run of {length} steps, and visiting every state says {known[name]}")
            elif length == LENGTH:
                break
        for name in waiting:
            if known[name].length is not None and known[name].length <= LENGTH:  # type: ignore[operator]
                raise Disagree(f"{name}: Z3 finds no run of {LENGTH} steps, and visiting every state says {known[name]}")
        for name, word, _ in spacer_words(work, list(work.bad), LIMIT):
            self.counts[f"  Spacer {word}"] += 1
            if word not in ("unknown", "proved" if known[name].length is None else "refuted"):
                raise Disagree(f"{name}: Spacer says {word}, and visiting every state says {known[name]}")


def follow(search: Search, claim: Asked, trace: Trace, wanted: int) -> bool:
    """Whether plain Python takes the same steps, and the claim has the value `wanted` at the end."""
    from bench.designs import Check

    check = Check(claim, search.small)
    kept = search.small.kept
    state, told = tuple(trace.initial.get(name, 0) for name in kept), search.none
    if not all(search._starts(state)):
        return False
    before = search.views(state, search.none)
    for step, after in zip(trace.steps, trace.states()[1:], strict=True):
        move = next(move for move in search.small.moves if move.name == step.action)
        result = search.moves[step.action](state, tuple(step.inputs[name] for name in move.inputs))
        if result is None or result[0] != tuple(after.get(name, 0) for name in kept):
            return False
        before = search.views(state, search.none)
        state, told = result
    views = search.views(state, told)
    if claim.kind == "step":
        return bool(trace.steps) and check.function(before, views)[0] == wanted
    return bool(check.function(views)[0] == wanted)


def campaign(count: int, start: int, seconds: float, write: Path, *, peers: bool = True, certify: int = 0) -> tuple[int, Counter[str], str]:
    """Designs that were decided, what came of them, and the first disagreement, whose design was written.

    Of every so many designs as `certify` says, certificates are written and verified.
    """
    counts: Counter[str] = Counter()
    end = time.monotonic() + seconds
    decided = 0
    last: list[tuple[Small, Exception]] = []

    def one(small: Small) -> None:
        nonlocal decided
        decided += 1
        try:
            Judge(small, counts, peers).run()
            if certify and decided % certify == 0:
                counts["certificates verified"] += 1
                if wrong := certified(small):
                    raise Disagree(wrong)
        except Exception as error:
            if not last:
                print(f"smaller ones are looked for than this: {type(error).__name__}: {str(error)[:600]}", file=sys.stderr, flush=True)
            last[:] = [(small, error)]
            raise

    for batch in range(-(-count // BATCH)):
        if time.monotonic() >= end:
            break
        rules = settings(max_examples=min(BATCH, count - batch * BATCH), deadline=None, database=None, suppress_health_check=list(HealthCheck))
        try:
            seed(start * 1_000_003 + batch)(rules(given(designs())(one)))()
        except Exception:
            small, error = last[0]  # Hypothesis ends with the smallest that it found
            write.parent.mkdir(parents=True, exist_ok=True)
            write.write_text(source(small, f"Seed {start}, batch {batch}."), encoding="utf-8")
            return decided, counts, f"{type(error).__name__}: {error}"
    return decided, counts, ""


def main() -> int:
    """Prints the seed, what was decided, and where a disagreement was written."""
    parser = argparse.ArgumentParser(prog="python -m bench.random", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--certify", type=int, default=25, metavar="N", help="write and verify the certificates of every Nth design; 0: of none")
    parser.add_argument("--write", type=Path, default=Path("build/random/disagreement.py"))
    wanted = parser.parse_args()
    print(f"seed {wanted.seed}", flush=True)
    started = time.process_time()
    decided, counts, wrong = campaign(wanted.count, wanted.seed, wanted.seconds, wanted.write, certify=wanted.certify)
    print(f"{decided} designs, {time.process_time() - started:.0f} s of the processor")
    for what, number in sorted(counts.items()):
        print(f"{number:8} {what}")
    if wrong:
        print(f"DISAGREEMENT, written to {wanted.write}:\n{wrong}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
