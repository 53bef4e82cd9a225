"""The commands `review`, `fleet` and `new`. What is heavy is imported where it is used."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from specproof.cli_seconds import Seconds

if TYPE_CHECKING:
    from specproof.review.compare import Progress
    from specproof.review.recall import Recall
    from specproof.review.result import Review

#: The exit code of a review in which something is undecided; it is not kept.
UNDECIDED = 3

FORMS = ("terminal", "text", "markdown", "html", "json", "sarif", "junit")


@click.command()
@click.argument("targets", nargs=-1, metavar="[OLD NEW]")
@click.option("--git", "revisions", metavar="BASE..HEAD", help="One design file at two revisions; 'BASE..' is the working tree after BASE.")
@click.option("--policy", is_flag=True, help="OLD and NEW are policy files (TOML): which bits are forced, to what, for whom.")
@click.option("--design", metavar="DESIGN", help="With --policy: the design that carries the policies out.")
@click.option("--pool", metavar="FILE", help="With --policy: the types of hosts (TOML); by default those that the policies name.")
@click.option("--claim", "claims", multiple=True, metavar="NAME", help="A claim by name or id; may be repeated.")
@click.option("--config", metavar="NAME", help="One configuration; see 'specproof list designs'.")
@click.option("--timeout", type=Seconds(), metavar="S", help="Seconds for each question to the solver.")
@click.option("--format", "form", type=click.Choice(FORMS), default="terminal", help="What to write; 'text' is for a mail, 75 columns.")
@click.option("--exhaustive", is_flag=True, help="Search all runs of both though a difference is found, and prove what holds of OLD.")
@click.option("--full", is_flag=True, help="Tell every run, those too that break OLD alone.")
@click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Processes, one for a configuration; as many as there are cores if not given.")
@click.option("--no-cache", is_flag=True, help="Decide everything anew, and keep nothing of it.")
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to standard output.")
def review(
    targets: tuple[str, ...], revisions: str | None, policy: bool, design: str | None, pool: str | None, claims: tuple[str, ...],
    config: str | None, timeout: float | None, form: str, exhaustive: bool, full: bool, jobs: int | None, no_cache: bool,
    output: str | None,
) -> int:  # fmt: skip
    """What the change from OLD to NEW gains and loses.

    OLD and NEW are shipped designs, design files (FILE.py, or FILE.py:NAME where a file has several), or with
    --policy policy files. With --git give one design file. Design files are run as Python.

    Exit codes: 0 nothing is lost, 1 something is, 2 bad usage, 3 something is undecided.
    """
    from specproof.errors import UsageError
    from specproof.jobs import cores
    from specproof.jsonout import Output

    file = Output(output, "--output", (*targets, *([pool] if pool else []))) if output is not None and output != "-" else None
    if policy:
        from specproof.review.policy.command import reviewed as review_policies

        if revisions or claims or config:
            raise UsageError("--policy does not go with --git, --claim and --config")
        text, result = review_policies(targets, design, pool, timeout, form, _painted(form, output))
    else:
        if design or pool:
            raise UsageError(f"--{'design' if design else 'pool'} goes with --policy")
        asked = ("review", os.getcwd(), targets, claims, config, timeout, form, exhaustive, full, _painted(form, output))
        text, result = _remembered(targets, None if revisions else asked, no_cache, lambda recall: _done(
            _reviews(targets, revisions, claims, config, timeout, exhaustive, recall, jobs or cores()), form, _painted(form, output), full,
        ))  # fmt: skip
    if file is not None:
        file.text(text)
    else:
        sys.stdout.write(text)
    return result


@click.command()
@click.argument("pool_file", metavar="POOL.toml")
@click.argument("policy_file", metavar="POLICY.toml")
@click.option("--timeout", type=Seconds(), metavar="S", help="Seconds for each question to the solver.")
@click.option("--format", "form", type=click.Choice(("terminal", "text", "markdown", "json", "svg")), default="terminal", help="What to write.")
@click.option("--svg", metavar="FILE", help="Write the picture as well.")
@click.option("-o", "--output", metavar="FILE", help="Write there instead of to standard output.")
def fleet(pool_file: str, policy_file: str, timeout: float | None, form: str, svg: str | None, output: str | None) -> int:
    """Whether every guest that starts on any type of host is protected on every other that it can be moved to.

    POOL.toml has a [[host]] for each type. Exit codes: 0 protected everywhere, 1 not everywhere, 2 bad usage,
    3 something is undecided.
    """
    from specproof.jsonout import Output
    from specproof.review.policy.fleet_command import decided

    file = Output(output, "--output", (pool_file, policy_file)) if output is not None and output != "-" else None
    text, result = decided(pool_file, policy_file, timeout, form, svg, _painted(form, output), file)
    if file is not None:
        file.text(text)
    else:
        sys.stdout.write(text)
    return result


@click.command()
@click.argument("name", metavar="NAME")
@click.option("--from", "parent", default="", metavar="DESIGN", help="The design to change; without it, a small one that stands in the file.")
@click.option("--change", "changes", multiple=True, metavar="HELPER", help="A helper or an action to copy into the file and change; may be repeated.")
@click.option("--force", is_flag=True, help="Overwrite a file that exists.")
def new(name: str, parent: str, changes: tuple[str, ...], force: bool) -> int:
    """Write NAME.py, a design of your own; 'specproof check NAME.py' decides it as it is.

    With --from it is a variant of a shipped design. --change copies helpers of that design, sources and all, so that
    they can be edited in place.
    """
    from specproof.review.start import write

    sys.stdout.write(write(name, parent, changes, force))
    return 0


def _painted(form: str, output: str | None) -> bool:
    from specproof.cli import coloured

    return form == "terminal" and output in (None, "-") and coloured()


def _remembered(
    targets: tuple[str, ...], asked: tuple[Any, ...] | None, no_cache: bool, make: Callable[[Recall], tuple[str, int]]
) -> tuple[str, int]:
    """What `make` writes and its exit code, from the cache where it was written before.

    `asked`: all that it depends on besides sources, or None where the work must be done.
    """
    from specproof.errors import UsageError
    from specproof.plan import files_of
    from specproof.remember import Memory, Transcript
    from specproof.review.recall import Recall

    if no_cache:
        return make(Recall())
    files = files_of(targets) if asked is not None else ()
    if missing := [file for file in files if not Path(file).exists()]:
        raise UsageError(f"{missing[0]}: there is no such file")
    memory = Memory(files, asked)
    done = memory.recall()
    if done is not None and done.texts:
        return done.texts[0], done.code
    work = memory.work()
    text, code = make(Recall(work, memory.cache) if work is not None else Recall())
    if code != UNDECIDED:
        memory.keep(Transcript([text], 1, code))
    return text, code


def _done(reviews: list[Review], form: str, colours: bool, full: bool) -> tuple[str, int]:
    from specproof.review.result import code

    return written(reviews, form, colours, full), code(reviews)


def _reviews(
    targets: tuple[str, ...], revisions: str | None, claims: tuple[str, ...], config: str | None, timeout: float | None, exhaustive: bool,
    recall: Recall, jobs: int,
) -> list[Review]:  # fmt: skip
    from specproof.errors import UsageError
    from specproof.load import library
    from specproof.review.compare import review as compare
    from specproof.review.sides import of_target, told_apart

    shipped = library()
    if revisions is not None:
        if len(targets) != 1:
            raise UsageError("--git takes one design file: specproof review --git BASE..HEAD FILE.py")
        return at_revisions(targets[0], revisions, claims, config, timeout, _progress(), exhaustive, recall, jobs)
    if len(targets) != 2:
        raise UsageError(f"two designs were expected, OLD and NEW, not {len(targets)}; for one file at two revisions write --git BASE..HEAD FILE.py")
    old, new = told_apart(of_target(targets[0], shipped), of_target(targets[1], shipped))
    how: dict[str, Any] = {"configuration": config, "claims": claims, "timeout": timeout, "exhaustive": exhaustive}
    return [compare(old, new, progress=_progress(), recall=recall, jobs=jobs, **how)]


def at_revisions(
    target: str, revisions: str, claims: tuple[str, ...], config: str | None, timeout: float | None, progress: Progress, exhaustive: bool = False,
    recall: Recall | None = None, jobs: int = 1,
) -> list[Review]:  # fmt: skip
    """A review for each design that a file has at both revisions, or of the one that is named. What has none any more is said."""
    from contextlib import ExitStack
    from dataclasses import replace

    from specproof.errors import UsageError
    from specproof.load import library
    from specproof.plan import is_file, split
    from specproof.review import git
    from specproof.review.compare import review as compare
    from specproof.review.result import listed
    from specproof.review.sides import of_file, told_apart

    if not is_file(target):
        raise UsageError(f"--git takes a design file, not {target}: specproof review --git BASE..HEAD FILE.py")
    file, name = split(target)
    base, head = git.revisions(revisions)
    shipped = library()
    with ExitStack() as stack:
        sides = []
        for revision, other in ((base, head), (head, base)):
            if revision:
                real, folder = stack.enter_context(git.at(revision, Path(file), other))
                sides.append(of_file(file, shipped, str(real), ((str(folder.resolve()), str(git.root(Path(file)).resolve())),)))
            else:
                sides.append(of_file(file, shipped))
        common = [one for one in sides[1] if one in sides[0] and name in ("", one)]
        if not common:
            known = ", ".join(dict.fromkeys((*sides[0], *sides[1])))
            raise UsageError(f"{file}: no design{f' {name!r}' if name else ''} is in both revisions; known: {known}")
        tags = (base, head or git.WORKING_TREE)
        pairs = [told_apart(sides[0][one], sides[1][one], tags) for one in common]
        how: dict[str, Any] = {"configuration": config, "claims": claims, "timeout": timeout, "exhaustive": exhaustive}
        found = [compare(old, new, progress=progress, recall=recall, jobs=jobs, **how) for old, new in pairs]
        gone = [] if name else [one for one in sides[0] if one not in sides[1]]
        less = (f"{file} has no {listed(gone)} any more",) if gone else ()
        return [replace(one, less=(*one.less, *less)) for one in found]


def _progress() -> Progress:
    """What is being done, on a terminal that shows standard error."""
    if not sys.stderr.isatty():
        return lambda what: None
    return lambda what: click.echo(f"\r\033[K{what} ...\r", nl=False, err=True)


def written(reviews: list[Review], form: str, colours: bool = False, full: bool = False) -> str:
    """The reviews in a form, as the text of a file."""
    from specproof.review import jsonform, junit, page, sarif
    from specproof.review.paper import document
    from specproof.story.layout import MAIL, folded, lines, markdown

    others = {"json": jsonform.text, "sarif": sarif.text, "junit": junit.text, "html": page.text}
    if form in others:
        return others[form](reviews)
    if form == "markdown":
        return "\n".join("\n".join(folded(markdown(document(review, full)), MAIL)) + "\n" for review in reviews)
    if form == "text":
        return "\n".join("\n".join(folded(lines(document(review, full), MAIL), MAIL)) + "\n" for review in reviews)
    from specproof.cli import paint
    from specproof.report import plain

    told = [lines(document(review, full), 100, paint() if colours else plain) for review in reviews]
    return "\n".join("\n".join(part) + "\n" for part in told)
