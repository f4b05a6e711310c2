"""Who judges in a sitting of a run."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from judge.config import STORE_NAME
from judge.engines.metered import Meter, MeteredEngine
from judge.engines.replay import RecordingEngine
from judge.errors import ConfigError
from judge.recipes.roles import JUDGE
from judge.reward_model import RewardModel
from judge.runs.cluster import Cluster, connected
from judge.runs.distributed import RayPool
from judge.runs.plan import Plan
from judge.types import Engine, JudgeProfile, VerdictStore

ENGINE = "engine.jsonl"
"""In a run's folder: facts about its engine."""


def recorded(file: Path, role: str) -> Path:
    """Where the generations of a role's engine are recorded: the judge's in `file`."""
    return file if role == JUDGE else file.with_name(f"{file.stem}.{role}{file.suffix}")


@dataclass(frozen=True, slots=True)
class Seat:
    """Who judges in a sitting: engines in this process, or actors of a cluster."""

    folder: Path
    meter: Meter
    record: Path | None
    cluster: Cluster | None

    def __post_init__(self) -> None:
        if self.cluster is not None and self.record is not None:
            raise ConfigError(
                "--record: actors of a cluster record nothing", hint="leave out --ray, or --record"
            )

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Be connected to the cluster; what Ray prints on stdout goes to stderr."""
        if self.cluster is None:
            yield
            return
        with connected(self.cluster), redirect_stdout(sys.stderr):
            yield

    def judge(
        self,
        plan: Plan,
        store: Path | VerdictStore,
        profile: JudgeProfile | None = None,
        stand_ins: Mapping[str, Engine] | None = None,
    ) -> RewardModel | RayPool:
        """What a run asks."""
        if self.cluster is not None:
            return RayPool(
                lambda own: plan.model(own, profile),
                Path(plan.options.store or self.folder / STORE_NAME),
                self.cluster,
                in_flight=plan.options.in_flight,
                meter=self.meter,
                texts=plan.texts,
                facts=lambda role: recorded(self.folder / ENGINE, role),
            )
        model = plan.model(store, profile, stand_ins)
        model.wrap = self._wrap
        return model

    def in_flight(self, plan: Plan) -> int:
        """Groups judged at the same time, in this process or in all actors together."""
        return plan.options.in_flight * (1 if self.cluster is None else self.cluster.most)

    def _wrap(self, role: str, engine: Engine) -> Engine:
        if self.record is not None:
            engine = RecordingEngine(engine, recorded(self.record, role))
        return MeteredEngine(engine, recorded(self.folder / ENGINE, role), self.meter)
