"""Small cells, complements and differences."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from segmentation.small_cells import EarlierOutput, Leak, leaks


def found(
    cells: dict[str, int] | None = None, *, complement: int = 0, earlier: tuple[EarlierOutput, ...] = ()
) -> tuple[Leak, ...]:
    segments = cells if cells is not None else {"gold": 100}
    return leaks(dict(segments), segments, complement=complement, earlier=earlier, minimum=10)


def test_a_segment_of_nine_is_withheld_and_one_of_ten_is_not() -> None:
    """Nine people are a circle of acquaintances (recital 26 GDPR)."""
    assert found({"gold": 9}) == (Leak.SMALL_CELL,)
    assert found({"gold": 10}) == ()


def test_nobody_at_all_is_withheld_too() -> None:
    assert found({}) == (Leak.SMALL_CELL,)


def test_those_left_out_may_not_be_a_handful() -> None:
    """All but three names the three (T12)."""
    assert found(complement=3) == (Leak.SMALL_COMPLEMENT,)
    assert found(complement=0) == found(complement=10) == ()


def test_two_outputs_may_not_differ_by_one_person() -> None:
    """The query A and the query A without x must not both be answered (XPT-3)."""
    one_left = EarlierOutput(left=1, joined=0, segments={"gold": 101})

    assert found(earlier=(one_left,)) == (Leak.SMALL_DIFFERENCE,)


def test_equal_numbers_do_not_hide_an_exchange() -> None:
    """One came and one went: the sizes are equal, the difference is two people."""
    assert found(earlier=(EarlierOutput(left=1, joined=1, segments={"gold": 100}),)) == (Leak.SMALL_DIFFERENCE,)


def test_a_move_between_two_segments_shows_in_their_sizes() -> None:
    moved = EarlierOutput(left=0, joined=0, segments={"gold": 103, "silver": 47})

    assert found({"gold": 100, "silver": 50}, earlier=(moved,)) == (Leak.SMALL_DIFFERENCE,)


@given(st.sets(st.integers(0, 60)), st.sets(st.integers(0, 60)))
def test_whatever_passes_differs_by_nobody_or_by_enough(before: set[int], after: set[int]) -> None:
    """Invariant 6 for every pair of outputs."""
    earlier = EarlierOutput(len(before - after), len(after - before), {"gold": len(before)})

    if not found({"gold": len(after)}, earlier=(earlier,)):
        for difference in (before - after, after - before):
            assert len(difference) == 0 or len(difference) >= 10
