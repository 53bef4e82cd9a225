"""The command line. Everything heavy is imported where it is used, so that `--help` answers at once."""

from __future__ import annotations

import os
import re
import sys
import time
from collections.abc import Sequence
from importlib import import_module
from io import BufferedWriter, FileIO, TextIOWrapper
from typing import TYPE_CHECKING, Any

import click

from specproof import __version__
from specproof.cli_seconds import Seconds
from specproof.errors import SpecproofError
from specproof.interrupts import heeded
from specproof.resident import seldom_collected

if TYPE_CHECKING:
    from specproof.remember import Memory
    from specproof.report import Paint

#: Exit codes; the README has the table.
AS_PINNED, DIFFERS, BAD_USAGE, UNDECIDED, INTERRUPTED = 0, 1, 2, 3, 130

_COLOURS = {"proved": "green", "refuted": "red", "vacuous": "yellow", "unknown": "magenta", "differs": "bright_red"}


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command line and returns its exit code. No error of the user's ends in a traceback."""
    seldom_collected()
    _writable()
    try:
        with heeded():
            code = command.main(arguments if arguments is None else list(arguments), prog_name="specproof", standalone_mode=False)
            sys.stdout.flush()
        return code if isinstance(code, int) else AS_PINNED
    except click.ClickException as error:
        error.show()
        return BAD_USAGE
    except SpecproofError as error:
        complain(str(error))
        return BAD_USAGE
    except (click.Abort, KeyboardInterrupt):
        complain("interrupted")
        return INTERRUPTED
    except (BrokenPipeError, SystemExit):  # the reader of our output has seen enough; click ends the process for it
        _drop_output()
        return BAD_USAGE
    except OSError as error:  # a full disk, most likely under standard output: every file of ours says its name itself
        _drop_output()
        gone = "the folder in which this was started is no longer there; go to one that is" if _here() is None else None
        complain(gone or f"{error.filename or 'standard output'}: {error.strerror}")
        return BAD_USAGE


class _Beside(FileIO):
    """Standard error: progress and complaints, which stand beside the answer. Where they cannot be written they are dropped."""

    def write(self, data: Any) -> int:
        """The number of bytes, written or not: a full disk or a reader who has gone must not become the exit code of a verdict."""
        try:
            return super().write(data) or 0
        except OSError:
            return memoryview(data).nbytes


def _writable() -> None:
    """Standard output takes every text: what its encoding has no way to write is escaped. Closed, it is nobody's."""
    if sys.stdout is None:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - until the end
    if isinstance(sys.stderr, TextIOWrapper) and sys.stderr is sys.__stderr__:  # not what somebody put in its place
        beside = BufferedWriter(_Beside(sys.stderr.fileno(), "wb", closefd=False))
        sys.stderr = TextIOWrapper(beside, sys.stderr.encoding, line_buffering=True, write_through=True)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _drop_output() -> None:
    """What is still to be written goes nowhere, so that nothing fails again at the end of the process."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def complain(message: str) -> None:
    """An error on stderr, with file names as seen from here."""
    here = _here()
    if here is not None:
        message = re.sub(rf"{re.escape(here + os.sep)}(?=[^:])", "", message)  # the folder itself is named in full
    click.echo(f"specproof: {message}", err=True)


def _here() -> str | None:
    """The current folder, where it has not been removed meanwhile."""
    try:
        return os.getcwd()
    except FileNotFoundError:
        return None


#: Commands that live in rooms of their own, by the place of their function; imported when they are asked for.
ELSEWHERE = {
    "cache": "specproof.cli_cache:cache",
    "export": "specproof.trust.command:export",
    "findings": "specproof.cli_findings:findings",
    "fleet": "specproof.review.command:fleet",
    "history": "specproof.cli_history:history",
    "mutate": "specproof.mutate.command:mutate",
    "new": "specproof.review.command:new",
    "replay": "specproof.story.command:replay",
    "review": "specproof.review.command:review",
    "simulate": "specproof.story.command:simulate",
    "verify": "specproof.trust.command:verify",
}


class Commands(click.Group):
    """The commands of this file and those that live elsewhere."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Every name, sorted."""
        return sorted({*super().list_commands(ctx), *ELSEWHERE})

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of that name."""
        if cmd_name in ELSEWHERE:
            module, name = ELSEWHERE[cmd_name].split(":")
            found: click.Command = getattr(import_module(module), name)
            return found
        return super().get_command(ctx, cmd_name)


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="specproof %(version)s")
def command() -> None:
    """Proves or refutes, for all values and runs of any length, what designs promise that mask a guest's
    register writes.

    Exit codes: 0 every verdict is as pinned, 1 one differs, 2 bad usage or nothing was checked, 3 a claim is
    undecided, 130 interrupted. Of your own file nothing is pinned: 1 means that a claim is refuted, or vacuous
    in every configuration.
    """


def _options(function: Any) -> Any:
    for option in (
        click.option("--timeout", type=Seconds(), metavar="S", help="Seconds for a design in one configuration."),
        click.option("--no-cache", is_flag=True, help="Decide everything anew, and keep nothing of it."),
        click.option("--quiet", is_flag=True, help="No progress; of a check only what is not as pinned, and the counts."),
        click.option("--scheduler", metavar="ADDRESS", help="Run on the dask cluster at tcp://HOST:PORT; needs specproof[cluster]."),
        click.option("--jobs", type=click.IntRange(min=1), metavar="N", help="Worker processes; as many as there are cores if not given."),
        click.option("--without", multiple=True, metavar="ASSUMPTION", help="Switch an assumption off; may be repeated."),
        click.option("--with", "instead", multiple=True, metavar="ASSUMPTION", help="Switch an alternative on; see 'specproof list assumptions'."),
        click.option("--config", metavar="NAME", help="One configuration; see 'specproof list designs'."),
    ):
        function = option(function)
    return function


@command.command()
@click.argument("targets", nargs=-1, metavar="[DESIGN | FILE.py | FILE.py:DESIGN]...")
@click.option("--claim", "claims", multiple=True, metavar="NAME", help="A claim by name or id; may be repeated.")
@_options
@click.option("--json", "output", metavar="FILE", help="Write the answers to a file as well; see specproof/schema.")
@click.option("--html", metavar="FILE", help="Write a page with the matrix and every run.")
@click.option("--live", is_flag=True, help="Print a JSON object a line as soon as a claim is answered, and nothing else.")
@click.option("--certificates", metavar="DIR", help="Write a certificate of every verdict into an empty folder; 'specproof verify DIR' re-checks it.")
@click.option("--assumptions", is_flag=True, help="Ask which assumptions each verdict needs, and which would save what is refuted.")
@click.option("--cross-check", "others", metavar="cvc5,bitwuzla,sympy", help="Ask these too; a disagreement stops everything.")
def check(
    targets: tuple[str, ...], claims: tuple[str, ...], config: str | None, without: tuple[str, ...], instead: tuple[str, ...],
    jobs: int | None, timeout: float | None, output: str | None, html: str | None, certificates: str | None, others: str | None, live: bool,
    quiet: bool, no_cache: bool, scheduler: str | None, assumptions: bool,
) -> int:  # fmt: skip
    """Ask claims of designs: every claim of every shipped design, or of those named.

    A FILE is run as Python: its designs are asked the shipped claims and the claims of the file.
    """
    without += changes_on(instead)
    if assumptions:
        from specproof.audit.command import audit, incompatible

        incompatible({"--html": html, "--certificates": certificates, "--cross-check": others, "--live": live, "--without or --with": without})
        return audit(targets, claims, config, timeout, (jobs, scheduler, quiet), output, None if no_cache else _memory(targets, None))
    shown = sys.stdout.isatty(), coloured()
    asked = None if output or html or certificates or others or live else (targets, claims, config, without, timeout, quiet, shown)
    memory = None if no_cache or certificates or others else _memory(targets, asked)
    if memory is not None and (code := _again(memory, quiet)) is not None:
        return code
    from specproof.jsonout import Output, document
    from specproof.session import How, Session

    file = Output(output, reads=targets) if output is not None else None
    page = Output(html, "--html", targets, file) if html is not None else None
    session = Session.open(targets, claims, config, without, timeout, How(jobs, scheduler, quiet, live), memory)
    from specproof.trust.work import working

    with working(session, certificates, others, scheduler):
        try:
            return session.check(paint())
        finally:
            if file and session.answers:
                file.write(document(session.answers, session.pins, session.known, without))
            if page and session.answers:
                from specproof.story.page import page as drawn

                page.text(drawn(session.answers, session.pins, session.known, without))


@command.command()
@click.argument("design", metavar="DESIGN | FILE.py | FILE.py:DESIGN")
@click.argument("claim")
@_options
@click.option("--format", "form", type=click.Choice(["text", "markdown", "json", "vcd"]), help="75 columns for a mail, a trace file, or a waveform.")
@click.option("--emit", type=click.Choice(["selftest", "pytest"]), help="Write the run as a test: a KVM selftest in C, or one of the model.")
@click.option("-o", "--output", metavar="FILE", help="Where --format and --emit write; standard output if not given.")
@click.option("--html", metavar="FILE", help="Write a page that steps through the run.")
@click.option("--induction", is_flag=True, help="Say why the claim is not inductive by itself, and which lemmas make it so.")
def explain(
    design: str, claim: str, config: str | None, without: tuple[str, ...], instead: tuple[str, ...], jobs: int | None, timeout: float | None,
    form: str | None, emit: str | None, output: str | None, html: str | None, induction: bool, quiet: bool, no_cache: bool, scheduler: str | None,
) -> int:  # fmt: skip
    """Print a proof as its lemmas, or a counterexample as its story. The design of a lemma is bit-vectors.

    Forms that need one run (json, vcd, --emit) take the first refuted answer; choose with --config.
    """
    from specproof.session import How, Session
    from specproof.story.files import Writer

    without += changes_on(instead)
    if form and emit:
        raise click.UsageError(f"--format {form} and --emit {emit} are two things to write; leave one out")
    writer = Writer(form or emit, output, html, induction, (design,))
    memory = None if no_cache else _memory((design,), None)
    session = Session.open((design,), (claim,), config, without, timeout, How(jobs, scheduler, quiet), memory)
    return session.explain(paint(), writer.write if writer.wanted else None)


def changes_on(names: tuple[str, ...]) -> tuple[str, ...]:
    """Alternatives as changes of the assumptions in force."""
    return tuple(f"+{name}" for name in names)


def _memory(targets: Sequence[str], asked: tuple[Any, ...] | None) -> Memory:
    """The cache; `asked` is all that what is printed depends on besides sources, or None where the work must be done."""
    from specproof.plan import files_of
    from specproof.remember import Memory

    return Memory(files_of(targets), asked)


def _again(memory: Memory, quiet: bool) -> int | None:
    """Prints a run that was done before; its exit code, or None where it was not."""
    started = time.monotonic()
    done = memory.recall()
    if done is None:
        return None
    for text in done.texts:
        click.echo(text)
    if not quiet:
        click.echo(f"{done.units} of {done.units} unit{'s' * (done.units != 1)} cached; {time.monotonic() - started:.1f} s", err=True)
    return done.code


@command.command("list")
@click.argument("what", type=click.Choice(["designs", "claims", "actions", "assumptions", "views", "not-asked"]))
@click.argument("targets", nargs=-1, metavar="[DESIGN | FILE.py]...")
def list_(what: str, targets: tuple[str, ...]) -> int:
    """List what there is to ask about."""
    from specproof.listing import listing
    from specproof.load import library
    from specproof.plan import chosen, files_of

    known = library(files_of(targets))
    for text in listing(what, known, chosen(known, targets)):
        click.echo(text)
    return AS_PINNED


def paint() -> Paint:
    """Colours on a terminal that is to show them, none elsewhere."""

    def colour(text: str, role: str) -> str:
        if role == "heading":
            return click.style(text, bold=True)
        return click.style(text, dim=True) if role == "faint" else click.style(text, fg=_COLOURS[role], bold=role == "differs")

    from specproof.report import plain

    return colour if coloured() else plain


def coloured() -> bool:
    """Whether standard output is a terminal that shows colours, and nobody has asked for none (no-color.org)."""
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
