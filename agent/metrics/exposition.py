"""The counts of the agent in the text format of Prometheus, with how the till stands at this moment.

`prometheus_client` writes the format. It is imported by the first scrape: a till that nobody scrapes does not
pay for it.
"""

from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.metrics_core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from agent.checkout.state import Api, Level
from agent.metrics.gauges import Gauges
from agent.metrics.metrics import COUNTS, DURATIONS, Metrics

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
PREFIX = "tillwire_"


def exposition(metrics: Metrics, gauges: Gauges) -> bytes:
    """Write everything down."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Collected(metrics, gauges))
    return generate_latest(registry)


class _Collected(Collector):
    def __init__(self, metrics: Metrics, gauges: Gauges) -> None:
        self._metrics = metrics
        self._gauges = gauges

    def collect(self) -> Iterator[Metric]:
        yield from _counters(self._metrics)
        yield from _histograms(self._metrics)
        yield from _gauges(self._gauges)


def _counters(metrics: Metrics) -> Iterator[Metric]:
    for name, (what, labels) in COUNTS.items():
        family = CounterMetricFamily(PREFIX + name, what, labels=labels)
        for values, count in metrics.counts[name].items():
            family.add_metric(values, count)
        yield family


def _histograms(metrics: Metrics) -> Iterator[Metric]:
    for name, (what, labels) in DURATIONS.items():
        family = HistogramMetricFamily(PREFIX + name, what, labels=labels)
        for values, histogram in metrics.durations[name].items():
            family.add_metric(values, histogram.buckets, histogram.sum_s)
        yield family


def _gauges(now: Gauges) -> Iterator[Metric]:
    yield InfoMetricFamily(PREFIX + "agent", "The program", {"version": now.version})
    for name, what, value in (
        ("ready", "1: business can be done", now.ready),
        ("busy", "1: a customer is being served", now.busy),
        ("waiting_payments", "Confirmed payments that are not booked yet", now.waiting_payments),
        ("oldest_waiting_seconds", "Since when the oldest of them waits", now.oldest_waiting_s),
        ("attention", "Checkouts that wait for a person's decision", now.attention),
        ("event_readers", "Readers of the event stream", now.event_readers),
    ):
        yield GaugeMetricFamily(PREFIX + name, what, value=float(value))
    yield _states("api", "1 for how the API is", ("api",), {(state,): state == now.api for state in _API})
    yield _states("drawer", "1 for what is known of the drawer", ("state",), {(s,): s == now.drawer for s in _LEVELS})
    devices: Mapping[tuple[str, ...], bool] = {(*device, state): True for device, state in now.devices.items()}
    yield _states("device", "1 for how a device is", ("name", "kind", "state"), devices)


_API: tuple[Api, ...] = ("online", "offline", "not_authorised")
_LEVELS: tuple[Level, ...] = ("open", "closed", "unknown")


def _states(name: str, what: str, labels: tuple[str, ...], values: Mapping[tuple[str, ...], bool]) -> Metric:
    family = GaugeMetricFamily(PREFIX + name, what, labels=labels)
    for each, is_so in values.items():
        family.add_metric(each, float(is_so))
    return family
