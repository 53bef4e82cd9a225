"""The dialogue of `specproof simulate`: a line in, lines out. With a terminal, Tab completes names."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence

from specproof.errors import InputError, SpecproofError, did_you_mean
from specproof.jsonout import Output
from specproof.story.beside import changed
from specproof.story.model import shown
from specproof.story.saved import written
from specproof.story.simulate import FAILS, SILENT, Simulation
from specproof.story.tell import tell

HELP = """\
ACTION [INPUT=VALUE ...]   take a step; an input that is not given is 0
actions                    what can happen now, and what cannot
state [FIELD ...]          the state; whatever is not listed is 0 or false
claims                     which claims hold now
why ACTION                 what forbids it now
undo                       take the last step back
start [FIELD=VALUE ...]    begin again, with these values; alone it shows what may be chosen
run                        the steps so far
save FILE                  write the run as a trace, for 'specproof replay'
quit                       leave
Values: 0x400, BHI_DIS_S|IBRS, true."""


class Dialogue:
    """Commands by name, on a simulation."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation
        self.commands: dict[str, Callable[[Sequence[str]], Iterator[str]]] = {
            "actions": self._actions, "state": self._state, "claims": self._claims, "why": self._why, "undo": self._undo,
            "start": self._start, "run": self._run, "save": self._save, "help": lambda _: iter(HELP.splitlines()),
        }  # fmt: skip

    def answer(self, line: str) -> list[str]:
        """What is said to a line; InputError where it means nothing."""
        try:
            words = shlex.split(line, comments=True)
        except ValueError as error:
            raise InputError(f"{line.strip()}: {error}") from None
        if not words:
            return []
        actions = self.simulation.system.actions
        if words[0] in self.commands:
            return list(self.commands[words[0]](words[1:]))
        if words[0] not in actions:
            raise InputError(f"there is no action or command {words[0]!r}; {did_you_mean(words[0], [*actions, *self.commands, 'quit'])}")
        return list(self._take(words[0], words[1:]))

    def complete(self, line: str, word: str) -> list[str]:
        """How the last word of a line can go on."""
        before = line[: len(line) - len(word)].split()
        actions = self.simulation.system.actions
        if not before:
            words = [*self.commands, "quit", *(name for name in actions if self.simulation.enabled(name))]
        elif before[0] in actions:
            words = [f"{name}=" for name in actions[before[0]].inputs if not any(one.startswith(f"{name}=") for one in before)]
        elif before[0] == "why":
            words = list(actions)
        elif before[0] in ("state", "start"):
            words = [path + ("=" if before[0] == "start" else "") for path in self.simulation.system.variables]
        else:
            words = []
        return sorted(one for one in words if one.startswith(word))

    def _take(self, name: str, given: Sequence[str]) -> Iterator[str]:
        simulation = self.simulation
        inputs = dict.fromkeys(simulation.system.actions[name].inputs, 0)
        for key, text in _pairs(given, inputs, f"{name} has no input"):
            width = simulation.system.actions[name].inputs[key].width
            inputs[key] = simulation.parse(text, width, simulation.registers.input_bits(name, key), key)
        before = simulation.state
        simulation.take(name, inputs)
        found = changed(simulation.system, before, simulation.state, {})
        for one in found:
            yield f"event {one.path}: {shown(one.after)}" if one.event else f"{one.path}: {shown(one.before)} -> {shown(one.after)}"
        if not found:
            yield "nothing changes"
        failing = [claim.name for claim, says in simulation.said() if says == FAILS]
        if failing:
            yield f"! fails now: {', '.join(failing)}"

    def _actions(self, _: Sequence[str]) -> Iterator[str]:
        for name, action in self.simulation.system.actions.items():
            inputs = " ".join(f"{key}=" for key in action.inputs)
            mark = " " if self.simulation.enabled(name) else "-"
            yield f"{mark} {action.by}: {name} {inputs}".rstrip()
        yield "(- cannot happen now)"

    def _state(self, wanted: Sequence[str]) -> Iterator[str]:
        state, fields = self.simulation.state, self.simulation.system.fields
        for path in wanted:
            if path not in fields:
                raise InputError(f"there is no field {path!r}; {did_you_mean(path, fields)}")
        for path in wanted or fields:
            if state[path] or wanted:
                yield f"{path}: {self.simulation.registers.field(path, state[path])}" + (f"   {fields[path].doc}" if wanted else "")

    def _claims(self, _: Sequence[str]) -> Iterator[str]:
        silent = []
        for claim, says in self.simulation.said():
            if says == SILENT:
                silent.append(claim.name)
            else:
                yield f"{says:<6} {claim.name}" + (f": {claim.sentence}" if claim.sentence else "")
        if silent:
            yield f"Of this state and this step nothing is said by {', '.join(silent)}."

    def _why(self, words: Sequence[str]) -> Iterator[str]:
        if len(words) != 1 or words[0] not in self.simulation.system.actions:
            raise InputError(f"why: one action was expected; {did_you_mean(' '.join(words), self.simulation.system.actions)}")
        enabled = self.simulation.enabled(words[0])
        yield f"{words[0]} can happen now, but for assumptions about its inputs" if enabled else self.simulation.why_not(words[0], {})

    def _undo(self, _: Sequence[str]) -> Iterator[str]:
        yield f"{self.simulation.undo()} is undone"

    def _start(self, given: Sequence[str]) -> Iterator[str]:
        simulation = self.simulation
        if not given:
            yield simulation.freedom()
            return
        wanted = {}
        for path, text in _pairs(given, simulation.system.variables, "no run starts with a field"):
            declared = simulation.system.fields[path]
            wanted[path] = simulation.parse(text, declared.width, declared.bits, path)
        simulation.start(wanted)
        yield from self._state(())

    def _run(self, _: Sequence[str]) -> Iterator[str]:
        simulation = self.simulation
        for number, step in enumerate(simulation.trace.steps, 1):
            inputs = ", ".join(f"{name} {simulation.registers.input(step, name, value)}" for name, value in step.inputs.items())
            yield f"{number}  {step.by}: {step.action}" + (f"   {inputs}" if inputs else "")

    def _save(self, words: Sequence[str]) -> Iterator[str]:
        if len(words) != 1:
            raise InputError("save: one file name was expected")
        story = tell(self.simulation.subject, self.simulation.trace, purpose="simulation")
        Output(words[0], "save").text(written(story))
        length = len(self.simulation.steps)
        what = "1 step is" if length == 1 else f"{length} steps are"
        yield f"{what} in {words[0]}; 'specproof replay {words[0]}' runs the run again"


def _pairs(given: Sequence[str], known: Iterable[str], complaint: str) -> Iterator[tuple[str, str]]:
    names = list(known)
    for one in given:
        key, equals, text = one.partition("=")
        if not equals or not text:
            raise InputError(f"{one!r}: NAME=VALUE was expected")
        if key not in names:
            raise InputError(f"{complaint} {key!r}; {did_you_mean(key, names)}")
        yield key, text


def converse(dialogue: Dialogue, say: Callable[[str], None], complain: Callable[[str], None]) -> None:
    """Reads lines until the end or 'quit'. A line that means nothing is answered, and the dialogue goes on."""
    interactive = sys.stdin.isatty()
    if interactive:
        _completing(dialogue)
    while True:
        try:
            line = input(f"{len(dialogue.simulation.steps)}> ") if interactive else sys.stdin.readline()
        except EOFError:
            return
        if (not interactive and not line) or line.strip() in ("quit", "exit"):
            return
        try:
            for text in dialogue.answer(line):
                say(text)
        except SpecproofError as error:
            complain(str(error))


def _completing(dialogue: Dialogue) -> None:
    """Tab completes names, where Python has readline."""
    try:
        import readline
    except ImportError:
        return

    def complete(word: str, number: int) -> str | None:
        found = dialogue.complete(readline.get_line_buffer()[: readline.get_endidx()], word)
        return found[number] + ("" if found[number].endswith("=") else " ") if number < len(found) else None

    readline.set_completer_delims(" \t")
    readline.set_completer(complete)
    readline.parse_and_bind("bind ^I rl_complete" if "libedit" in (readline.__doc__ or "") else "tab: complete")

