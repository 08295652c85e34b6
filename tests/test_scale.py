"""What the simulation of `make scale` says, held against what can be reckoned by hand."""

from __future__ import annotations

from benchmarks.scale import MESSAGES, TURNS, Load, Simulation, clock


def test_below_the_limits_nobody_waits_and_beyond_them_teams_rate_says_how_long_it_takes() -> None:
    few = Simulation(Load(2_000, 0.2, 1)).run(until_confirmed=False)
    assert few.longest_wait < 1
    assert few.limits == {}
    many = Simulation(Load(200_000, 0.2, 1)).run(until_confirmed=False)
    reckoned = 40_000 * TURNS / MESSAGES  # seconds, if nothing but messages counted
    assert reckoned * 0.95 < many.served < reckoned * 1.2
    assert many.longest_wait > 3_600


def test_a_small_tenant_is_held_back_by_sharepoint_where_a_large_one_is_not() -> None:
    small = Simulation(Load(1_000, 1.0, 0.05)).run(until_confirmed=False)
    large = Simulation(Load(100_000, 0.01, 0.05)).run(until_confirmed=False)
    assert small.served > large.served


def test_times_are_written_in_the_unit_that_fits() -> None:
    assert [clock(seconds) for seconds in (8, 3_900, 13_500, 259_200)] == ["8 s", "65 min", "3.8 h", "3.0 d"]
