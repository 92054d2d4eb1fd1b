"""Writes docs/policies.md from the rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from policies.catalogue import RULES
from policies.rule import AnyRule, StackRule

_BEGINNING = """# Policies

Rules that every stack has to keep. All are mandatory: `pulumi preview` and `pulumi up` fail for a stack that breaks
one, and so does `./dev plan`, which needs neither the CLI nor an account.

```bash
pulumi preview --policy-pack policies -s render          # as Pulumi's engine sees the stack
pulumi up --policy-pack policies -s render
./dev plan render                                        # as the program declares it
```

What a preview does not know yet breaks no rule; `pulumi up` judges it once it is known. A rule about the whole stack
reports after all resources are made, so preview first. Each message names what is wrong and what to do about it.

## Thresholds

Some rules have thresholds, which a file changes: `--policy-pack-config FILE` of Pulumi, and `--policy-config FILE` of
`./dev plan`, take the same one. Names are those of the tables below.

```json
{"aliyun-function-memory": {"maximumMb": 4096}, "no-keys-in-clear": {"allowed": ["^build-[0-9a-f]{40}$"]}}
```

A stack is in production unless its name matches one of the patterns in `development`.
"""
_STEPS = (
    (
        "1",
        "`policies/SUBJECT_rules.py`: a check, and the rule in `RULES`. A check yields a sentence for each thing that"
        " is wrong; `resource.get()` ends it where a preview knows no value",
        "",
    ),
    (
        "2",
        "`tests/policies/SUBJECT_cases.py`: a broken copy of a resource of an example stack. From it follow the tests"
        " that the rule fires, is quiet about unknown values, and is reported by the Pulumi CLI",
        "`tests/policies/test_catalogue.py`",
    ),
    ("3", "`./dev docs` writes this page", "`tests/infra/plan/test_pages.py`"),
)


def page() -> str:
    """Return the page."""
    parts = [_BEGINNING]
    for subject, rules in RULES.items():
        parts.append(f"\n## {subject}\n\n" + _table(("rule", "why", "what to do"), [_row(rule) for rule in rules]))
        thresholds = [row for rule in rules for row in _thresholds(rule)]
        if thresholds:
            parts.append("\n" + _table(("rule", "threshold", "default", "what it is"), thresholds))
    parts.append("\n## A new rule\n\n" + _table(("", "file", "test that fails without it"), _STEPS))
    return "".join(parts)


def _row(rule: AnyRule) -> tuple[str, str, str]:
    about = " (of the whole stack)" if isinstance(rule, StackRule) else ""
    return f"`{rule.name}`{about}", rule.why, rule.remedy


def _thresholds(rule: AnyRule) -> list[tuple[str, str, str, str]]:
    return [
        (f"`{rule.name}`", f"`{name}`", _default(one["default"]), one["description"])
        for name, one in rule.thresholds.properties().items()
    ]


def _default(value: Any) -> str:
    if isinstance(value, list):
        return ", ".join(f"`{one}`" for one in value) or "none"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(header) + " |", "|" + "---|" * len(header)]
    lines += ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(lines) + "\n"
