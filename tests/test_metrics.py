"""What is counted and timed, read back from the text that Prometheus gets."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from agent.metrics.exposition import exposition
from agent.metrics.gauges import Gauges
from agent.metrics.histogram import BOUNDS_S, Histogram
from agent.metrics.metrics import Metrics, call_of
from agent.smart.answer import Answer
from agent.smart.transport import Exchange, Request
from agent.till.listener import DrawerEvent, DrawerTold, ScanTold, UnexpectedTold
from device.interface import Scan
from tests.checkouts import after, cancelled, reversal_of, sold

NOW = Gauges(
    version="0.1.0",
    ready=True,
    busy=False,
    api="offline",
    drawer="closed",
    waiting_payments=2,
    oldest_waiting_s=61.5,
    attention=1,
    event_readers=3,
    devices={("counter", "scanner"): "lost"},
)
CARD = "9276004429942845"


def samples(metrics: Metrics, gauges: Gauges = NOW) -> dict[str, float]:
    """Every sample by its name and labels, as Prometheus' own parser reads them."""
    text = exposition(metrics, gauges).decode()
    return {
        sample.name + "".join(f"|{value}" for _, value in sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


def exchange(path: str, began: float, ended: float) -> Exchange:
    request = Request(method="POST", path=path, timeout_s=15.0)
    return Exchange(request=request, began=began, ended=ended, answer=Answer(200, b"{}"))


def test_the_gauges_say_how_the_till_stands() -> None:
    read = samples(Metrics(lambda: 0.0))
    assert read["tillwire_ready"] == 1
    assert read["tillwire_busy"] == 0
    assert read["tillwire_waiting_payments"] == 2
    assert read["tillwire_oldest_waiting_seconds"] == 61.5
    assert read["tillwire_attention"] == 1
    assert read["tillwire_event_readers"] == 3
    assert read["tillwire_agent_info|0.1.0"] == 1
    assert {name: value for name, value in read.items() if name.startswith(("tillwire_api|", "tillwire_drawer|"))} == {
        "tillwire_api|online": 0,
        "tillwire_api|offline": 1,
        "tillwire_api|not_authorised": 0,
        "tillwire_drawer|open": 0,
        "tillwire_drawer|closed": 1,
        "tillwire_drawer|unknown": 0,
    }
    assert read["tillwire_device|scanner|counter|lost"] == 1


def test_a_sale_that_is_taken_back_came_to_its_end_once_and_so_did_its_reversal() -> None:
    metrics, sale = Metrics(lambda: 0.0), sold()
    metrics.checkout_changed(sale, 1)
    metrics.checkout_changed(replace(sale, reversed_by="co_2"), 2)
    metrics.checkout_changed(after(reversal_of(sale), cancelled()), 3)
    assert samples(metrics)["tillwire_checkouts_total|completed"] == 2


def test_the_drawer_is_counted_in_the_names_of_unifiedpos() -> None:
    metrics = Metrics(lambda: 0.0)
    events: tuple[DrawerEvent, ...] = ("asked", "opened", "left_open", "closed", "asked", "did_not_open")
    for event in events:
        metrics.drawer_told(DrawerTold(drawer="drawer", state="open", event=event, by="till"), 1)
    read = samples(metrics)
    assert read["tillwire_DrawerGoodOpenCount_total|till|drawer"] == 1
    assert read["tillwire_DrawerFailedOpenCount_total|drawer"] == 1
    assert read["tillwire_drawer_left_open_total|drawer"] == 1


def test_what_contradicts_the_till_is_counted_and_what_agrees_is_not() -> None:
    metrics = Metrics(lambda: 0.0)
    metrics.unexpected_told(UnexpectedTold(what="paid_message", amount=296, contradicts=True), 1)
    metrics.unexpected_told(UnexpectedTold(what="read", checkout_id="co_1", status="ok", contradicts=False), 2)
    read = samples(metrics)
    assert read["tillwire_contradictions_total|paid_message"] == 1
    assert read["tillwire_contradictions_total|read"] == 0


def test_what_an_alert_waits_for_is_there_before_it_happens() -> None:
    """Else the first time would be no increase."""
    read = samples(Metrics(lambda: 0.0))
    assert (read["tillwire_not_recorded_total"], read["tillwire_contradictions_total|paid_message"]) == (0, 0)


def test_a_scan_is_timed_from_its_last_byte_to_the_screen_and_to_the_request_it_causes() -> None:
    metrics = Metrics(lambda: 10.003)
    metrics.reported(Scan(scanner="counter", text=CARD, at=10.0))
    metrics.scanned(ScanTold(scanner="counter", card="9276********2845"))
    metrics.exchanged(exchange("/api/v2/Loyalty/MerchantCards/me/validateMerchantcard", 10.004, 10.104))
    metrics.exchanged(exchange("/api/v2/Loyalty/MerchantCards/me/validateMerchantcard", 11.0, 11.1))
    read = samples(metrics)
    assert read["tillwire_GoodScanCount_total|counter"] == 1
    assert read["tillwire_scan_to_event_seconds_sum"] == pytest.approx(0.003)
    assert read["tillwire_scan_to_request_seconds_sum"] == pytest.approx(0.004)
    assert read["tillwire_scan_to_request_seconds_count"] == 1
    assert read["tillwire_api_answer_seconds_count|Loyalty/MerchantCards/me/validateMerchantcard"] == 2


def test_a_code_that_went_to_the_screen_causes_no_request() -> None:
    metrics = Metrics(lambda: 1.0)
    metrics.reported(Scan(scanner="counter", text="4006381333931", at=1.0))
    metrics.scanned(ScanTold(scanner="counter", code="4006381333931"))
    metrics.exchanged(exchange("/api/v2/Smart/Transactions", 5.0, 5.1))
    assert "tillwire_scan_to_request_seconds_count" not in samples(metrics)


def test_a_refused_scan_is_no_good_scan() -> None:
    metrics = Metrics(lambda: 0.0)
    metrics.scanned(ScanTold(scanner="counter", refused="torn"))
    metrics.card_refused("counter", "payment_card")
    read = samples(metrics)
    assert read["tillwire_refused_scans_total|torn|counter"] == 1
    assert read["tillwire_refused_cards_total|payment_card"] == 1
    assert "tillwire_GoodScanCount_total|counter" not in read


def test_what_has_no_answer_is_a_failure_and_not_a_duration() -> None:
    metrics = Metrics(lambda: 0.0)
    request = Request(method="POST", path="/api/v2/Smart/Transactions/STX_9/start/cash", timeout_s=15.0)
    metrics.exchanged(Exchange(request=request, began=0.0, ended=15.0, failed="unknown"))
    read = samples(metrics)
    assert read["tillwire_api_failures_total|Smart/Transactions/{id}/start/cash|unknown"] == 1
    assert not [name for name in read if name.startswith("tillwire_api_answer_seconds")]


@given(st.lists(st.floats(0, 200)))
def test_every_duration_lies_in_the_first_bucket_that_is_long_enough(durations: list[float]) -> None:
    histogram = Histogram()
    for seconds in durations:
        histogram.observe(seconds)
    counted = dict(histogram.buckets)
    assert counted["+Inf"] == len(durations)
    for bound in BOUNDS_S:
        assert counted[str(bound)] == sum(seconds <= bound for seconds in durations)


@given(st.text("0123456789ABCDEFGHJKMNPQRSTUVWXYZ", min_size=1))
def test_no_label_names_a_transaction(name: str) -> None:
    """Else there would be a time series for each."""
    assert call_of(f"/api/v2/Smart/Transactions/STX_{name}/start/cash") == "Smart/Transactions/{id}/start/cash"
    assert call_of("/api/v2/Smart/Transactions/4711/cancelTrx") == "Smart/Transactions/{id}/cancelTrx"
