"""What operators watch it with: alerts that are tested by Prometheus' own tool, a dashboard of metrics that there are."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from pathlib import Path

import pytest

from bot.app import new_metrics
from bot.errors import StoreUnavailable
from bot.metrics import Counts, Metrics
from bot.teams.refusal import STATUSES

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
ALERTS = DEPLOY / "prometheus/alerts.yml"
DASHBOARD = DEPLOY / "grafana/photosync.json"
EXPRESSIONS = [
    target["expr"]
    for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    for target in panel.get("targets", ())
]


def promtool(*arguments: str) -> str:
    done = subprocess.run(["promtool", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_alerts_go_off_when_they_should_and_not_otherwise() -> None:
    promtool("check", "rules", str(ALERTS))
    promtool("test", "rules", str(ALERTS.with_name("alerts_test.yml")))


def test_every_question_of_the_dashboard_is_understood(tmp_path: Path) -> None:
    asked = [one.replace("$__range", "30d").replace("$__rate_interval", "5m") for one in EXPRESSIONS]
    rules = [{"record": f"panel:{number}", "expr": one} for number, one in enumerate(asked)]
    file = tmp_path / "rules.yml"
    file.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}), encoding="utf-8")
    assert f"SUCCESS: {len(asked)} rules found" in promtool("check", "rules", str(file))


def test_alerts_and_dashboard_ask_for_metrics_and_labels_that_there_are() -> None:
    there = {sample.name: set[str]() for family in new_metrics().registry.collect() for sample in family.samples}
    for family in new_metrics().registry.collect():
        there.setdefault(f"{family.name}", set())
        for sample in family.samples:
            there[sample.name] |= set(sample.labels.values())
    there["photosync_refused_total"] |= set(STATUSES)
    texts = [*EXPRESSIONS, *re.findall(r"expr: (?:>-\n)?((?:.|\n)*?)\n {8}(?:for|labels)", ALERTS.read_text(encoding="utf-8"))]  # fmt: skip
    assert len(texts) == len(EXPRESSIONS) + 11
    for text in texts:
        for name, labels in re.findall(r"(photosync_\w+)(?:\{([^}]*)\})?", text):
            assert name in there, name
            for wanted in re.findall(r'=~?"([^"]*)"', labels):
                known = [value for value in there[name] if re.fullmatch(wanted, value)]
                assert known, (name, wanted)


def counted(metrics: Metrics, name: str) -> float | None:
    return metrics.registry.get_sample_value("photosync_cases_total", {"outcome": name})


async def test_what_is_of_the_installation_is_shown_once_the_store_has_said_what_it_was() -> None:
    kept = {("photosync_cases", "resolved"): 41, ("photosync_seconds_to_fix", "900"): 2}

    async def away(*_: object) -> Counts:
        raise StoreUnavailable("not yet")

    async def store(added: Counts, *_: object) -> Counts:
        await asyncio.sleep(0)
        for key, number in added.items():
            kept[key] = kept.get(key, 0) + number
        return dict(kept)

    one, other = new_metrics(), new_metrics()
    for metrics in (one, other):
        metrics.installation.await_store()
        metrics.cases.labels("resolved").inc()
        with pytest.raises(StoreUnavailable):
            await metrics.installation.keep(away)
        assert counted(metrics, "resolved") is None  # a nought that jumps to 42 would look like 42 cases at once
        await metrics.installation.keep(store)
    assert (counted(one, "resolved"), counted(other, "resolved"), counted(other, "stopped")) == (42, 43, 0)
    one.cases.labels("resolved").inc()
    assert counted(one, "resolved") == 43  # at once; the other one's with the next look at the store
    await one.installation.keep(store)
    assert (counted(one, "resolved"), kept["photosync_cases", "resolved"]) == (44, 44)
    one.seconds_to_fix.observe(100)
    buckets = [one.registry.get_sample_value("photosync_seconds_to_fix_bucket", {"le": le}) for le in ("300.0", "900.0", "+Inf")]  # fmt: skip
    assert buckets == [1, 3, 3]
