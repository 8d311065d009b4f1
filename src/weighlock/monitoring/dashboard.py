"""What the dashboard shows: `python -m weighlock.monitoring.dashboard` writes it for Grafana.

Every series here is one that the service, the watch or the rules beside the dashboard make; tests hold them to it.
"""

from __future__ import annotations

from pathlib import Path

from weighlock.files import to_json, write_text
from weighlock.monitoring.dashboard_grafana import (
    AMBER,
    GREEN,
    GREY,
    LIMIT,
    RED,
    Choice,
    Dashboard,
    Mark,
    Panel,
    Query,
    Row,
    Step,
    to_grafana,
)

PATH = Path("monitoring/grafana/dashboards/weighlock.json")
ENVIRONMENT = 'environment=~"$environment"'
HERE = f'{ENVIRONMENT},variant=~"$variant"'
WHOSE = "{{environment}} {{variant}}"
FIRING = f'ALERTS{{alertname=~"Weighlock.*",alertname!="WeighlockWatchdog",alertstate="firing",{ENVIRONMENT}}}'
# A rate needs four scrapes; Grafana knows how far apart they are.
WINDOW = "$__rate_interval"
VERDICTS = ((0, "OK", GREEN), (1, "WARN", AMBER), (2, "RETRAIN", "yellow"), (3, "BROKEN", RED), (4, "UNKNOWN", GREY))
# The state set as one number: the index of the verdict that is 1.
VERDICT = " or ".join(
    f'{index} * (max by (environment) (weighlock_watch_verdict{{{ENVIRONMENT},verdict="{name}"}}) == 1)'
    for index, name, _ in VERDICTS
)


def limit(of: str, text: str) -> Query:
    """The line above which an alarm fires."""
    return Query(f'weighlock:limit{{of="{of}"}}', f"{LIMIT}: {text}")


def dashboard() -> Dashboard:
    """The one page: from "is it well?" at the top to which model runs where at the bottom."""
    rows = (glance(), traffic(), errors(), latency(), scores(), flags(), drift(), labels(), versions())
    appeared = (
        f"count by (environment, variant, version) (weighlock_model_info{{{HERE}}})"
        f" unless count by (environment, variant, version) (weighlock_model_info{{{HERE}}} offset 2m)"
    )
    return Dashboard(
        uid="weighlock",
        title="Weighlock",
        about="A model in production: what it is asked, how it answers, whether its data are still what it learned.",
        rows=rows,
        choices=(
            Choice("environment", "Environment", 'label_values(up{job="weighlock"}, environment)'),
            Choice("variant", "Variant", f'label_values(up{{job="weighlock",{ENVIRONMENT}}}, variant)'),
        ),
        marks=(
            Mark("New model", appeared, "{{environment}} {{variant}}: {{version}}", "blue"),
            Mark("Alarms", FIRING, "{{alertname}} {{environment}} {{variant}}", RED),
        ),
        tags=("weighlock", "model"),
    )


def glance() -> Row:
    """What an on-call engineer looks at first."""
    return Row(
        "Is it well?",
        (
            Panel("stat", "Alarms", "That fire now.",
                  [Query(f"count({FIRING}) or vector(0)")],
                  width=3, height=4, steps=(Step(None, GREEN), Step(1, RED))),
            Panel("stat", "Instances up", "Of those that Prometheus knows.",
                  [Query(f'sum(up{{job="weighlock",{HERE}}}) / count(up{{job="weighlock",{HERE}}})')],
                  "percentunit", 3, 4, (Step(None, RED), Step(0.5, AMBER), Step(1, GREEN))),
            Panel("stat", "Rows a second", "Predictions answered, over five minutes.",
                  [Query(f"sum(variant:weighlock_rows:rate5m{{{HERE}}})")], "short", 3, 4),
            Panel("stat", "Burn", "How many times faster than allowed an objective's budget is spent, over the "
                  "last hour; at 14.4 it pages.",
                  [Query(f"max by (slo) (variant:weighlock_burn:rate1h{{{HERE}}})", "{{slo}}")],
                  "none", 5, 4, (Step(None, GREEN), Step(1, AMBER), Step(6, RED))),
            Panel("stat", "p99", "99 of 100 predictions are answered within this time.",
                  [Query(f"max(variant:weighlock_request_seconds:p99_5m{{{HERE}}})")],
                  "s", 3, 4, (Step(None, GREEN), Step(0.1, AMBER), Step(0.25, RED))),
            Panel("stat", "Data", "What the newest `weighlock watch` came to.", [Query(VERDICT, "{{environment}}")],
                  "none", 4, 4, names=VERDICTS),
            Panel("stat", "Outcomes behind", "Age of the newest prediction whose outcome is known.",
                  [Query(f"max(environment:weighlock_label_lag:seconds{{{ENVIRONMENT}}})")], "s", 3, 4),
        ),
    )  # fmt: skip


def traffic() -> Row:
    """How much is asked, of whom, and how much it has to do at once."""
    return Row(
        "Traffic",
        (
            Panel("timeseries", "Rows a second", "Predictions by variant.",
                  [Query(f"sum by (environment, variant) (rate(weighlock_rows_total{{{HERE}}}[{WINDOW}]))", WHOSE)]),
            Panel("timeseries", "Requests a second, by endpoint", "Everything that was answered, whatever the status.",
                  [Query(f"sum by (endpoint) (rate(weighlock_requests_total{{{HERE}}}[{WINDOW}]))", "{{endpoint}}")],
                  "reqps", stacked=True),
            Panel("timeseries", "Scored at the same moment", "Rows that one call of the model scored (mean), and "
                  "requests that were under way when it was looked.",
                  [Query(f"sum by (environment, variant) (rate(weighlock_batch_rows_sum{{{HERE}}}[{WINDOW}]))"
                         f" / sum by (environment, variant) (rate(weighlock_batch_rows_count{{{HERE}}}[{WINDOW}]))",
                         f"{WHOSE} rows a call"),
                   Query(f"sum by (environment, variant) (weighlock_in_progress{{{HERE}}})", f"{WHOSE} under way")]),
        ),
    )  # fmt: skip


def errors() -> Row:
    """What went wrong, whose fault it was, and how long that may go on."""
    requests = f'weighlock_requests_total{{{HERE},status!="200"}}'
    return Row(
        "Errors",
        (
            Panel("timeseries", "Answers other than 200", "5xx and 429 are the service's, the other 4xx the client's.",
                  [Query(f"sum by (status) (rate({requests}[{WINDOW}]))", "{{status}}")], "reqps", stacked=True),
            Panel("timeseries", "Budget burn, over an hour", "1 spends the month's budget in exactly a month. The "
                  "lines: what pages within the hour, and within six.",
                  [Query(f"variant:weighlock_burn:rate1h{{{HERE}}}", f"{WHOSE} {{{{slo}}}}"),
                   Query("vector(14.4)", f"{LIMIT}: pages"), Query("vector(6)", f"{LIMIT}: pages, when it lasts")]),
            Panel("timeseries", "Rows that could not be logged", "A full or read-only disk; by `serve.on_log_failure` "
                  "these requests were refused, or answered unlogged.",
                  [Query(f"sum by (instance) (increase(weighlock_log_failures_total{{{HERE}}}[{WINDOW}]))",
                         "{{instance}}")]),
        ),
    )  # fmt: skip


def latency() -> Row:
    """How long answers take, all of them, and whether workers keep up."""
    bucket = f'weighlock_request_seconds_bucket{{{HERE},endpoint="predict"}}'
    lag = f"instance:weighlock_event_loop_lag_seconds:p99_5m{{{HERE}}}"
    quantiles = [
        Query(f"histogram_quantile({q}, sum by (le) (rate({bucket}[{WINDOW}])))", f"p{int(q * 100)}")
        for q in (0.5, 0.9, 0.99)
    ]
    return Row(
        "Latency",
        (
            Panel("heatmap", "Time to answer /v1/predict", "A column is a moment, a cell how many took that long.",
                  [Query(f"sum by (le) (increase({bucket}[{WINDOW}]))", "{{le}}")], "s", 12, 9),
            Panel("timeseries", "Percentiles", "Of /v1/predict, all chosen variants together.",
                  [*quantiles, limit("p99_seconds", "p99")], "s", 6, 9),
            Panel("timeseries", "How late workers wake up", "99th percentile by instance: above the line they have "
                  "more to do than they can.", [Query(lag, "{{instance}}"), limit("lag_seconds", "stalls")], "s", 6, 9),
        ),
    )  # fmt: skip


def scores() -> Row:
    """What the model says."""
    bucket = f"weighlock_score_bucket{{{HERE}}}"
    return Row(
        "Scores",
        (
            Panel("heatmap", "Scores", "A column is a moment, a cell how many rows scored that high.",
                  [Query(f"sum by (le) (increase({bucket}[{WINDOW}]))", "{{le}}")], "none", 12, 9),
            Panel("timeseries", "Mean score", "By variant and model; two variants of one population should agree.",
                  [Query(f"sum by (variant, model_version) (rate(weighlock_score_sum{{{HERE}}}[{WINDOW}]))"
                         f" / sum by (variant, model_version) (rate(weighlock_score_count{{{HERE}}}[{WINDOW}]))",
                         "{{variant}} {{model_version}}")], "none", 6, 9),
            Panel("timeseries", "Labels given", "Share of rows by the label that the threshold gave them.",
                  [Query(f"sum by (variant, label) (rate(weighlock_labels_total{{{HERE}}}[{WINDOW}]))"
                         " / ignoring (label) group_left ()"
                         f" sum by (variant) (rate(weighlock_labels_total{{{HERE}}}[{WINDOW}]))",
                         "{{variant}} {{label}}")], "percentunit", 6, 9, top=1.0),
        ),
    )  # fmt: skip


def flags() -> Row:
    """What came in that training never saw."""
    ratio = f"variant:weighlock_flagged:ratio_rate30m{{{HERE}}}"
    return Row(
        "Flags",
        (
            Panel("timeseries", "Flagged rows, by field", "Share of rows of half an hour in which the field is out of "
                  "range or a category is unseen; the ten worst.",
                  [Query(f"topk(10, {ratio} > 0)", "{{variant}} {{field}} ({{flag}})"), limit("flagged", "alarm")],
                  "percentunit", 16),
            Panel("bargauge", "Now", "The same, now.",
                  [Query(f"sort_desc(topk(10, max by (field, flag) ({ratio})))", "{{field}} ({{flag}})")],
                  "percentunit", 8, steps=(Step(None, GREEN), Step(0.01, AMBER), Step(0.1, RED)), top=1.0),
        ),
    )  # fmt: skip


def drift() -> Row:
    """What `weighlock watch` found out."""
    ratio = f"max by (environment, column) (weighlock_watch_drift_ratio{{{ENVIRONMENT}}})"
    return Row(
        "Drift",
        (
            Panel("state-timeline", "Verdict", "Of the newest watch at each moment.",
                  [Query(VERDICT, "{{environment}}")], "none", 8, names=VERDICTS),
            Panel("timeseries", "Distance from the reference", "As a share of the calibrated threshold: above 1 the "
                  "column drifts. The ten farthest.", [Query(f"topk(10, {ratio})", "{{environment}} {{column}}"),
                                                Query("vector(1)", f"{LIMIT}: drifts")], "none", 8),
            Panel("bargauge", "Now", "The same, now.", [Query(f"sort_desc(topk(10, {ratio}))", "{{column}}")],
                  "none", 4, steps=(Step(None, GREEN), Step(0.8, AMBER), Step(1, RED)), top=2.0),
            Panel("timeseries", "Time since the watch", "A daily job: a saw whose teeth grow is a job that fails.",
                  [Query(f"time() - max by (environment) (weighlock_watch_time_seconds{{{ENVIRONMENT}}})",
                         "{{environment}}"), limit("watch_age_seconds", "alarm")], "s", 4),
        ),
    )  # fmt: skip


def labels() -> Row:
    """What is known of the outcomes."""
    return Row(
        "Labels",
        (
            Panel("timeseries", "How far outcomes are behind", "Age of the newest prediction whose outcome is known.",
                  [Query(f"environment:weighlock_label_lag:seconds{{{ENVIRONMENT}}}", "{{environment}}"),
                   limit("label_lag_seconds", "alarm")], "s"),
            Panel("timeseries", "Outcomes told to the service", "Rows a second by `/v1/feedback`; files and tables "
                  "that `weighlock label` reads do not pass here.",
                  [Query(f"sum by (environment, variant) (rate(weighlock_feedback_total{{{HERE}}}[{WINDOW}]))",
                         WHOSE)]),
            Panel("timeseries", "Predictions in the watch's window", "What the verdict rests on.",
                  [Query(f"max by (environment) (weighlock_watch_rows{{{ENVIRONMENT}}})", "{{environment}}")]),
        ),
    )  # fmt: skip


def versions() -> Row:
    """Which model runs where."""
    about = f"count by (environment, variant, name, version, digest) (weighlock_model_info{{{HERE}}})"
    return Row(
        "Versions",
        (
            Panel("table", "Which model answers", "One line a model; two in one variant are a rollout, or a fault.",
                  [Query(about)], "none", 12),
            Panel("timeseries", "Instances by version", "A rollout is one going up as another goes down.",
                  [Query(f"count by (variant, version) (weighlock_model_info{{{HERE}}})", "{{variant}} {{version}}")],
                  width=6, stacked=True),
            Panel("timeseries", "Workers alive", "By instance; who is lost is replaced within seconds.",
                  [Query(f"weighlock_workers{{{HERE}}}", "{{instance}}")], width=6),
        ),
    )  # fmt: skip


def as_json() -> str:
    """The file's text."""
    return to_json(to_grafana(dashboard()))


if __name__ == "__main__":
    PATH.parent.mkdir(parents=True, exist_ok=True)
    write_text(PATH, as_json())
