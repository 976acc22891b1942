"""What was counted, read back from the text that Prometheus scrapes: of one process, or of all that share a port."""

from collections import defaultdict

from prometheus_client.parser import text_string_to_metric_families

from honeyguide.monitoring.merge import PROCESS

Sample = tuple[dict[str, str], float]


class Scraped:
    """Sums over the samples of a scrape."""

    def __init__(self, text: str) -> None:
        self._samples: defaultdict[str, list[Sample]] = defaultdict(list)
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                self._samples[sample.name].append((sample.labels, sample.value))

    def total(self, name: str, **labels: str) -> float:
        """The sum of all samples with these labels; `name` without the prefix."""
        return sum((value for _, value in self._having(name, labels)), 0.0)

    def by(self, label: str, name: str, **labels: str) -> dict[str, float]:
        """The same for each value of a label."""
        sums: defaultdict[str, float] = defaultdict(float)
        for found, value in self._having(name, labels):
            sums[found.get(label, "")] += value
        return dict(sums)

    def processes(self) -> int:
        """How many processes stand side by side in it."""
        return max(1, len({labels[PROCESS] for labels, _ in self._samples["honeyguide_cache_entries"] if PROCESS in labels}))

    def _having(self, name: str, labels: dict[str, str]) -> list[Sample]:
        wanted = labels.items()
        return [sample for sample in self._samples.get(f"honeyguide_{name}", []) if wanted <= sample[0].items()]
