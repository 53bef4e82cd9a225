"""A run as a test of the model: it fails where the run no longer replays or no longer ends as it did."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from specproof.story.model import Story, shown

_HEAD = '''"""{title}

Written by 'specproof explain {target} {claim}{config} --emit pytest'. The run is replayed on integers.{below}
"""

from specproof.claims import instantiate
from specproof.load import library
from specproof.system import build
from specproof.trace import replay, violates

INITIAL = {initial}

STEPS = [
{steps}
]


def test_{name}() -> None:
    """{sentence}"""
    known = library([{file}])
    system = build(known.design({design!r}), {configuration!r}{without})

    trace = replay(system, {claim!r}, INITIAL, STEPS)

    assert trace is not None, "the run can no longer be taken"
    assert violates(system, instantiate(known.claims[{claim!r}], system), trace), "the claim holds at the end of the run"
'''

_RELATION = '''
    left, right = (build(known.design({design!r}), side{without}) for side in {sides!r})
    pair = product(left, right, {sides!r})
'''


def test(story: Story) -> str:
    """The text of a test file."""
    length = f"{story.length} step{'s' * (story.length != 1)}"
    title = f"{story.design}, {story.configuration or 'every configuration'}: {story.claim} is refuted by a run of {length}."
    text = _HEAD.format(
        title=title,
        target=f"{story.file}:{story.design}" if story.file else story.design,
        below=f"\n{story.file} is below the folder in which this is run." if story.file and not Path(story.file).is_absolute() else "",
        config=f" --config {story.configuration}" if story.configuration else "",
        design=story.design, claim=story.claim, configuration=story.configuration, sentence=story.sentence.replace('"""', "'''") or title,
        initial=_mapping({path: value for path, value in story.moments[0].items() if value}), steps="\n".join(_steps(story)),
        name=_identifier(f"{story.design}_{story.configuration}_{story.claim}"), file=repr(story.file) if story.file else "",
        without=f", {story.without!r}" if story.without else "",
    )  # fmt: skip
    if story.kind != "relation":
        return text
    sides = tuple(story.configuration.split("~"))
    without = f", {story.without!r}" if story.without else ""
    changes = (
        (f"    system = build(known.design({story.design!r}), {story.configuration!r}{without})",
         _RELATION.strip("\n").format(design=story.design, sides=sides, without=without)),
        ("replay(system,", "replay(pair.system,"),
        (f"violates(system, instantiate(known.claims[{story.claim!r}], system), trace)",
         f"violates(pair.system, pair.instantiate(known.claims[{story.claim!r}]), trace)"),
        ("from specproof.claims import instantiate\n", ""),
        ("import library\n", "import library\nfrom specproof.product import product\n"),
    )  # fmt: skip
    for old, new in changes:
        text = text.replace(old, new)
    return text


def _steps(story: Story) -> list[str]:
    found = []
    for beat in story.beats:
        inputs = _mapping({value.name: value.value for value in beat.inputs})
        remark = ", ".join(f"{value.name} {shown(value)}" for value in beat.inputs if value.width)
        found.append(f"    ({beat.action!r}, {inputs}),  # {beat.by}{': ' + remark if remark else ''}")
    return found


def _mapping(values: Mapping[str, int]) -> str:
    return "{" + ", ".join(f"{name!r}: {value:#x}" for name, value in values.items()) + "}"


def _identifier(text: str) -> str:
    return "".join(character if character.isalnum() else "_" for character in text)
