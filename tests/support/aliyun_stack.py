"""A stack on Alibaba Cloud as `python -m infra.aliyun` sees it: `pulumi` played by a script, the APIs on loopback."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.support.aliyun_cloud import ACCOUNT, FUNCTION, PROJECT, REGION, STORE

TOKEN = "cm_" + "A1b2C3d4E5" * 4 + "xyz"
SECRET_URL = "postgresql://memory:" + "pw-81f05c2d" + "@db/memory"
RELEASES = tuple(f"{number:012x}" for number in (0xA1, 0xB2, 0xC3, 0xD4))  # in turn, as code changes
DIGITS = "123456789012"  # a release whose name could be taken for a number

ENDING_S = 0.5  # how long a run takes to end at the first Ctrl-C
NOW_S = 1_800_000_000.0  # when commands are run

# Plays `pulumi` on a project: keys of the stack's file, and what the program does with the key `release`.
_SCRIPT = '''#!{python}
import json, os, pathlib, re, signal, sys, time
import yaml

state_file = pathlib.Path({state!r})
state = json.loads(state_file.read_text())
arguments = sys.argv[1:]
stack = arguments[arguments.index("--stack") + 1] if "--stack" in arguments else ""
state["calls"].append(arguments)
state_file.write_text(json.dumps(state))
file = pathlib.Path(f"Pulumi.{{stack}}.yaml")
config = yaml.safe_load(file.read_text())["config"] if stack else {{}}
own = "claude-memory:"

def save():
    file.write_text(yaml.safe_dump({{"config": config}}))

def run_until_interrupted():
    """As pulumi does: the first signal ends it in a while, the second at once."""
    def say(text):
        os.write(1, text.encode() + b"\\n")  # a signal may come in the midst of it, which print does not take

    def second(*_):
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # a third one must not say it again
        say("ended at once")
        os._exit(255)

    def first(*_):
        signal.signal(signal.SIGINT, second)
        say("waits for what it has begun")
        time.sleep({ending_s})
        say("ended in order")
        state_file.write_text(json.dumps(state | {{"ended_in_order": True}}))
        os._exit(255)

    signal.signal(signal.SIGINT, first)
    print("runs as", os.getpid(), flush=True)
    signal.pause()

def place(path):
    """The container of a path's last part, and that part."""
    first, *rest = re.findall(r"[A-Za-z]+|\\[\\d+\\]", path)
    if not rest:
        return config, own + first
    inside = config.setdefault(own + first, {{}})
    for part, following in zip(rest, rest[1:]):
        inside = inside.setdefault(part, [] if following.startswith("[") else {{}})
    last = rest[-1]
    return inside, int(last[1:-1]) if last.startswith("[") else last

if arguments[:2] == ["stack", "output"]:
    print(json.dumps(state["outputs"]))
elif arguments[:2] == ["config", "get"]:
    print(state["secrets"][arguments[2]])
elif arguments[:2] == ["config", "--show-secrets"]:
    print(json.dumps({{own + key: {{"value": value, "secret": True}} for key, value in state["secrets"].items()}}))
elif arguments[:2] == ["config", "set"]:
    path, value = arguments[3:5]
    if "--type" not in arguments and value.isdigit():
        value = int(value)
    inside, last = place(path)
    if isinstance(inside, list) and last == len(inside):
        inside.append(value)
    else:
        inside[last] = value
    save()
elif arguments[:2] == ["config", "rm"]:
    inside, last = place(arguments[3])
    del inside[last]
    save()
elif arguments[0] == "whoami":
    print(json.dumps({{"user": "user", "url": state["backend"]}}))
elif arguments[:2] == ["stack", "export"]:
    if any(not one.read_bytes() for one in pathlib.Path(state["backend"][7:]).glob(".pulumi/stacks/*/*.attrs")):
        sys.exit("error: failed to load checkpoint: EOF")
    print(json.dumps({{"version": 3, "deployment": state["deployment"]}}))
elif arguments[:2] == ["stack", "import"]:
    if state["lock"]:
        print(state["lock"])
        sys.exit(255)
    state["deployment"] = json.loads(sys.stdin.read())["deployment"]
    state_file.write_text(json.dumps(state))
elif arguments[0] == "cancel":
    state["lock"] = ""
    state_file.write_text(json.dumps(state))
elif arguments[0] == "refresh":
    if state["failures"]:
        print(state["failures"].pop(0))
        state_file.write_text(json.dumps(state))
        sys.exit(255)
    found = state["deployment"]["resources"]
    kept = [one | {{"outputs": {{"id": one["id"]}}}} for one in found if one["id"] not in state["gone"]]
    state["deployment"]["resources"] = kept
    state_file.write_text(json.dumps(state))
elif arguments[0] == "preview":
    made = [one["urn"] for one in state["deployment"]["resources"]]
    plans = {{urn: plan for urn, plan in state["plan"].items() if urn not in made}}
    pathlib.Path(arguments[arguments.index("--save-plan") + 1]).write_text(json.dumps({{"resourcePlans": plans}}))
elif arguments[0] == "up":
    print("Updating (" + stack + ")")
    if state["endless"]:
        run_until_interrupted()
    if state["failures"]:
        said = state["failures"].pop(0)
        state_file.write_text(json.dumps(state))
        print(said)
        sys.exit(255)
    release = config.get(own + "release") or {{}}
    code, outputs = state["code"], state["outputs"]
    serving, canary, keep = release.get("serving") or code, release.get("canary"), release.get("keep") or []
    assert canary is None or release.get("serving"), "canary only with serving"
    assert all(isinstance(one, str) and re.fullmatch("[0-9a-f]{{12}}", one) for one in [serving, *keep])
    back = release.get("serving") is not None and canary is None
    names = dict.fromkeys([*keep, serving, *([] if back else [code])])
    for name in names:
        if name not in outputs["releases"]:
            assert name == code, f"the present code would be published as {{name}}"
            state["versions"] += 1
            outputs["releases"][name] = str(state["versions"])
    outputs["releases"] = {{name: outputs["releases"][name] for name in names}}
    share = canary or 0 if serving != code else 0
    outputs |= {{"release": code, "serving": serving, "canary": share}}
    state_file.write_text(json.dumps(state))
else:
    sys.exit(f"no such command: {{arguments}}")
'''


@dataclass
class Ran:
    """A command that ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def said(self) -> str:
        """Everything, each run of blanks as one, so that a table's columns do not matter."""
        return " ".join((self.out + self.err).split())


Drive = Callable[..., Ran]


class Stack:
    """A stack whose first release is up. folder: of the project, with a folder `bin` for PATH."""

    def __init__(self, folder: Path, url: str, name: str = "aliyun") -> None:
        self.folder, self.bin, self._state = folder, folder / "bin", folder / "played.json"
        self.file = folder / f"Pulumi.{name}.yaml"
        self.bin.mkdir()
        (folder / "Pulumi.yaml").write_text("name: claude-memory\nruntime: python\n", encoding="utf-8")
        secret = {"secure": "v1:made-up"}
        written = {"claude-memory:target": "aliyun", "claude-memory:adminToken": secret}
        self.file.write_text(yaml.safe_dump({"config": written | {"claude-memory:DATABASE_URL": secret}}), "utf-8")
        outputs = {
            "url": url,
            "region": REGION,
            "account_id": ACCOUNT,
            "function": FUNCTION,
            "log_project": PROJECT,
            "log_store": STORE,
            "release": RELEASES[0],
            "serving": RELEASES[0],
            "canary": 0,
            "releases": {RELEASES[0]: "1"},
            "client_configuration": "{}",
        }
        secrets = {"adminToken": TOKEN, "DATABASE_URL": SECRET_URL}
        self._put(calls=[], secrets=secrets, outputs=outputs, versions=1, code=RELEASES[0], failures=[])
        self._put(
            deployment={"resources": [], "pending_operations": []},
            gone=[],
            endless=False,
            ended_in_order=False,
            lock="",
            plan={},
            backend=f"file://{folder}",
        )
        script = self.bin / "pulumi"
        script.write_text(
            _SCRIPT.format(python=sys.executable, state=str(self._state), ending_s=ENDING_S), encoding="utf-8"
        )
        script.chmod(0o755)

    @property
    def state(self) -> dict[str, Any]:
        """All that is played: outputs, calls, and so on."""
        found: dict[str, Any] = json.loads(self._state.read_text(encoding="utf-8"))
        return found

    @property
    def release(self) -> dict[str, Any]:
        """The key `release` of the stack's file."""
        config = yaml.safe_load(self.file.read_text(encoding="utf-8"))["config"]
        found: dict[str, Any] = config.get("claude-memory:release") or {}
        return found

    @property
    def ups(self) -> int:
        """How often `pulumi up` ran."""
        return sum(call[0] == "up" for call in self.state["calls"])

    @property
    def shares(self) -> dict[str, int]:
        """Percent of the requests by release, of those that get any."""
        outputs = self.state["outputs"]
        found = {outputs["serving"]: 100 - outputs["canary"]}
        return found | ({outputs["release"]: outputs["canary"]} if outputs["canary"] else {})

    def change(self, code: str) -> None:
        """Change the checkout, so that it describes another release."""
        self._put(code=code)

    def fail(self, *said: str) -> None:
        """Let the next runs of `pulumi up` fail with these words."""
        self._put(failures=list(said))

    def hide_secrets(self) -> None:
        """Let the stack's secrets be unreadable, as with a wrong passphrase."""
        script = self.bin / "pulumi"
        script.rename(self.bin / "played")
        refused = '*--show-secrets*) echo "error: incorrect passphrase" >&2; exit 255 ;;'
        script.write_text(f'#!/bin/sh\ncase "$*" in {refused} esac\nexec played "$@"\n', encoding="utf-8")
        script.chmod(0o755)

    def run_endlessly(self) -> None:
        """Let `pulumi up` run until it is interrupted."""
        self._put(endless=True)

    def interrupt(self, *resources: dict[str, Any], lock: str = "", gone: tuple[str, ...] = ()) -> None:
        """Let these be about to be made.

        lock: what commands say of the stack's lock. gone: ids that a refresh finds gone.
        """
        provider = {
            "urn": "urn:provider",
            "type": "pulumi:providers:alicloud",
            "id": "provider",
            "inputs": {"region": REGION, "accountId": ACCOUNT},
            "outputs": {},
        }
        pending = [{"type": "creating", "resource": one} for one in resources]
        deployment = {"resources": [provider], "pending_operations": pending}
        self._put(deployment=deployment, lock=lock, gone=list(gone))

    def leave_half_written(self, backend: str | None = None) -> None:
        """Let the state's file be as a kill can leave it. backend: where the state is, if not in a folder."""
        file = self.folder / ".pulumi" / "stacks" / "claude-memory" / "aliyun.json.attrs"
        file.parent.mkdir(parents=True)
        file.touch()
        if backend is not None:
            self._put(backend=backend)

    def would_create(self, *resources: dict[str, Any], steps: tuple[str, ...] = ("create",)) -> None:
        """Let a preview plan these."""
        plans = {
            one["urn"]: {"steps": list(steps), "goal": one | {"inputDiff": {"adds": one["inputs"]}}}
            for one in resources
        }
        self._put(plan=self.state["plan"] | plans)

    def output(self, **changed: Any) -> None:
        """Change outputs."""
        self._put(outputs=self.state["outputs"] | changed)

    def _put(self, **changed: Any) -> None:
        before = self.state if self._state.exists() else {}
        self._state.write_text(json.dumps(before | changed), encoding="utf-8")
