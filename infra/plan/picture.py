"""A picture of a plan as SVG: a card for each part of the stack, with what it makes. Readable in light and in dark."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from infra.plan.document import Shown
from infra.plan.groups import Group, groups_of
from infra.plan.main_inputs import MAIN, main_inputs, short

_COLUMNS, _WIDTH, _GAP = 3, 370, 16
_LINE, _TOP, _PADDING = 16, 46, 12
_MOST_LINES = 9  # of a card; the others are counted
_HEADER = 40
_CHARACTERS = 48  # that fit into a line of a card, whatever the font
_TOO_LONG = ("command", "dockerCommand", "triggerConfig", "policyDocument", "assumeRolePolicyDocument")  # for a picture
_STYLE = """
  text { font: 12px ui-sans-serif, system-ui, "Segoe UI", sans-serif; fill: #1f2328; }
  .title { font-size: 18px; font-weight: 600; }
  .name { font-size: 14px; font-weight: 600; }
  .quiet { fill: #59636e; font-size: 11px; }
  .page { fill: #ffffff; }
  .card { fill: #f6f8fa; stroke: #d1d9e0; }
  @media (prefers-color-scheme: dark) {
    text { fill: #f0f6fc; }
    .quiet { fill: #9198a1; }
    .page { fill: #0d1117; }
    .card { fill: #151b23; stroke: #3d444d; }
  }
"""


def picture(stack: str, resources: Sequence[Shown]) -> str:
    """Return the picture of a stack's plan as a file."""
    groups = groups_of(resources)
    heights = [0] * _COLUMNS
    cards = []
    for group in groups:
        column = heights.index(min(heights))  # the shortest, so that the columns end alike
        lines = _lines(group)
        x, y = _GAP + column * (_WIDTH + _GAP), _HEADER + _GAP + heights[column]
        height = _TOP + len(lines) * _LINE + _PADDING
        cards.append(_card(group, lines, x, y, height))
        heights[column] += height + _GAP
    width, height = _GAP + _COLUMNS * (_WIDTH + _GAP), _HEADER + _GAP + max(heights)
    title = f"{stack}: what the stack makes"
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" width="{width}"'
            f' height="{height}" role="img" aria-label="{escape(title)}">',
            f"<style>{_STYLE}</style>",
            '<rect class="page" width="100%" height="100%"/>',
            f'<text class="title" x="{_GAP}" y="{_HEADER - 8}">{escape(title)}</text>',
            *cards,
            "</svg>\n",
        ]
    )


def _card(group: Group, lines: Sequence[str], x: int, y: int, height: int) -> str:
    before = f"after {', '.join(sorted(group.needs))}" if group.needs else "first"
    parts = [
        f'<rect class="card" x="{x}" y="{y}" width="{_WIDTH}" height="{height}" rx="8"/>',
        _text("name", x, y + 20, group.name),
        _text("quiet", x, y + 36, f"{group.kind}, {before}"),
    ]
    parts += [_text("line", x, y + _TOP + number * _LINE + _LINE * 2 // 3, text) for number, text in enumerate(lines)]
    return "\n".join(parts)


def _text(kind: str, x: int, y: int, text: str) -> str:
    return f'<text class="{kind}" x="{x + _PADDING}" y="{y}">{escape(short(text, _CHARACTERS))}</text>'


def _lines(group: Group) -> list[str]:
    found = [f"{leaf.kind} {_own_name(leaf.name, group.name)}".strip() + _detail(leaf) for leaf in group.leaves]
    if len(found) <= _MOST_LINES:
        return found
    return [*found[: _MOST_LINES - 1], f"and {len(found) - _MOST_LINES + 1} more"]


def _own_name(name: str, group: str) -> str:
    """Return a name without what the card says already."""
    return name.removeprefix(group).lstrip("-") or ""


def _detail(leaf: Shown) -> str:
    if leaf.type not in MAIN:
        return ""
    text = ", ".join(f"{name} {value}" for name, value in main_inputs(leaf).items() if name not in _TOO_LONG)
    return f": {text}" if text else ""
