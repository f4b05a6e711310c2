"""How well each schedule ranks for its calls: simulated judges, recorded people, speed.

    python scripts/bench_tournaments.py --out results/tournaments --groups 1000

Prints Kendall's tau, the correlation of advantages, top-1, calls and depth with 95 % intervals,
the coverage of 90 % intervals, the calibration of the probability of each order, and comparisons
a second; writes results.csv and accuracy.png. The definitions of the judges are in
`tournament_judges.py`.
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import math
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from msgspec.structs import replace
from tournament_judges import Recorded, World, at_once, summeval, ukpconvarg

from judge.aggregate import fit_profile, rank, strengths
from judge.types import Comparison, FloatArray, JudgeProfile, Ranking

OWN_RULE = {"anchor", "reference", "swiss", "single_elimination", "double_elimination", "knockout",
            "copeland"}  # fmt: skip
"""Methods whose reward comes from their ranks; the others' from their strengths."""
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
COLUMNS = ["suite", "judge", "n", "setting", "method", "calls", "depth", "groups", "tau", "tau_ci",
           "advantage", "advantage_ci", "top1", "top1_ci", "coverage", "ece"]  # fmt: skip


@dataclass(frozen=True)
class Plan:
    """One line of a table: a method with its options."""

    method: str
    calls: int | None = None
    both: bool = False
    profile: str = "alone"
    """alone, pooled (from 100 other groups) or known."""
    name: str = ""

    @property
    def label(self) -> str:
        """What the table calls it."""
        more = "" if self.profile == "alone" else f" {self.profile}"
        return self.name or f"{self.method}{' both' if self.both else ''}{more}"

    def options(self, seed: int, profile: JudgeProfile | None) -> dict[str, object]:
        """Keyword arguments of `rank`."""
        orders = "both" if self.both else "one"
        return {
            "method": self.method,
            "orders": orders,
            "budget": self.calls,
            "seed": seed,
            "profile": profile,
        }


@dataclass
class Tally:
    """What was measured, one entry a group (and a pair, for calibration)."""

    tau: list[float] = field(default_factory=list)
    advantage: list[float] = field(default_factory=list)
    top1: list[float] = field(default_factory=list)
    calls: list[int] = field(default_factory=list)
    depth: list[int] = field(default_factory=list)
    inside: list[float] = field(default_factory=list)
    told: list[FloatArray] = field(default_factory=list)
    right: list[FloatArray] = field(default_factory=list)

    def add(self, result: Ranking, truth: FloatArray, unit: float | None, ties: bool) -> None:
        """Compare one ranking with the truth; `unit` None: strengths have no known unit."""
        ranks = -np.array([math.nan if r is None else r for r in result.ranks])
        x = np.array([math.nan if s is None else s for s in result.strengths])
        valid = ~np.isnan(x)
        ranks, x, truth = ranks[valid], x[valid], truth[valid]
        self.calls.append(result.calls)
        self.depth.append(result.depth)
        if len(x) < 2 or result.covariance is None:
            return
        value = ranks if result.method in OWN_RULE else x
        self.tau.append(kendall(value, truth, ties))
        flat = np.std(value) == 0.0 or np.std(truth) == 0.0
        self.advantage.append(0.0 if flat else float(np.corrcoef(value, truth)[0, 1]))
        best = value == value.max()
        self.top1.append(float((best & (truth == truth.max())).sum() / best.sum()))
        table = result.covariance[np.ix_(valid, valid)]
        if unit is not None:
            error = abs(x - unit * (truth - truth.mean()))
            self.inside.append(float((error <= 1.645 * np.sqrt(np.diag(table))).mean()))
        a, b = np.triu_indices(len(x), 1)
        spread = table[a, a] + table[b, b] - 2 * table[a, b]
        keep = (truth[a] != truth[b]) & (spread > 0)
        z = (x[a] - x[b])[keep] / np.sqrt(spread[keep])
        p = 0.5 * np.array([math.erfc(-abs(v) / 2**0.5) for v in z])
        self.told.append(p)
        self.right.append((np.sign(z) == np.sign((truth[a] - truth[b])[keep])).astype(float))

    def row(self) -> dict[str, object]:
        """Means with 95 % half-widths over groups."""
        told, right = np.concatenate(self.told), np.concatenate(self.right)
        bins = np.minimum((told * 20).astype(int), 19)
        gaps = [abs((told - right)[bins == k].sum()) for k in range(20)]
        out: dict[str, object] = {
            "calls": round(float(np.mean(self.calls)), 1),
            "depth": round(float(np.mean(self.depth)), 1),
            "groups": len(self.tau),
            "coverage": round(float(np.mean(self.inside)), 3) if self.inside else "",
            "ece": round(sum(gaps) / len(told), 4),
        }
        for name in ("tau", "advantage", "top1"):
            values = np.array(getattr(self, name))
            out[name] = round(float(values.mean()), 4)
            out[f"{name}_ci"] = round(1.96 * float(values.std()) / len(values) ** 0.5, 4)
        return out


def kendall(a: FloatArray, b: FloatArray, ties: bool) -> float:
    """Kendall's tau-b; without `ties` tau-a, which a method cannot gain by tying."""
    i, j = np.triu_indices(len(a), 1)
    u, v = np.sign(a[i] - a[j]), np.sign(b[i] - b[j])
    size = math.sqrt((u != 0).sum() * (v != 0).sum()) if ties else len(u)
    return float((u * v).sum() / size) if size else 0.0


def pooled(world: World, plan: Plan, groups: int = 100) -> JudgeProfile:
    """A profile from groups that are never scored."""
    pool, seeds = [], []
    for g in range(groups):
        _, compare, cheap = world.group(1_000_000 + g)
        options = {**plan.options(g, None), "method": "balanced"}
        result = asyncio.run(rank(world.n, compare, **options))
        pool.append((world.n, result.comparisons))
        seeds.append(cheap)
    return fit_profile(pool, seeds=seeds)


def simulate(world: World, plan: Plan, groups: int) -> Tally:
    """Rank simulated groups by one plan."""
    profile = None
    if plan.profile != "alone":
        profile = world.known() if plan.profile == "known" else pooled(world, plan)
    tally = Tally()
    for g in range(groups):
        truth, compare, cheap = world.group(g)
        options = plan.options(g, profile)
        result = asyncio.run(rank(world.n, compare, seeds=cheap, **options))
        tally.add(result, truth, world.unit, ties=True)
    return tally


def standard_plans() -> list[Plan]:
    """Every method at N = 16, and the default at three budgets."""
    return [
        Plan("anchor", both=True),
        Plan("swiss", both=True),
        Plan("single_elimination", both=True),
        Plan("double_elimination", both=True),
        Plan("knockout", both=True),
        Plan("copeland"),
        Plan("pool"),
        Plan("round_robin"),
        Plan("round_robin", both=True),
        *(
            Plan(method, calls, profile=profile)
            for method in ("balanced", "active")
            for calls in (16, 32, 60, 120)
            for profile in ("alone", "pooled")
        ),
        *(Plan("balanced", calls, profile="known") for calls in (16, 32, 60, 120)),
        Plan("balanced", 60, both=True),
    ]


def worlds() -> list[tuple[str, World, list[Plan]]]:
    """Everything that is simulated: (name of the setting, judge, plans)."""
    duel = [Plan("single_elimination", both=True), Plan("balanced"), Plan("active")]
    seeded = [Plan("single_elimination", both=True), Plan("balanced", 32), Plan("active", 32),
              Plan("balanced", 32, profile="pooled"), Plan("active", 32, profile="pooled"),
              Plan("balanced", 60)]  # fmt: skip
    cases = [("standard", World(kind), standard_plans()) for kind in KINDS]
    cases += [("seeds .6", World(kind, seed_correlation=0.6), seeded) for kind in KINDS]
    cases += [("seeds 0", World("probability", seed_correlation=0.0), seeded)]
    for kind in KINDS:
        cases += [(f"bias {b}", World(kind, bias=b), duel) for b in (0.0, 1.5, 3.0)]
        cases += [(f"pair effect {u}", World(kind, pair_effect=u), duel) for u in (0.0, 1.2)]
        cases += [(f"failures {f}", World(kind, failing=f), duel) for f in (0.05, 0.2)]
        cases += [(f"n {n}", World(kind, n=n), duel) for n in (3, 4, 6, 8, 32)]
    return [*cases, *((f"ties {t}", World("binary", tie=t), duel) for t in (0.5, 1.0))]


KINDS = ("graded", "probability", "binary")


def recorded(groups: list[Recorded], plan: Plan, truth: str, repeats: int, profiles) -> FloatArray:
    """Tau-a of each group under one plan; `repeats` votes are averaged a call."""
    taus = []
    for g, group in enumerate(groups):
        compare = group.judge(g)
        if repeats > 1:
            compare = at_once(compare, repeats)
        options = plan.options(g, profiles.get(group.cluster))
        result = asyncio.run(rank(group.n, compare, **options))
        own = result.ranks if plan.method in OWN_RULE else [-(s or 0.0) for s in result.strengths]
        value = -np.array([math.nan if v is None else v for v in own], dtype=float)
        taus.append(kendall(value, group.truths[truth], ties=False))
    return np.array(taus)


def cluster_interval(values: FloatArray, clusters: list[str]) -> tuple[float, float, float]:
    """Mean and 95 % interval, clusters resampled."""
    names = sorted(set(clusters))
    means = np.array([values[[c == name for c in clusters]].mean() for name in names])
    draws = np.random.default_rng(0).choice(means, (10_000, len(means))).mean(1)
    low, high = np.quantile(draws, [0.025, 0.975])
    return float(means.mean()), float(low), float(high)


def people(per_topic: int, rows: list[dict[str, object]]) -> None:
    """UKPConvArg1: the paired difference to single elimination, topics resampled."""
    folder = DATA / "ukpconvarg1"
    if not folder.exists():
        print(f"\nUKPConvArg1 is not at {folder}: skipped")
        return
    groups = list(ukpconvarg(folder, per_topic))
    clusters = [group.cluster for group in groups]
    profiles = {}
    for topic in sorted(set(clusters)):
        others = [g for g in groups if g.cluster != topic][:: max(len(groups) // 60, 1)]
        pool = []
        for k, other in enumerate(others):
            game = asyncio.run(rank(other.n, other.judge(10_000 + k), budget=60))
            pool.append((other.n, game.comparisons))
        fitted = fit_profile(pool)
        profiles[topic] = replace(fitted, order_effect=0.0)
    print(f"\n== UKPConvArg1: {len(groups)} subgroups of 16, {len(profiles)} topics, tau-a")
    bases = {30: (Plan("single_elimination"), 1), 60: (Plan("single_elimination", both=True), 1),
             120: (Plan("single_elimination", both=True), 2)}  # fmt: skip
    for truth in ("rank", "majority"):
        for calls, (base, repeats) in bases.items():
            reference = recorded(groups, base, truth, repeats, {})
            options = [(base, {}, reference)]
            for method in ("balanced", "active"):
                options += [(Plan(method, calls), {}, None)]
                options += [(Plan(method, calls, profile="pooled"), profiles, None)]
            for plan, pool, values in options:
                values = recorded(groups, plan, truth, 1, pool) if values is None else values
                mean, low, high = cluster_interval(values, clusters)
                gain, least, most = cluster_interval(values - reference, clusters)
                print(f"{truth:9s} {calls:4d} {plan.label:28s} {mean:.3f} [{low:.3f}, {high:.3f}]"
                      f"  minus single elimination {gain:+.3f} [{least:+.3f}, {most:+.3f}]",
                      flush=True)  # fmt: skip
                rows.append({"suite": "ukpconvarg1", "judge": truth, "n": 16, "calls": calls,
                             "setting": f"{gain:+.4f} [{least:+.4f}, {most:+.4f}]",
                             "method": plan.label, "groups": len(groups), "tau": round(mean, 4),
                             "tau_ci": round((high - low) / 2, 4)})  # fmt: skip


def summaries(rows: list[dict[str, object]]) -> None:
    """SummEval: expert scores of one aspect a call."""
    folder = DATA / "summeval"
    if not folder.exists():
        print(f"\nSummEval is not at {folder}: skipped")
        return
    groups = list(summeval(folder))
    print(f"\n== SummEval: {len(groups)} articles of 16 summaries, tau-b")
    plans = [Plan("single_elimination", both=True), Plan("round_robin")]
    plans += [Plan(method, calls) for method in ("balanced", "active") for calls in (32, 60)]
    for plan in plans:
        tally = Tally()
        for g, group in enumerate(groups):
            result = asyncio.run(rank(group.n, group.judge(g), **plan.options(g, None)))
            tally.add(result, group.truths["mean"], None, ties=True)
        report(rows, "summeval", "experts", 16, "one aspect a call", plan, tally)


def report(rows, suite, judge, n, setting, plan, tally) -> None:
    row: dict[str, object] = {"suite": suite, "judge": judge, "n": n, "setting": setting,
                              "method": plan.label, **tally.row()}  # fmt: skip
    rows.append(row)
    cover = f" cover {row['coverage']:.3f}" if row["coverage"] != "" else ""
    print(f"{judge:12s} {setting:16s} {plan.label:26s} calls {row['calls']:6}"
          f" depth {row['depth']:5} tau {row['tau']:.3f}+-{row['tau_ci']:.3f}"
          f" adv {row['advantage']:.3f}+-{row['advantage_ci']:.3f}"
          f" top1 {row['top1']:.2f}+-{row['top1_ci']:.2f}{cover} ece {row['ece']:.3f}",
          flush=True)  # fmt: skip


GOALS = [  # judge, setting, method, calls, range of tau, or least gain over elimination
    ("graded", "standard", "single_elimination both", 60, (0.63, 0.69), None),
    ("graded", "standard", "balanced", 60, (0.755, 1.0), None),
    ("graded", "standard", "balanced", 32, (0.68, 1.0), None),
    ("probability", "standard", "single_elimination both", 60, (0.59, 0.63), None),
    ("probability", "standard", "balanced", 60, (0.725, 1.0), None),
    ("probability", "standard", "balanced", 32, (0.63, 1.0), None),
    ("probability", "seeds .6", "balanced", 32, (0.66, 1.0), None),
    ("binary", "standard", "balanced", 60, None, 0.07),
    ("binary", "standard", "active", 60, None, 0.07),
    ("binary", "bias 1.5", "balanced", 60, None, 0.07),
    ("binary", "bias 1.5", "active", 60, None, 0.07),
]


def goals(rows: list[dict[str, object]]) -> None:
    """What the standard simulations should show, beside what they did."""
    found = {(r["judge"], r["setting"], r["method"], r["calls"]): r for r in rows}
    print("\n== Goals")
    for judge, setting, method, calls, wanted, gain in GOALS:
        row = found[judge, setting, method, float(calls)]
        tau = float(row["tau"])
        if wanted is not None:
            met, text = wanted[0] <= tau <= wanted[1], f"tau in {wanted}"
        else:
            base = float(found[judge, setting, "single_elimination both", 60.0]["tau"])
            met, text = tau - base >= gain, f"single elimination {base:.3f} + {gain}"
        print(f"{'met' if met else 'MISSED':7s}{judge:12s} {setting:9s} {method:24s} {calls:4d}"
              f"  tau {tau:.3f}+-{row['tau_ci']:.3f}  wanted {text}")  # fmt: skip
    standard = [r for r in rows if r["setting"] == "standard" and r["method"] in
                ("balanced", "active", "balanced pooled", "active pooled")]  # fmt: skip
    for row in standard:
        if not (0.85 <= row["coverage"] <= 0.95 and row["ece"] <= 0.02):
            print(f"MISSED {row['judge']} {row['method']} {row['calls']}: coverage "
                  f"{row['coverage']}, ece {row['ece']}")  # fmt: skip


def speed() -> None:
    """Comparisons a second of the whole coroutine, instant compare, processor time of one core."""
    print("\n== Speed: 1,000 groups of 16, answers looked up")
    for kind in KINDS:
        tables = [answers(World(kind), g) for g in range(50)]
        profile = World(kind).known()
        for plan, given in [
            (Plan("single_elimination", both=True), None),
            (Plan("balanced"), None),
            (Plan("active"), None),
            (Plan("balanced", name="balanced pooled"), profile),
            (Plan("active", name="active pooled"), profile),
        ]:
            asyncio.run(spin(tables, plan, given, 100))
            start = time.process_time()
            calls = asyncio.run(spin(tables, plan, given, 1000))
            seconds = time.process_time() - start
            print(f"{kind:12s} {plan.label:24s} {calls / seconds:10,.0f} comparisons/s", flush=True)
    for kind in KINDS:
        world = World(kind, n=64)
        table = answers(world, 0)
        told = asyncio.run(rank(64, look_up(table), budget=500)).comparisons
        for name, profile in (("alone", None), ("pooled", world.known())):
            start = time.process_time()
            for _ in range(20):
                strengths(64, told, profile=profile)
            seconds = (time.process_time() - start) / 20
            print(f"{kind:12s} joint fit N = 64, 500 calls, {name:8s} {1000 * seconds:6.2f} ms")


def answers(world: World, seed: int) -> dict[tuple[int, int], Comparison]:
    _, compare, _ = world.group(seed)
    pairs = [(i, j) for i in range(world.n) for j in range(world.n) if i != j]
    return dict(zip(pairs, asyncio.run(compare(pairs)), strict=True))


def look_up(table):
    async def compare(pairs):
        return [table[pair] for pair in pairs]

    return compare


async def spin(tables, plan: Plan, profile, groups: int) -> int:
    calls = 0
    for g in range(groups):
        compare = look_up(tables[g % len(tables)])
        calls += (await rank(16, compare, **plan.options(g, profile))).calls
    return calls


def plot(rows: list[dict[str, object]], path: Path) -> None:
    """Tau against calls, one panel a judge."""
    try:
        from matplotlib import pyplot
    except ImportError:
        print("matplotlib is not installed: no plot (pip install matplotlib)")
        return
    figure, panels = pyplot.subplots(1, len(KINDS), figsize=(15, 5), sharey=True)
    for panel, kind in zip(panels, KINDS, strict=True):
        mine = [r for r in rows if (r["suite"], r["judge"], r["setting"]) ==
                ("simulation", kind, "standard")]  # fmt: skip
        labels = [m for m in dict.fromkeys(r["method"] for r in mine) if "known" not in m]
        for k, label in enumerate(labels):
            some = [r for r in mine if r["method"] == label]
            panel.errorbar([r["calls"] for r in some], [r["tau"] for r in some],
                           [r["tau_ci"] for r in some], marker="osv^D"[k % 5], label=label,
                           color=pyplot.cm.tab20(k), alpha=0.8)  # fmt: skip
        panel.set(title=f"{kind} judge, N = 16", xlabel="calls", xscale="log")
        panel.set_xticks([16, 32, 60, 120, 240], ["16", "32", "60", "120", "240"])
        panel.minorticks_off()
        panel.grid(alpha=0.3)
    panels[0].set_ylabel("Kendall tau with the truth")
    panels[-1].legend(fontsize=8, loc="center left", bbox_to_anchor=(1.0, 0.5))
    figure.tight_layout()
    figure.savefig(path, dpi=120)
    print(f"plot: {path}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--groups", type=int, default=500)
    parser.add_argument("--per-topic", type=int, default=30)
    parser.add_argument("--only", choices=["simulation", "people", "speed"])
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    if options.only in (None, "simulation"):
        print(f"== Simulated judges, {options.groups} groups")
        for setting, world, plans in worlds():
            for plan in plans:
                tally = simulate(world, plan, options.groups)
                report(rows, "simulation", world.kind, world.n, setting, plan, tally)
        goals(rows)
    if options.only in (None, "people"):
        people(options.per_topic, rows)
        summaries(rows)
    if options.only in (None, "speed"):
        speed()
    if rows:
        options.out.mkdir(parents=True, exist_ok=True)
        with (options.out / "results.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, restval="")
            writer.writeheader()
            writer.writerows(rows)
        print(f"table: {options.out / 'results.csv'}")
        plot(rows, options.out / "accuracy.png")


if __name__ == "__main__":
    main()
