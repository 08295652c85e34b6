"""deploy/ as its own programs read it: what an operator copies works as far as that can be told without a cloud."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from pycep import BicepParser

from bot.settings import table
from tools.machine import program

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
SCRIPTS = sorted(DEPLOY.rglob("*.sh"))
BY_DIGEST = re.compile(r"@sha256:[0-9a-f]{64}$")


def manifests() -> dict[str, Any]:
    """Every Kubernetes object, by its kind."""
    files = sorted((DEPLOY / "kubernetes").glob("*.yaml"))
    return {one["kind"]: one for file in files for one in yaml.safe_load_all(file.read_text())}


def run(*command: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([str(one) for one in command], capture_output=True, text=True, check=False, cwd=ROOT)


def test_every_setting_that_is_named_there_is_one() -> None:
    text = "\n".join(file.read_text() for file in DEPLOY.rglob("*") if file.is_file())
    named = set(re.findall(r"\b(?:PHOTOSYNC_[A-Z_]+|MicrosoftApp[A-Za-z]+)\b", text))
    assert named - {setting.name for setting in table()} == set()


def test_the_shell_scripts_have_no_faults_that_shellcheck_knows() -> None:
    assert run(program("shellcheck") or "", *SCRIPTS).stdout == ""


def test_systemd_takes_the_unit_and_finds_it_well_closed(tmp_path: Path) -> None:
    bot = tmp_path / "photosync"
    bot.write_text("#!/bin/sh\n")
    bot.chmod(0o755)
    unit = tmp_path / "photosync.service"
    text = (DEPLOY / "systemd/photosync.service").read_text()
    unit.write_text(text.replace("/opt/photosync/bin/photosync", str(bot)))
    analyze = program("systemd-analyze") or ""
    found = run(analyze, "verify", "--man=no", unit)
    assert [line for line in found.stderr.splitlines() if "photosync" in line] == []
    assert found.returncode == 0
    assert run(analyze, "security", "--offline=true", "--threshold=20", unit).returncode == 0  # of 100
    assert "RestartPreventExitStatus=2" in text


def test_doctor_by_the_document_has_the_settings_and_the_database_of_the_unit() -> None:
    (line,) = re.findall(r"^systemd-run .*$", (ROOT / "docs/deployment.md").read_text(encoding="utf-8"), re.MULTILINE)
    unit = (DEPLOY / "systemd/photosync.service").read_text()
    for name in ("EnvironmentFile", "WorkingDirectory"):
        assert re.findall(rf"-p {name}=(\S+)", line) == re.findall(rf"^{name}=(\S+)$", unit, re.MULTILINE)


def test_images_are_named_by_their_digest() -> None:
    (base,) = re.findall(r"^ARG BASE=(\S+)$", (DEPLOY / "Containerfile").read_text(), re.MULTILINE)
    database = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["database"]["image"]
    assert BY_DIGEST.search(base)
    assert BY_DIGEST.search(database)


def test_what_the_image_is_built_from_is_sent_to_the_builder_and_nothing_else() -> None:
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    wanted = set(project["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"])
    wanted |= {"deploy/container", "pyproject.toml", "requirements-otel.lock", project["project"]["readme"], "LICENSE"}
    assert sent == wanted


def test_nothing_runs_as_root_and_the_bot_writes_nowhere_but_where_it_may() -> None:
    stages = (DEPLOY / "Containerfile").read_text().split("FROM ")
    assert "USER 10001:10001" in stages[-1]
    bot = yaml.safe_load((DEPLOY / "compose.yaml").read_text())["services"]["photosync"]
    assert bot["read_only"]
    assert bot["cap_drop"] == ["ALL"]
    pod = manifests()["Deployment"]["spec"]["template"]["spec"]
    inside = pod["containers"][0]["securityContext"]
    assert pod["securityContext"]["runAsNonRoot"]
    assert inside["readOnlyRootFilesystem"]
    assert inside["capabilities"] == {"drop": ["ALL"]}


def test_in_kubernetes_one_replica_answers_while_another_is_replaced() -> None:
    all_ = manifests()
    spec = all_["Deployment"]["spec"]
    assert spec["replicas"] - spec["strategy"]["rollingUpdate"]["maxUnavailable"] >= all_["PodDisruptionBudget"]["spec"]["minAvailable"] + 1  # fmt: skip
    most = spec["replicas"] + spec["strategy"]["rollingUpdate"]["maxSurge"]
    assert most * int(all_["ConfigMap"]["data"]["PHOTOSYNC_MESSAGES_PER_SECOND"]) <= 40  # of the 50 that Teams takes
    pod = spec["template"]["spec"]
    # A service called photosync would set PHOTOSYNC_PORT to an address.
    assert pod["enableServiceLinks"] is False
    assert pod["terminationGracePeriodSeconds"] >= 40


def test_kubernetes_lets_the_internet_reach_only_what_belongs_there() -> None:
    (rule,) = manifests()["Ingress"]["spec"]["rules"]
    assert {path["path"] for path in rule["http"]["paths"]} == {"/api/messages", "/api/tickets", "/helpdesk", "/privacy", "/terms"}  # fmt: skip
    operators = manifests()["NetworkPolicy"]["spec"]["ingress"][1]
    assert operators["from"] == [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": "monitoring"}}}]


@pytest.fixture(scope="module")
def bicep() -> Any:
    return BicepParser().parse(text=(DEPLOY / "azure/main.bicep").read_text())


def test_the_bicep_file_makes_what_the_document_says(bicep: Any) -> None:
    made = {one["type"] for one in bicep["resources"].values()}
    assert made >= {
        "Microsoft.App/containerApps",
        "Microsoft.BotService/botServices",
        "Microsoft.BotService/botServices/channels",
        "Microsoft.DBforPostgreSQL/flexibleServers",
        "Microsoft.KeyVault/vaults",
        "Microsoft.ManagedIdentity/userAssignedIdentities",
        "Microsoft.OperationalInsights/workspaces",
    }


def test_secrets_of_the_bicep_file_are_only_put_into_the_vault_and_the_server(bicep: Any) -> None:
    secure = {name for name, one in bicep["parameters"].items() if {"type": "secure"} in one["decorators"]}
    assert secure == {"databasePassword", "ticketSecret"}
    assert "listKeys" not in str(bicep["outputs"])
    assert not any(name in str(bicep["outputs"]) for name in secure)
    app = str(bicep["resources"]["app"]["config"]["properties"]["template"])
    assert "databasePassword" not in app
    assert "postgresUrl" not in app


RECORDER = """#!/bin/sh
for one in "$@"; do case $one in @*) printf '%s ' "$(cat "${one#@}" | tr -d '\\n ')";; *) printf '%s ' "$one";; esac; done >>"$RECORD"
echo >>"$RECORD"
case "$*" in
*appRoles*User.Read.All*) echo role-of-user ;;
*appRoles*Sites.Selected*) echo role-of-sites ;;
*appRoles*) ;;
*appRoleAssignments*get*|*"--method get"*) echo role-of-user ;;
*principalId*) echo principal-of-identity ;;
*) echo one ;;
esac
"""


@pytest.fixture
def az(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An `az` that writes down what it is asked; User.Read.All is granted already."""
    record = tmp_path / "record"
    (tmp_path / "az").write_text(RECORDER)
    (tmp_path / "az").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("RECORD", str(record))
    return record


def test_the_azure_script_lets_the_identity_pull_before_it_deploys_and_tells_no_password(
    az: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_PASSWORD", "abcdefghijklmnop1")
    done = run("sh", DEPLOY / "azure/deploy.sh", "group", "westeurope", "contoso.azurecr.io/p@sha256:1", "contoso")
    assert done.returncode == 0, done.stderr
    asked = az.read_text().splitlines()
    steps = [line.split(" --")[0] for line in asked]
    assert steps == ["group create", "identity create", "acr show", "role assignment create", "deployment group create", "deployment group show", "deployment group show"]  # fmt: skip
    assert '"databasePassword":{"value":"abcdefghijklmnop1"}' in asked[4]  # read from the file, which is gone
    assert '"registry":{"value":"contoso.azurecr.io"}' in asked[4]
    assert "abcdefghijklmnop1" not in done.stdout + done.stderr + "".join(asked[:4])


@pytest.mark.parametrize("password", ["", "short", "sixteen letters'{}"])
def test_a_password_that_would_not_do_is_refused_before_anything_is_made(az: Path, monkeypatch: pytest.MonkeyPatch, password: str) -> None:  # fmt: skip
    monkeypatch.setenv("DATABASE_PASSWORD", password)
    assert run("sh", DEPLOY / "azure/deploy.sh", "group", "westeurope", "image").returncode == 2
    assert not az.exists()


def test_a_permission_is_granted_once_and_what_is_none_is_refused(az: Path) -> None:
    done = run("sh", DEPLOY / "azure/grant.sh", "identity")
    assert "User.Read.All was granted already" in done.stdout
    assert "Sites.Selected is granted" in done.stdout
    assert [line for line in az.read_text().splitlines() if "--method post" in line and "role-of-sites" in line]
    assert "role-of-user" not in az.read_text().partition("--method post")[2]
    assert run("sh", DEPLOY / "azure/grant.sh", "identity", "Everything.Write").returncode == 1


def test_the_installing_script_says_how_it_is_used() -> None:
    done = run(shutil.which("sh") or "sh", DEPLOY / "container/install.sh")
    assert done.returncode == 2
    assert "usage: install.sh SOURCE TARGET" in done.stderr


def test_the_data_sheet_names_every_package_that_the_image_has() -> None:
    sheet = (ROOT / "docs/data-sheet.md").read_text().lower()
    names = re.findall(r"^([A-Za-z0-9._-]+)==[^;]*?\\$", (ROOT / "requirements-otel.lock").read_text(), re.MULTILINE)
    assert len(names) > 50
    assert [name for name in names if name.replace("-", "_") not in sheet.replace("-", "_")] == []
