"""The page of an evaluation: the verdict first, then plots, tables, what is shown most, and what the numbers mean."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from honeyguide.cli.report.charts import Curve, Mark, Point, bars, curves, decimal, dots, percent, scatter
from honeyguide.cli.report.svg import Markup, joined, tag
from honeyguide.cli.report.words import MEANINGS, NAMES
from honeyguide.models.popular import Popular
from honeyguide.train.evaluation import EvaluationReport, GroupFigures, ModelFigures

_COLOURS: Final = 9  # c0 is the best model's, c9 popularity's
_STYLE: Final = Path(__file__).with_name("style.css")
_POLICY: Final = "default-src 'none'; style-src 'unsafe-inline'"


def page(found: EvaluationReport, *, project: str, made: datetime) -> str:
    """The report as one HTML file. Whatever comes from data (titles, ids, names) is escaped."""
    return "<!doctype html>\n" + _Page(found, project, made).html()


class _Page:
    """One evaluation, and the colour of each model on it."""

    def __init__(self, found: EvaluationReport, project: str, made: datetime) -> None:
        self._found, self._project, self._made = found, project, made
        self._models = [model for model in found.models if not model.failed]
        others = [model.name for model in self._models if model.name not in (found.best, Popular.name)]
        self._colours = {name: f"c{1 + place % (_COLOURS - 1)}" for place, name in enumerate(others)}
        self._colours |= {Popular.name: "c9", found.best: "c0"}

    def html(self) -> str:
        """The whole document."""
        title = f"{self._project}: evaluation"
        head = tag(
            "head",
            Markup('<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'),
            Markup(f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'),
            tag("title", title),
            tag("style", Markup(_STYLE.read_text(encoding="utf-8"))),
        )
        parts = (self._top(), self._accuracy(), self._breadth(), self._groups(), self._table(), self._shown(), self._words())
        return tag("html", head, tag("body", tag("main", *parts, self._foot())), lang="en")

    def _top(self) -> Markup:
        found = self._found
        first, last = (datetime.fromtimestamp(ms / 1000, UTC).strftime("%d %b %Y") for ms in found.window)
        facts = [
            ("users asked", f"{found.asked:,}", ""),
            ("items to find", f"{found.held_out:,}", ""),
            ("interactions", f"{found.interactions:,}", ""),
            ("users", f"{found.users:,}", ""),
            ("items", f"{found.items:,}", ""),
            ("from", first, "small"),
            ("to", last, "small"),
        ]
        return joined(
            tag("p", f"{self._project} · evaluation of {self._made:%d %b %Y, %H:%M} UTC", class_="kicker"),
            tag("h1", self._headline()),
            tag("p", self._verdict(), class_="lead"),
            tag("dl", *(tag("div", tag("dt", n), tag("dd", v), class_=c or None) for n, v, c in facts), class_="facts"),
        )

    def _headline(self) -> str:
        found = self._found
        second = self._models[1] if len(self._models) > 1 else None
        if second is None or second.behind is None or second.behind[2] < 0:
            return f"{found.best} makes the best lists of {found.k}"
        return f"{found.best} leads with lists of {found.k}, {second.name} is as good within chance"

    def _verdict(self) -> str:
        found, best = self._found, self._models[0]
        split = f"{found.about[0].upper()}{found.about[1:]}, and all items are ranked."
        told = f"Its {NAMES[found.metric]} is {decimal(_main(found, best)[0])}."
        if len(self._models) < 2 or self._models[1].behind is None:
            return f"{told} {split}"
        mean, low, high = self._models[1].behind
        sure = (
            f"beyond chance: 95 % of resamples say {-high:.4f} to {-low:.4f}"
            if high < 0
            else "but chance alone may make such a difference: more users would tell"
        )
        return f"{told} That is {-mean:.4f} more than {self._models[1].name} has, {sure}. {split}"

    def _accuracy(self) -> Markup:
        return _section(
            "How well they do",
            "Bars are lists as they are served, with the rules of the surface; lines are 95 % intervals over users. Rings "
            "are the models' own order of all items, without these rules.",
            tag("div", *(self._bars(name) for name in ("ndcg", "recall", "hit_rate", "mrr")), class_="grid"),
        )

    def _bars(self, name: str) -> Markup:
        k = self._found.k
        marks = [self._mark(model, model.metrics, f"{name}@{k}", ring=True) for model in self._models]
        return _card(f"{NAMES[name]}@{k}", MEANINGS[name], bars(marks, f"{NAMES[name]} at {k} of each model"))

    def _mark(self, model: ModelFigures, metrics: Mapping[str, Any], name: str, *, ring: bool = False) -> Mark:
        low, high = metrics[f"served_{name}_interval"]
        other = metrics[name] if ring else None
        return Mark(model.name, self._colours[model.name], metrics[f"served_{name}"], low, high, other)

    def _breadth(self) -> Markup:
        found, metric = self._found, f"{self._found.metric}@{self._found.k}"
        points = []
        for model in self._models:
            mark = self._mark(model, model.metrics, metric)
            shown = model.metrics[f"served_coverage@{found.k}"]
            points.append(Point(model.name, mark.colour, shown, mark.mean, mark.low, mark.high))
        series = [Curve(model.name, self._colours[model.name], model.curve["recall"]) for model in self._models]
        name = f"{NAMES[found.metric]}@{found.k}"
        return _section(
            "What it costs to be right",
            "A model may win by showing everybody the same few items, or only with very long lists.",
            tag(
                "div",
                _card(
                    "Accuracy and coverage",
                    "Higher is more accurate, further right shows more of the catalogue. Up and right is better.",
                    scatter(points, f"{name} over coverage", "share of the catalogue that is ever shown", name),
                ),
                _card(
                    "Recall over the length of lists",
                    "How much of what users chose next is found as lists grow.",
                    curves(series, "Recall over the length of lists", "items in the list", "recall"),
                ),
                class_="grid",
            ),
        )

    def _groups(self) -> Markup:
        found, metric = self._found, f"{self._found.metric}@{self._found.k}"
        people = [group for group in found.groups if group.name.endswith("users")]
        top = max((self._top_of(group, metric) for group in people), default=0.0)
        users = [self._group(group, metric, top) for group in people]
        items = [self._group(group, metric, self._top_of(group, metric)) for group in found.groups if group not in people]
        return _section(
            "For whom, and for which items",
            f"{NAMES[found.metric]}@{found.k} as served. New users are the quarter with the shortest pasts, heavy users the "
            "quarter with the longest, all on one scale. Head items are the few that make up 80 % of all choices, tail "
            "items all others; each has a scale of its own.",
            tag("div", *users, class_="grid three"),
            tag("div", *items, class_="grid more"),
        )

    def _group(self, group: GroupFigures, metric: str, top: float) -> Markup:
        marks = [self._mark(model, model.groups[group.name], metric) for model in self._models]
        wide = 300 if group.name.endswith("users") else 460
        chart = dots(marks, f"{metric} of {group.name}", top, width=wide)
        return _card(_capital(group.name), f"{group.users:,} asked; {group.about}", chart)

    def _top_of(self, group: GroupFigures, metric: str) -> float:
        return float(max(model.groups[group.name][f"served_{metric}_interval"][1] for model in self._models))

    def _table(self) -> Markup:
        found = self._found
        more = [k for k in found.ks if k != found.k]
        details = [
            *(tag("details", tag("summary", f"Lists of {k}"), self._figures(k, "served_")) for k in more),
            tag("details", tag("summary", f"The models' own order, lists of {found.k}"), self._figures(found.k, "")),
            tag("details", tag("summary", "Hyper-parameters"), self._params()),
        ]
        failed = [tag("p", f"{model.name} was left out: {model.failed}") for model in found.models if model.failed]
        return _section(
            "All figures",
            f"Lists of {found.k} as served; the best of each is bold.",
            self._figures(found.k, "served_"),
            *details,
            *failed,
        )

    def _figures(self, k: int, before: str) -> Markup:
        names = [name for name in NAMES if any(f"{before}{name}@{k}" in model.metrics for model in self._models)]
        best = {
            name: max(model.metrics.get(f"{before}{name}@{k}", -1.0) for model in self._models)
            for name in names
            if name != "popularity_lift"
        }
        head = tag(
            "tr", tag("th", "model"), *(tag("th", NAMES[name], title=MEANINGS[name]) for name in names), tag("th", "fit")
        )
        rows = []
        for model in self._models:
            cells = [_cell(name, model.metrics.get(f"{before}{name}@{k}"), best.get(name)) for name in names]
            swatch = tag("span", class_=f"swatch {self._colours[model.name]}")
            rows.append(tag("tr", tag("td", swatch, model.name), *cells, tag("td", f"{model.fit_seconds:.1f} s")))
        return tag("div", tag("table", tag("thead", head), tag("tbody", *rows)), class_="scroll")

    def _params(self) -> Markup:
        told = [(m.name, ", ".join(f"{key} = {value}" for key, value in m.params.items())) for m in self._models if m.params]
        return tag("dl", *(tag(*part) for name, words in told for part in (("dt", name), ("dd", words))), class_="words")

    def _shown(self) -> Markup:
        cards = [
            tag("div", tag("h3", model.name), self._most(model), class_="card") for model in self._models if model.shown
        ]
        return _section(
            "What is shown most",
            f"The items that stand in most lists of {self._found.k}, and in what share of them.",
            tag("div", *cards, class_="grid three"),
        )

    def _most(self, model: ModelFigures) -> Markup:
        rows = [
            tag(
                "li",
                tag("span", title or item_id),
                tag("b", percent(share)),
                tag("i", style=f"width:{share:.1%}"),
                class_=self._colours[model.name],
            )
            for item_id, title, share in model.shown
        ]
        return tag("ol", *rows, class_="shown")

    def _words(self) -> Markup:
        names = [name for name in NAMES if any(f"served_{name}@{self._found.k}" in model.metrics for model in self._models)]
        pairs = [part for name in names for part in (tag("dt", NAMES[name]), tag("dd", MEANINGS[name]))]
        return _section("What the numbers mean", "", tag("dl", *pairs, class_="words"))

    def _foot(self) -> Markup:
        found = self._found
        return tag(
            "footer",
            f"Split “{found.split}”: {found.about}. Items that a user knows already are never ranked, no negatives are "
            f"sampled. Intervals: 1,000 resamples of the users. Log position {found.position:,}; {found.seconds:.1f} s. "
            "Made by honeyguide.",
        )


def _main(found: EvaluationReport, model: ModelFigures) -> tuple[float, float, float]:
    name = f"served_{found.metric}@{found.k}"
    return (model.metrics[name], *model.metrics[f"{name}_interval"])


def _section(title: str, why: str, *parts: object) -> Markup:
    about = [tag("p", why, class_="why")] if why else []
    return tag("section", tag("h2", title), *about, *parts)


def _card(title: str, about: str, chart: Markup) -> Markup:
    return tag("div", tag("h3", title), tag("p", about), chart, class_="card")


def _cell(name: str, value: float | None, best: float | None) -> Markup:
    if value is None:
        return tag("td", "")
    if name in ("novelty", "popularity_lift"):
        told = f"{value:.1f}" if name == "novelty" else f"{value:+.2f}"
    else:
        told = percent(value) if name == "coverage" else decimal(value)
    return tag("td", told, class_="top" if best is not None and value == best else None)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]
