"""The workflows: what they may do, what they run, and that each script of theirs works."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from ci.release.identity import identity
from tests.standins.github.server import REPOSITORY, TOKEN, GitHub, github
from tests.support.workflows import ACTIONS, FILES, ROOT, WORKFLOWS, Runner, jobs, loaded, steps

JOBS = {name: (job, workflow) for name, job, workflow in jobs()}
STEPS = steps()
USES = re.compile(r"^\s*(?:- )?uses: (?P<action>[^@\s]+)(?:@(?P<commit>\S+))?(?P<comment>.*)$", re.M)
STRANGERS = ("pull_request", "workflow_run", "issues", "issue_comment", "discussion", "fork", "watch")


def tool(name: str) -> str | None:
    """Return a program beside this Python or on PATH."""
    beside = Path(sys.executable).with_name(name)
    return str(beside) if beside.exists() else shutil.which(name)


# What they may do


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_action_is_pinned_by_commit_with_its_version(path: Path) -> None:
    for found in USES.finditer(path.read_text(encoding="utf-8")):
        if not found["action"].startswith("./"):
            assert re.fullmatch(r"[0-9a-f]{40}", found["commit"] or ""), found[0]
            assert re.fullmatch(r" # v\d+\.\d+\.\d+", found["comment"]), found[0]


def test_an_action_has_one_version_everywhere() -> None:
    used: dict[str, set[str]] = {}
    for path in FILES:
        for found in USES.finditer(path.read_text(encoding="utf-8")):
            used.setdefault(found["action"], set()).add(f"{found['commit']}{found['comment']}")

    assert {action: versions for action, versions in used.items() if len(versions) > 1} == {}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_workflow_has_no_right_of_its_own_and_cancels_by_branch(path: Path) -> None:
    workflow = loaded(path)

    assert workflow["permissions"] == {}
    assert "group" in workflow["concurrency"]
    assert "pull_request_target" not in workflow["on"]


@pytest.mark.parametrize("name", sorted(JOBS))
def test_a_job_names_its_rights_and_ends_in_time(name: str) -> None:
    job, _ = JOBS[name]

    assert 0 < job["timeout-minutes"] <= 60
    assert isinstance(job["permissions"], dict)


@pytest.mark.parametrize("name", sorted(JOBS))
def test_a_checkout_keeps_no_credentials(name: str) -> None:
    for step in JOBS[name][0]["steps"]:
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] is False


@pytest.mark.parametrize("name", sorted(STEPS))
def test_no_script_is_put_together_from_values(name: str) -> None:
    assert "${{" not in STEPS[name]["run"], "values go into env:, where they stay values"


@pytest.mark.parametrize("name", sorted(JOBS))
def test_a_secret_or_an_identity_is_bound_to_an_environment(name: str) -> None:
    job, _ = JOBS[name]
    text = json.dumps(job)

    if "secrets." in text or job["permissions"].get("id-token") == "write":
        assert "environment" in job, "without it any branch, or the whole repository, would be trusted"


@pytest.mark.parametrize("name", sorted(JOBS))
def test_what_a_stranger_can_start_has_no_secret_and_writes_nothing(name: str) -> None:
    job, workflow = JOBS[name]
    started = workflow["on"] if isinstance(workflow["on"], dict) else {workflow["on"]: None}
    if "pull_request" not in started:
        return
    if "github.event.pull_request.head.repo.full_name == github.repository" in job.get("if", ""):
        return
    assert "secrets" not in json.dumps(job)
    assert "environment" not in job
    assert set(job["permissions"].values()) <= {"read"}


def test_only_known_workflows_can_be_started_by_strangers() -> None:
    started = {path.stem for path in WORKFLOWS if any(event in loaded(path)["on"] for event in STRANGERS)}

    assert started == {"ci", "plan", "comment", "preview"}


def test_the_job_that_comments_takes_no_code_and_no_files_of_the_pull_request() -> None:
    job, workflow = JOBS["comment/comment"]

    assert workflow["on"] == {"workflow_run": {"workflows": ["plan"], "types": ["completed"]}}
    assert job["permissions"] == {"actions": "read", "contents": "read", "pull-requests": "write"}
    [checkout] = [step for step in job["steps"] if "uses" in step]
    assert checkout["uses"].startswith("actions/checkout@")
    assert checkout["with"]["ref"] == "${{ github.event.repository.default_branch }}"
    assert loaded(ROOT / ".github" / "workflows" / "plan.yml")["name"] == "plan"


def test_the_cli_is_the_version_of_the_sdk() -> None:
    [action] = ACTIONS
    steps_with = [step.get("with", {}) for step in loaded(action)["runs"]["steps"]]
    [installed] = [one["pulumi-version"] for one in steps_with if "pulumi-version" in one]
    locked = re.search(r"^pulumi==(\S+)", (ROOT / "requirements" / "infra.txt").read_text(), re.M)

    assert locked is not None
    assert installed == locked[1]


def test_ci_runs_what_the_checkouts_own_script_runs() -> None:
    ours = re.findall(r"^(\./dev .*) \|\|", (ROOT / ".ci" / "run").read_text(), re.M)

    assert [step["run"] for name, step in STEPS.items() if name.startswith("ci/")] == ours


def test_the_checkouts_own_script_looks_for_one_program_at_a_time() -> None:
    script = (ROOT / ".ci" / "run").read_text()

    # of several `command -v` succeeds when one is there
    looked_for = re.findall(r"command -v ([^>|&;]+)", script)
    assert [names for names in looked_for if len(names.split()) != 1] == []
    assert {"chromium", "chromedriver"} <= {names.strip() for names in looked_for}


def test_the_bot_keeps_every_kind_of_version_in_use() -> None:
    bot = loaded(ROOT / ".github" / "dependabot.yml")

    assert {one["package-ecosystem"] for one in bot["updates"]} == {"github-actions", "pip", "docker"}
    assert all(one["cooldown"]["default-days"] >= 7 for one in bot["updates"])


# What judges they have


@pytest.mark.skipif(tool("actionlint") is None, reason="needs actionlint on PATH")
def test_actionlint_has_nothing_to_say() -> None:
    done = subprocess.run([str(tool("actionlint"))], cwd=ROOT, capture_output=True, text=True, timeout=60)

    assert (done.returncode, done.stdout) == (0, "")


@pytest.mark.skipif(tool("zizmor") is None, reason="needs zizmor, which requirements/dev.txt has")
def test_zizmor_has_nothing_to_say() -> None:
    command = [str(tool("zizmor")), "--offline", "--quiet", "--no-progress", "--format", "json", "."]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60)

    found = json.loads(done.stdout)
    assert [(one["ident"], one["desc"]) for one in found] == []
    assert done.returncode == 0


# What they run


@pytest.fixture
def runner(tmp_path: Path) -> Runner:
    return Runner(tmp_path)


@pytest.mark.parametrize("name", sorted(STEPS))
def test_every_script_is_shell_without_mistakes(name: str) -> None:
    done = subprocess.run(["bash", "-n"], input=STEPS[name]["run"], capture_output=True, text=True, timeout=60)

    assert done.stderr == ""


def passed(runner: Runner, name: str, **env: str) -> list[str]:
    """Run a step that works; return how it called the programs."""
    done = runner.run(STEPS[name], **env)
    assert done.returncode == 0, done.stderr
    return runner.calls()


@pytest.mark.parametrize("name", ["ci/Check", "ci/Test", "advisories/Check"])
def test_the_checks_fail_with_the_command(runner: Runner, name: str) -> None:
    assert passed(runner, name) == [f"dev {name.partition('/')[2].lower()}"]

    assert runner.run(STEPS[name], FAKE_dev="exit 1").returncode == 1


def test_the_plan_is_written_where_it_is_uploaded_from(runner: Runner) -> None:
    assert passed(runner, "plan/Plan", FAKE_dev="echo the plan") == ["dev plan --all --against HEAD^1 --markdown"]

    [upload] = [one for one in JOBS["plan/plan"][0]["steps"] if "upload" in one.get("uses", "")]
    uploaded = Path(upload["with"]["path"].replace("${{ runner.temp }}", str(runner.temp)))
    assert uploaded.read_text() == "the plan\n"


def test_a_plan_that_breaks_a_policy_fails_and_is_there_all_the_same(runner: Runner) -> None:
    done = runner.run(STEPS["plan/Plan"], FAKE_dev="echo the plan; exit 1")

    assert done.returncode == 1
    assert (runner.temp / "plan" / "plan.md").read_text() == "the plan\n"


COMPARE = "plan/Compare the plans, each made with its own packages"


def test_a_bots_plan_that_is_the_same_passes(runner: Runner) -> None:
    calls = passed(runner, COMPARE, FAKE_dev="""echo '{"a": 1}'""")

    assert calls == ["dev plan --all --json"] * 2


def test_a_bots_plan_that_differs_fails(runner: Runner) -> None:
    done = runner.run(STEPS[COMPARE], FAKE_dev="""case $0 in */base/dev) echo '{"a": 1}';; *) echo '{"a": 2}';; esac""")

    assert done.returncode == 1
    assert "plan.a: another value" in done.stdout
    assert "deploying this would change a stack" in done.stderr


@pytest.mark.parametrize("name", ["comment/Install", "pulumi action/Install the programs' packages"])
def test_packages_are_installed_by_hash_alone(runner: Runner, name: str) -> None:
    [call] = passed(runner, name)

    assert "--require-hashes --no-deps -r requirements/" in call
    assert (ROOT / call.rpartition(" ")[2]).exists()


def test_the_comment_is_posted_for_the_run_that_ended(runner: Runner) -> None:
    passed(runner, "comment/Install")
    with github() as hub:
        hub.pull(3, "abc", "theirs/claude-memory")
        hub.artifact(7, "plan", {"plan.md": "the plan"})
        run = {
            "id": 7,
            "head_sha": "abc",
            "head_branch": "change",
            "head_repository": {"full_name": "theirs/claude-memory"},
        }
        (runner.folder / "event.json").write_text(json.dumps({"workflow_run": run}))

        passed(runner, "comment/Comment", **job_of(hub), GITHUB_EVENT_PATH=str(runner.folder / "event.json"))

        assert "the plan" in hub.comments[3][0]["body"]


def job_of(hub: GitHub) -> dict[str, str]:
    return {
        "GITHUB_REPOSITORY": REPOSITORY,
        "GITHUB_TOKEN": TOKEN,
        "GITHUB_API_URL": hub.url,
        "PYTHONPATH": str(ROOT),
    }


SECRETS = {"PULUMI_CONFIG_PASSPHRASE": "p", "RENDER_API_KEY": "k", "STACK": "render"}
DRIFT = json.dumps({"steps": [{"op": "update", "urn": "urn:pulumi:render::claude-memory::a:b:C::web"}]})


@pytest.mark.parametrize("backend", ["", "file:///state"])
def test_drift_becomes_an_issue(runner: Runner, backend: str) -> None:
    calls = passed(runner, "drift/Compare", **SECRETS, PULUMI_BACKEND_URL=backend, FAKE_pulumi=f"echo '{DRIFT}'")
    assert calls[-1] == "pulumi preview --refresh --json --non-interactive --stack render"
    assert calls[:-1] == ([f"pulumi login {backend}"] if backend else [])
    if backend:  # what the login printed is not part of the preview
        assert json.loads((runner.temp / "preview.json").read_text())

    (runner.checkout / ".venv" / "bin").mkdir(parents=True)
    (runner.checkout / ".venv" / "bin" / "python").symlink_to(sys.executable)
    with github() as hub:
        passed(runner, "drift/Report", **job_of(hub), STACK="render")

        assert [one["title"] for one in hub.issues] == ["The stack render differs from its program"]


def test_a_preview_that_fails_is_no_agreement(runner: Runner) -> None:
    done = runner.run(STEPS["drift/Compare"], **SECRETS, PULUMI_BACKEND_URL="", FAKE_pulumi="exit 255")

    assert done.returncode == 255


def test_a_deployment_is_tried_by_its_address(runner: Runner) -> None:
    name = "deploy/Store, find and delete a memory there"

    calls = passed(runner, name, MEMORY_TOKEN="t", URL="https://memory.example.org/mcp")

    assert calls == ["dev memory doctor --mcp https://memory.example.org/mcp"]


def test_the_role_at_alibaba_is_taken_with_a_token_in_a_file(runner: Runner) -> None:
    (runner.checkout / ".venv" / "bin").mkdir(parents=True)
    runner.program(runner.checkout / ".venv" / "bin" / "python", '#!/bin/sh\necho "python $*" >>"$CALLS"\n')

    calls = passed(runner, "pulumi action/Take the role at Alibaba Cloud", ROLE="acs:role", PROVIDER="acs:provider")

    file = runner.temp / "aliyun-token"
    assert calls == [f"python -m ci.github.oidc sts.aliyuncs.com {file}"]
    assert (runner.folder / "env").read_text().splitlines() == [
        f"ALIBABA_CLOUD_OIDC_TOKEN_FILE={file}",
        "ALIBABA_CLOUD_OIDC_PROVIDER_ARN=acs:provider",
        "ALIBABA_CLOUD_ROLE_ARN=acs:role",
    ]


def test_the_key_for_the_hosts_is_readable_by_its_user_alone(runner: Runner) -> None:
    passed(runner, "pulumi action/Let Docker reach its hosts over SSH", KEY="key", KNOWN_HOSTS="host ssh-ed25519 AAAA")

    key = runner.folder / "home" / ".ssh" / "id_ed25519"
    assert (key.read_text(), key.stat().st_mode & 0o777) == ("key\n", 0o600)
    assert key.with_name("known_hosts").read_text() == "host ssh-ed25519 AAAA\n"


TAG = {"GITHUB_REF_NAME": f"v{identity().version}", "GITHUB_REPOSITORY": identity().repository}


def test_a_release_is_built_for_its_tag(runner: Runner) -> None:
    [call] = passed(runner, "release/Build and check", **TAG)

    assert (
        call
        == f"dev release build --tag {TAG['GITHUB_REF_NAME']} --repository {TAG['GITHUB_REPOSITORY']} --out release"
    )


ON_MAIN = "release/Be on the main branch"


def test_a_tag_is_released_from_the_main_branch_alone(runner: Runner) -> None:
    runner.git("update-ref", "refs/remotes/origin/trunk", "HEAD")
    runner.git("checkout", "--quiet", "HEAD^")
    assert runner.run(STEPS[ON_MAIN], **TAG, MAIN="trunk").returncode == 0, "an older commit of it is on it"

    runner.git("-c", "user.name=S", "-c", "user.email=s@example.org", "commit", "-q", "--allow-empty", "-m", "aside")
    done = runner.run(STEPS[ON_MAIN], **TAG, MAIN="trunk")

    assert done.returncode == 1
    assert f"the commit of {TAG['GITHUB_REF_NAME']} is not on trunk" in done.stdout


def test_the_main_branch_is_there_to_compare_a_tag_with() -> None:
    checkout, *steps_after = JOBS["release/build"][0]["steps"]

    assert checkout["with"]["fetch-depth"] == 0
    assert steps_after[0]["name"] == ON_MAIN.partition("/")[2], "before any code of the tag runs"


def release_files(runner: Runner, folder: str) -> list[str]:
    """Lay out what the build makes; return what is published of it."""
    for file in ("dist/a.whl", "dist/a.tar.gz", "sbom.cdx.json", "server.json", "notes.md"):
        path = runner.checkout / folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return ["dist/a.tar.gz", "dist/a.whl", "sbom.cdx.json"]


def test_every_file_is_signed(runner: Runner) -> None:
    published = release_files(runner, "release")

    calls = passed(runner, "release/Sign")

    assert sorted(calls) == [
        f"cosign sign-blob --yes --bundle signatures/{Path(file).name}.sigstore.json release/{file}"
        for file in published
    ]


def test_the_image_is_named_and_signed_by_its_digest(runner: Runner) -> None:
    passed(runner, "release/Name", **TAG)
    outputs = dict(line.split("=", 1) for line in (runner.folder / "output").read_text().splitlines())
    assert outputs == {"image": identity().image, "version": identity().version, "server": identity().server}

    calls = passed(runner, "release/image/Sign", IMAGE=outputs["image"], DIGEST="sha256:abc")

    assert calls == [f"cosign sign --yes {outputs['image']}@sha256:abc"]


def test_the_release_at_github_has_every_file(runner: Runner) -> None:
    release_files(runner, "files/release")
    (runner.checkout / "files" / "signatures").mkdir()
    (runner.checkout / "files" / "signatures" / "a.whl.sigstore.json").touch()

    [call] = passed(runner, "release/Publish at GitHub", **TAG, GH_TOKEN="t")

    assert call.startswith(f"gh release create {TAG['GITHUB_REF_NAME']} --repo {TAG['GITHUB_REPOSITORY']} --verify-tag")
    files = ("dist/a.tar.gz", "dist/a.whl", "sbom.cdx.json", "server.json")
    assert call.endswith(f"{' '.join(f'files/release/{file}' for file in files)} files/signatures/a.whl.sigstore.json")


def test_the_mcp_registry_gets_the_checkouts_file(runner: Runner) -> None:
    (runner.checkout / "server.json").write_text("{}")

    done = runner.run(STEPS["release/Publish to the MCP registry"], PYTHONPATH=str(ROOT))

    assert runner.calls()[0].endswith("-r requirements/ci.txt")
    assert "give the job `id-token: write`" in done.stderr, "it asks for the job's identity before anything else"
    assert JOBS["release/registry"][0]["permissions"]["id-token"] == "write"


def tried(source: str) -> set[str]:
    """Return the steps that this file names."""
    return {name for name in STEPS if f'"{name}"' in source}


def test_every_script_is_tried_here() -> None:
    assert tried(Path(__file__).read_text(encoding="utf-8")) == STEPS.keys()


def test_what_publishes_waits_for_what_is_signed() -> None:
    needs: dict[str, Any] = {name.partition("/")[2]: job.get("needs") for name, (job, _) in JOBS.items()}

    assert needs["sign"] == "build"
    assert needs["pypi"] == needs["image"] == "sign"
    assert needs["registry"] == needs["github"] == ["pypi", "image"]
