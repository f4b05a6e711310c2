"""Runs to report on, and a real browser to open the pages in."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from judge.report.source import Source

BROWSERS = ("chromium", "chromium-browser", "google-chrome")
FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"),
    *("--disable-dev-shm-usage", "--disable-background-networking", "--disable-extensions"),
    *("--disable-component-update", "--disable-sync", "--remote-debugging-port=0"),
)
PATIENCE_S = 60.0


class Browser:
    """One page of a headless Chromium, spoken to by the Chrome DevTools Protocol."""

    def __init__(self, program: str, profile: Path) -> None:
        from websockets.sync.client import connect

        self.events: list[dict[str, Any]] = []
        self._number = 0
        self._held = ExitStack()
        command = [program, *FLAGS, f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            port, path = self._address(profile / "DevToolsActivePort")
            address = f"ws://127.0.0.1:{port}{path}"
            self._socket = self._held.enter_context(connect(address, max_size=None, proxy=None))
        except BaseException:
            self._process.kill()
            self._process.wait()
            raise
        self._session: str | None = None
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM"):
            self.send(f"{domain}.enable")

    def _address(self, file: Path) -> tuple[str, str]:
        end = time.monotonic() + PATIENCE_S
        while time.monotonic() < end and self._process.poll() is None:
            if file.exists() and len(lines := file.read_text().splitlines()) == 2:
                return lines[0], lines[1]
            time.sleep(0.05)
        raise OSError("the browser does not start")

    def send(self, method: str, **params: Any) -> dict[str, Any]:
        """One command; its answer. Events that come before it are kept."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        self._socket.send(json.dumps(message))
        while True:
            told = self._next()
            if told.get("id") == self._number:
                assert "error" not in told, (method, told["error"])
                return told["result"]

    def _next(self) -> dict[str, Any]:
        told = json.loads(self._socket.recv(timeout=PATIENCE_S))
        if "method" in told:
            self.events.append(told)
        return told

    def open(self, page: Path, *, width: int, media: str = "", dark: bool = False) -> None:
        """Load a file into a window of this width."""
        self.events.clear()
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=900,
            deviceScaleFactor=1,
            mobile=False,
        )
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.send("Emulation.setEmulatedMedia", media=media, features=[scheme])
        self.send("Page.navigate", url=page.resolve().as_uri())
        while not self.seen("Page.loadEventFired"):
            self._next()

    def seen(self, method: str) -> list[dict[str, Any]]:
        """What has happened since the page was opened."""
        return [one["params"] for one in self.events if one["method"] == method]

    def run(self, script: str) -> Any:
        """The value of an expression in the page."""
        told = self.send("Runtime.evaluate", expression=script, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")

    def tab(self) -> None:
        """Press the Tab key."""
        for kind in ("rawKeyDown", "keyUp"):
            self.send(
                "Input.dispatchKeyEvent", type=kind, key="Tab", code="Tab", windowsVirtualKeyCode=9
            )

    def close(self) -> None:
        """End it."""
        self._held.close()
        self._process.terminate()
        try:
            self._process.wait(10.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """A browser, or a skipped test where there is none; JUDGE_BROWSER names one."""
    named = os.environ.get("JUDGE_BROWSER")
    program = (
        shutil.which(named) if named else next(filter(None, map(shutil.which, BROWSERS)), None)
    )
    if program is None:
        assert not named, f"JUDGE_BROWSER names {named}, which is no program"
        pytest.skip("there is no Chromium: install chromium, or name one by JUDGE_BROWSER")
    pytest.importorskip("websockets", reason="the browser is spoken to by websockets")
    with closing(Browser(program, tmp_path_factory.mktemp("profile"))) as opened:
        yield opened


def verdict(name: str, value: float | None, **fields: Any) -> dict[str, Any]:
    """A verdict on a criterion, as a result row has it."""
    return {
        "criterion_id": name,
        "level": None if value is None else round(value * 2),
        "value": value,
        "probabilities": [] if value is None else [1 - value, 0.0, value],
        "reason": "",
        "evidence": "",
        "label_mass": 0.9,
        "by": "judge",
        **fields,
    }


def pair(first: int, second: int, p: float, critique: str = "") -> dict[str, Any]:
    """A comparison that prefers the first by `p`."""
    return {
        "kind": "pairwise",
        "first": first,
        "second": second,
        "p_first": p,
        "p_tie": 0.0,
        "p_second": 1.0 - p,
        "log_odds": None,
        "call": f"c{first}{second}",
        "critique": critique,
        "parts": [verdict("clear", p, probabilities=[1 - p, 0.0, p])],
    }


def row(number: int, values: list[float | None], **fields: Any) -> dict[str, Any]:
    """A result row; responses without a value have failed."""
    rewards = [
        {
            "value": value,
            "status": "failed" if value is None else "ok",
            "standard_error": None,
            "coverage": float(value is not None),
            "parts": {} if value is None else {"clear": value, "true": 1.0 - value},
            "critique": None,
            "reason": {"stage": "engine", "kind": "timeout", "message": "late", "retryable": True}
            if value is None
            else None,
        }
        for value in values
    ]
    return {
        "source": "data.jsonl",
        "row": number,
        "group_id": f"g{number}",
        "values": values,
        "rewards": rewards,
        "scores": [None for _ in values],
        "verdicts": [],
        "failures": [],
        "metrics": {},
        "usage": {"calls": 2, "prompt_tokens": 10, "completion_tokens": 5, "seconds": 0.0},
        "record": {"engine": "e1", "recipe": "r1"},
        **fields,
    }


@pytest.fixture
def make_row() -> Callable[..., dict[str, Any]]:
    """`row`."""
    return row


@pytest.fixture
def make_pair() -> Callable[..., dict[str, Any]]:
    """`pair`."""
    return pair


@pytest.fixture
def make_source() -> Callable[..., Source]:
    """A run of result rows without data."""

    def make(rows: list[dict[str, Any]], name: str = "run", **fields: Any) -> Source:
        return Source(
            name, fields.get("plan", {}), lambda: iter(rows), fields.get("joined", lambda: iter(()))
        )

    return make


EVIL = (
    "<script>alert(1)</script>",
    "</details></pre></svg></style>",
    '"onload="alert(1)',
    "{{ 7 * 7 }}{% raw %}",
    "<img src=http://evil.example/x.png>",
    "\x00\x1b[31m\u202e\ud800 \u65e5\u672c",
)
"""Texts that would run, load or break something if they were not escaped."""


def evil_source(n: int, name: str = EVIL[0]) -> Source:
    """A run of `n` labelled groups of three in which every text is hostile."""
    from judge.runs.dataset import Row
    from judge.types import Group, Response

    rows, data = [], []
    for k in range(n):
        at = [EVIL[(k + j) % len(EVIL)] for j in range(3)]
        p = 0.5 + 0.4 * ((k * 7 % 11) / 11)
        both = [pair(0, 1, p, at[0]), pair(1, 0, 0.95 - p, at[1]), pair(0, 2, p, at[2])]
        for one in both:
            one["parts"].append({**one["parts"][0], "criterion_id": at[0], "reason": at[1]})
        values = [p, 0.95 - p, (k % 5) / 5]
        made = row(
            k,
            values,
            group_id=at[0] + str(k),
            label=k % 3,
            verdicts=both,
            systems=[f"{text} {j}" for j, text in enumerate(EVIL[:3])],
            failures=[{"stage": "read", "kind": at[0], "call": "c"}],
            record={"engine": "e1", "recipe": "r1", at[1]: at[2]},
            source=EVIL[1],
        )
        for reward, text in zip(made["rewards"], at, strict=True):
            reward["parts"][text] = reward["value"]
        rows.append(made)
        responses = [Response(text * (1 + k % 9) * 4, id=text) for text in at]
        data.append(Row(EVIL[1], k, Group.of(at[0], responses, reference=at[1]), k % 3))
    return Source(name, {}, lambda: iter(rows), lambda: iter(list(zip(data, rows, strict=True))))


@pytest.fixture
def hostile() -> Callable[..., Source]:
    """`evil_source`."""
    return evil_source
