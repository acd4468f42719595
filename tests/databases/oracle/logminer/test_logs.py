"""Which logs a window needs: against a model of a database that switches, archives and deletes logs."""

from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from voyager_ops.databases.oracle.logminer.logs import ENDLESS, Gone, LogFile, Thread, Window, available, choose

ONE = {1: Thread(1, True, 900)}


def _logs(thread: int, switches: list[int], first: int = 100) -> list[LogFile]:
    starts = [first, *switches]
    return [
        LogFile(
            thread, 10 + at, start, starts[at + 1] if at + 1 < len(starts) else ENDLESS, f"t{thread}s{at}", at >= len(switches)
        )
        for at, start in enumerate(starts)
    ]


@st.composite
def _threads(draw: st.DrawFn) -> list[list[LogFile]]:
    return [
        _logs(number, sorted(draw(st.sets(st.integers(101, 900), max_size=6))))
        for number in range(1, draw(st.integers(1, 3)) + 1)
    ]


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_threads(), st.integers(99, 950), st.integers(1, 900))
def test_the_logs_chosen_hold_the_whole_window_and_no_more(threads: list[list[LogFile]], low: int, width: int) -> None:
    end = low + width
    everything = [log for logs in threads for log in logs]
    known = {logs[0].thread: Thread(logs[0].thread, True, 2000) for logs in threads}
    choice = choose(low, end, everything, (), known)
    assert not choice.purged
    assert not choice.missing
    for number in known:
        mine = [log for log in choice.files if log.thread == number]
        for scn in {low + 1, end, *(log.first for log in everything if log.thread == number)}:
            if low < scn <= end:
                assert sum(log.first <= scn < log.next for log in mine) == 1
        assert all(log.next > low + 1 and log.first <= max(end, low + 1) for log in mine)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(_threads(), st.integers(99, 850), st.data())
def test_a_log_that_is_not_there_is_noticed(threads: list[list[LogFile]], low: int, data: st.DataObject) -> None:
    end = low + 400
    everything = [log for logs in threads for log in logs]
    known = {logs[0].thread: Thread(logs[0].thread, True, 2000) for logs in threads}
    lost = data.draw(st.sampled_from(choose(low, end, everything, (), known).files))
    rest = [log for log in everything if log is not lost]
    found = choose(low, end, rest, (), known)
    assert found.missing or found.purged
    assert choose(low, end, rest, [Gone(lost.thread, lost.sequence, lost.first, lost.next)], known).purged
    # A deleted log that the window does not touch is of no concern.
    assert not choose(lost.next, end + 2000, rest, [Gone(lost.thread, lost.sequence, lost.first, lost.next)], known).purged


def test_an_archived_copy_wins_over_the_online_log() -> None:
    logs = [*_logs(1, [200]), LogFile(1, 10, 100, 200, "online copy", True)]
    assert [log.name for log in choose(150, 250, logs, (), ONE).files] == ["t1s0", "t1s1"]
    assert [log.name for log in choose(150, 250, reversed(logs), (), ONE).files] == ["t1s0", "t1s1"]


def test_logs_the_control_file_has_forgotten_are_purged() -> None:
    assert "no longer known" in choose(50, 250, _logs(1, [200]), (), ONE).purged
    assert not choose(50, 250, [LogFile(1, 1, 100, ENDLESS, "first", True)], (), ONE).purged  # the thread began then


def test_a_closed_thread_needs_only_what_it_wrote() -> None:
    threads = {**ONE, 2: Thread(2, False, 0)}
    closed = [LogFile(2, 7, 100, 180, "closed", False)]
    assert {log.name for log in choose(150, 300, [*_logs(1, []), *closed], (), threads).files} == {"t1s0", "closed"}
    assert {log.name for log in choose(200, 300, [*_logs(1, []), *closed], (), threads).files} == {"t1s0"}


def test_how_far_is_on_disk() -> None:
    threads = [Thread(1, True, 500), Thread(2, True, 480), Thread(3, False, 100)]
    assert available(600, threads, {1: 590}) == (479, 2)
    assert available(600, threads, {}) == (479, 2)
    assert available(600, threads, {1: 590, 2: 585}) == (584, None)
    assert available(600, threads[:1], {1: 650}) == (599, None)
    assert available(600, threads[:1], {}) == (499, 1)


def test_windows_adapt() -> None:
    window = Window(1000)
    window.learn(10, 0.1, whole=True)
    assert window.size == 2000
    window.learn(10, 0.1, whole=False)
    assert window.size == 2000
    window.learn(Window.ROWS + 1, 0.1, whole=True)
    assert window.size == 1000
    for _ in range(50):
        window.learn(0, 60.0, whole=True)
    assert window.size == Window.SMALLEST
    assert window.end(5000, 5050) == 5050
    assert window.end(5000, 9000) == 5000 + Window.SMALLEST
