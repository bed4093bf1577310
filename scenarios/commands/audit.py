"""The command `market-sim audit`: how much does a liar gain, at least, and how much could the audit have found?"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich import box
from rich.markup import escape
from rich.table import Table

from agents.broker.auctions.base import Auction
from agents.broker.auctions.registry import load_auction
from agents.prior import OwnerPrior
from analysis.incentives.audit import audit
from analysis.incentives.results import AT_LEAST, AuditReport, ThreatFindings
from analysis.incentives.settings import AuditSettings
from analysis.incentives.threat_model import threat_models
from scenarios.commands.answer import Answer
from scenarios.commands.check import checks_table
from scenarios.commands.progress import bar

if TYPE_CHECKING:
    from matplotlib.figure import Figure

EACH_FIELD = ("valuation", "privacy-budget", "data-size", "staying-away")
"""Threat models that ``each`` stands for, as far as the auction leaves them open."""


def audit_auction(
    auction: str | Auction,
    prior: OwnerPrior | None = None,
    settings: AuditSettings | None = None,
    *,
    threats: Sequence[str] = (),
    out: Path,
    progress: bool = False,
    **options: Any,
) -> Answer:
    """Audit an auction and write figures, tables and pictures to ``out``.

    Parameters
    ----------
    auction : str or Auction
        A name, a checkpoint's path, or an auction of one's own.
    prior : OwnerPrior, optional
        Where owners and budgets are drawn from; the paper's by default.
    settings : AuditSettings, optional
    threats : list of str
        Names of threat models; ``each`` stands for one at a time, none for the default.
    out : Path
    progress : bool
    **options
        Further arguments of ``analysis.incentives.audit.audit``.
    """
    prior = OwnerPrior() if prior is None else prior
    if not isinstance(auction, Auction):
        auction = load_auction(auction, prior)
    known = [name for name in EACH_FIELD if name in threat_models(auction)]
    named = [name for threat in threats for name in (known if threat == "each" else [threat])]
    with ExitStack() as stack:
        advance: list[Any] = []

        def watch(count: int, total: int, state: str) -> None:
            if count == 0:
                advance.append(stack.enter_context(bar(progress, f"auditing {auction.name}", total)))
            else:
                advance[0](state)

        chosen = list(dict.fromkeys(named)) or None
        report = audit(auction, prior, settings, threats=chosen, out=out, watch=watch, **options)
        try:
            pictures = _save_pictures(report, out)
        except KeyboardInterrupt:
            raise KeyboardInterrupt(f"figures and tables are in {out}, not all pictures") from None
    figures = {**report.figures(), "out": str(out), "pictures": pictures}
    return Answer(figures=figures, summary=_summary(report, out))


def pictures_of(report: AuditReport) -> dict[str, Figure]:
    """The pictures of an audit by file name."""
    from analysis.plots.audit import curves_figure, gains_figure, power_figure

    figures = {}
    for name, findings in report.threats.items():
        title = f"{report.auction}: {name}"
        figures[f"curves-{name}.png"] = curves_figure(findings.curves, title)
        figures[f"gains-{name}.png"] = gains_figure(findings.owners, findings.by_class, title)
    if len(report.controls):
        means = {f"{report.auction}: {name}": _mean(findings.statistics) for name, findings in report.threats.items()}
        figures["power.png"] = power_figure(report.controls, means)
    return figures


def _mean(statistics: Any) -> float:
    return float(statistics["per_own_cost"]["mean"])


def _save_pictures(report: AuditReport, out: Path) -> list[str]:
    pictures = pictures_of(report)
    for name, figure in pictures.items():
        figure.savefig(out / name, dpi=150)
    return sorted(pictures)


def _summary(report: AuditReport, out: Path) -> tuple[Any, ...]:
    parts: list[Any] = [f"[bold]{escape(line)}[/bold]" for line in _verdict(report)]
    parts += [_gains(report), _shares(report), _units(report), _violations(report)]
    parts += [_attackers(name, report) for name in report.threats]
    parts += [_structure(report)]
    if len(report.checks):
        parts.append(checks_table(report.auction, report.checks))
    if len(report.controls):
        parts.append(_controls(report))
    parts += [f"{name}: {findings.threat}" for name, findings in report.threats.items()]
    parts += [report.assumption] if report.assumption else []
    parts += [f"All gains {AT_LEAST}.", f"Figures, tables of owners and pictures: {escape(str(out))}"]
    return tuple(parts)


def _verdict(report: AuditReport) -> list[str]:
    claimed = [name for name, findings in report.threats.items() if findings.claimed and name not in report.untested]
    if not report.ok:
        lines = [f"{report.auction}: REFUTED. What it claims does not hold."]
    elif claimed:
        lines = [f"Nothing that {report.auction} claims was refuted ({', '.join(claimed)}): the largest gain is 0."]
    else:
        lines = [f"{report.auction} claims nothing about the lies that were audited here."]
    for name, findings in report.threats.items():
        lines += _reservations(name, findings)
    if report.refuted:
        lines.append(f"Checks that it failed: {', '.join(report.refuted)}.")
    if report.untested:
        lines.append(f"No lie could be told, so that nothing is known: {', '.join(report.untested)}.")
    if len(report.controls):
        caught = int(report.controls["caught"].sum())
        lines.append(f"Positive controls caught: {caught} of {len(report.controls)}.")
    lines += [f"An attacker could not finish, the others went on: {failure}" for failure in report.failures]
    if not report.agrees:
        lines.append("Price lists predicted gains that running the auction again did not give: they follow own bids.")
    return lines


def _reservations(name: str, findings: ThreatFindings) -> list[str]:
    """What the figures of a threat model do not say: rare gains that were not met, and means of heavy tails."""
    figures, profiles = findings.statistics, findings.statistics["profiles"]
    lines = []
    if not findings.pays and not findings.exactly_0:
        share = f"{figures['gaining']['not_exactly_0']['mean']:.1%}"
        lines.append(f"{name}: no lie paid, but gains are not exactly 0: rounding, for {share} of the owners.")
    if findings.queries and not findings.pays:
        unseen = figures["gaining"]["any"]["high"]
        lines.append(f"{name}: no gain in {profiles:,} profiles; profiles with one may still be {unseen:.1%} of all.")
    for unit in ("per_own_cost", "published_normalisation"):
        if figures[unit]["heavy_tail"]:
            gains = f"gains ({unit.replace('_', ' ')})"
            lines.append(f"{name}: the tail of the {gains} is too heavy for the interval; their mean may be higher.")
    return lines


def _gains(report: AuditReport) -> Table:
    table = _table(
        f"Gain over own cost in {report.auction}, at least",
        *("threat model", "claimed", "lies told", "mean [95 %]", "p95", "p99", "max"),
    )
    for name, findings in report.threats.items():
        own = findings.statistics["per_own_cost"]
        table.add_row(
            name,
            "yes" if findings.claimed else "no",
            f"{int(findings.owners['queries'].sum()):,}",
            _interval(own),
            *(f"{own[key]:.3g}" for key in ("p95", "p99", "max")),
        )
    return table


def _shares(report: AuditReport) -> Table:
    headings = ("threat model", "anything", "over 1 % of own cost", "over 5 %")
    table = _table("Share of the owners who gain, at least [95 %]", *headings)
    for name, findings in report.threats.items():
        gaining = findings.statistics["gaining"]
        table.add_row(name, *(_share(gaining[key]) for key in ("any", "over_0.01", "over_0.05")))
    return table


def _units(report: AuditReport) -> Table:
    table = _table(
        "The same in other units, at least",
        *("threat model", "money, mean", "sum over payments", "published normalisation", "interim, over own cost"),
    )
    for name, findings in report.threats.items():
        figures = findings.statistics
        table.add_row(
            name,
            f"{figures['money']['mean']:.4g}",
            _interval(figures["sum_over_payments"]),
            _interval(figures["published_normalisation"]),
            _interval(findings.interim) if findings.interim else "",
        )
    return table


def _violations(report: AuditReport) -> Table:
    table = _table(
        "Losses and violations",
        *("threat model", "truthful who lose", "money they lose", "overspent", "invalid", "ratios not finite"),
    )
    for name, findings in report.threats.items():
        figures = findings.statistics
        ratios = ("per_own_cost", "published_normalisation", "per_payment")
        rational, spent = figures["individual_rationality"], figures["budget"]
        table.add_row(
            name,
            f"{rational['violation_rate']['mean']:.2%}",
            f"{rational['money_lost']:.3g}",
            str(spent["truthful_profiles_overspent"] + spent["lying_markets_overspent"]),
            f"{figures['invalid_rate']:.2%}",
            str(sum(figures[unit]["not_finite"] for unit in ratios) + int(findings.interim.get("not_finite", 0))),
        )
    return table


def _table(title: str, *headings: str) -> Table:
    """Return a table whose first column is text and whose others are numbers."""
    table = Table(title=title, box=box.SIMPLE_HEAD, pad_edge=False)
    for place, heading in enumerate(headings):
        table.add_column(heading, justify="right" if place else "left", no_wrap=True)
    return table


def _attackers(name: str, report: AuditReport) -> Table:
    findings = report.threats[name]
    title = f"Attackers, {name}; found together grew by {findings.late_growth:.1%} over the last fifth of the queries"
    table = Table(title=title, box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("attacker", "queries", "owners", "found alone", "best for", "note"):
        table.add_column(heading, justify="left" if heading in ("attacker", "note") else "right")
    for row in findings.attackers.to_dict(orient="records"):
        counts = (str(row[key]) for key in ("queries", "owners"))
        table.add_row(row["attacker"], *counts, f"{row['found']:.4g}", str(row["best_for"]), escape(row["note"]))
    return table


def _structure(report: AuditReport) -> Table:
    table = Table(title="Structural tests", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("test", "claim", "holds", "worst", "cases"):
        table.add_column(heading, justify="left" if heading in ("test", "claim") else "right")
    for row in report.structure.to_dict(orient="records"):
        table.add_row(
            row["check"], row["claim"], "yes" if row["holds"] else "NO", f"{row['worst']:.3g}", str(row["tried"])
        )
    return table


def _controls(report: AuditReport) -> Table:
    table = Table(title="Positive controls: what this audit is able to find", box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in ("control", "fields", "caught", "mean gain", "> 1 %", "first caught by", "of the largest gain"):
        table.add_column(heading, justify="left" if heading in ("control", "fields", "first caught by") else "right")
    for row in report.controls.to_dict(orient="records"):
        power = "" if row["power"] != row["power"] else f"{row['power']:.0%}"
        table.add_row(
            row["control"],
            row["fields"],
            "yes" if row["caught"] else "NO",
            f"{row['mean']:.3g}",
            f"{row['over_0.01']:.1%}",
            row["first_caught"],
            power,
        )
    return table


def _share(figures: Any) -> str:
    return escape(f"{figures['mean']:.1%} [{figures['low']:.1%}, {figures['high']:.1%}]")


def _interval(figures: Any) -> str:
    # To rich, "[inf, inf]" would be a style.
    return escape(f"{figures['mean']:.3g} [{figures['low']:.3g}, {figures['high']:.3g}]")
