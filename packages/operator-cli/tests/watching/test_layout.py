"""Whatever the size of the terminal: nothing is drawn beyond it, and what matters most is drawn first."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import assume, given
from hypothesis import strategies as st
from operator_cli.render.live_layout import Part, columns, fit, labelled, share, spread
from rich.cells import cell_len
from rich.text import Text


def part(wants: int, least: int, weight: int) -> Part:
    return Part(
        name="p", wants=wants, least=least, weight=weight, draw=lambda n: [Text(f"{weight}.{i}") for i in range(n)]
    )


parts = st.lists(
    st.tuples(st.integers(1, 40), st.integers(1, 40), st.integers(0, 6)).map(
        lambda p: part(max(p[0], p[1]), min(p[0], p[1]), p[2])
    ),
    max_size=12,
)


@given(all_parts=parts, rows=st.integers(0, 120))
def test_no_more_lines_are_given_than_there_are_and_none_is_left_while_one_is_wanted(
    all_parts: list[Part], rows: int
) -> None:
    given_ = share(all_parts, rows)
    assert sum(given_) <= rows
    for p, lines in zip(all_parts, given_, strict=True):
        assert lines == 0 or p.least <= lines <= p.wants
    if sum(given_) < rows:
        assert all(lines in (0, p.wants) for p, lines in zip(all_parts, given_, strict=True))


@given(all_parts=parts, rows=st.integers(0, 120))
def test_a_part_is_left_out_only_for_the_sake_of_more_important_ones(all_parts: list[Part], rows: int) -> None:
    given_ = share(all_parts, rows)
    for p, lines in zip(all_parts, given_, strict=True):
        if lines == 0:
            before = sum(q.least for q, n in zip(all_parts, given_, strict=True) if n and q.weight <= p.weight)
            assert before + p.least > rows


@given(all_parts=parts, rows=st.integers(1, 120))
def test_a_part_with_much_to_say_leaves_the_others_what_they_need(all_parts: list[Part], rows: int) -> None:
    given_ = share(all_parts, rows)
    assume(all(given_))
    more = [lines - p.least for p, lines in zip(all_parts, given_, strict=True)]
    for p, lines in zip(all_parts, given_, strict=True):
        assert lines == p.wants or lines - p.least >= max(more) - 1


@given(all_parts=parts, rows=st.integers(0, 120))
def test_the_picture_is_never_higher_than_the_terminal(all_parts: list[Part], rows: int) -> None:
    assert len(fit(all_parts, rows)) <= rows


def plain(parts: list[Part], rows: int) -> list[str]:
    return [line.plain for line in fit(parts, rows)]


def test_with_room_for_everything_there_is_air_between_the_parts() -> None:
    both = [part(2, 1, 0), part(1, 1, 1)]
    assert plain(both, 4) == ["0.0", "0.1", "", "1.0"]
    assert plain(both, 3) == ["0.0", "0.1", "1.0"]
    assert plain(both, 2) == ["0.0", "1.0"]


def test_air_is_worth_more_than_what_is_only_nice_to_have_and_less_than_the_rest() -> None:
    three = [part(1, 1, 0), part(2, 1, 1), replace(part(5, 1, 2), is_nice_to_have=True)]
    assert plain(three, 6) == ["0.0", "", "1.0", "1.1", "", "2.0"]
    assert plain(three, 5) == ["0.0", "1.0", "1.1", "2.0", "2.1"]
    three[2] = part(5, 1, 2)
    assert plain(three, 6) == ["0.0", "1.0", "1.1", "2.0", "2.1", "2.2"]
    assert plain(three, 9) == ["0.0", "", "1.0", "1.1", "2.0", "2.1", "2.2", "2.3", "2.4"], "what is spare is air"


words = st.text("abc店é", max_size=20)


@given(rows=st.lists(st.lists(words, min_size=1, max_size=6), max_size=6), width=st.integers(1, 80))
def test_columns_line_up_and_are_never_wider_than_the_terminal(rows: list[list[str]], width: int) -> None:
    lines = columns([[Text(cell) for cell in row] for row in rows], width=width, right={1})
    assert len(lines) == len(rows)
    assert all(cell_len(line.plain) <= width for line in lines)


def test_the_last_columns_go_when_the_width_is_short() -> None:
    rows = [[Text("a"), Text("bb"), Text("ccc")], [Text("aaa"), Text("b"), Text("c")]]
    assert [line.plain.rstrip() for line in columns(rows, width=11, right={1})] == ["a    bb", "aaa   b"]
    assert [line.plain.rstrip() for line in columns(rows, width=12, right={1})] == ["a    bb  ccc", "aaa   b  c"]


@given(left=words, right=words, width=st.integers(1, 60))
def test_two_ends_of_a_line_never_meet(left: str, right: str, width: int) -> None:
    line = spread(Text(left), Text(right), width).plain
    assert cell_len(line) <= width
    if cell_len(left) + cell_len(right) + 2 <= width:
        assert line.startswith(left)
        assert line.endswith(right)


def test_only_the_first_line_has_the_name_in_the_margin() -> None:
    assert [line.plain for line in labelled("unseen", [Text("a"), Text("b")], 40)] == ["unseen   a", "         b"]
