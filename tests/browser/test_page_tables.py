"""Tables of a report's page in a browser: sorted, filtered, with their intervals, by mouse and by keyboard."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Visit = Callable[..., Any]


def column(page: Any, place: int) -> list[str]:
    """The texts of a column of the main table, of the rows that are seen."""
    return page.eval_on_selector_all(
        "#table-main tbody tr:not([hidden])", f"rows => rows.map(row => row.cells[{place}].textContent.trim())"
    )


def names(page: Any) -> list[str]:
    return column(page, 0)


def head(page: Any, title: str) -> Any:
    return page.locator("#table-main th button", has_text=title)


def test_numbers_sort_by_all_their_digits_best_first_then_back_then_as_reported(visit: Visit) -> None:
    page = visit()
    reported = names(page)
    best_first = ['"onmouseover="alert(2)', "a_very_long_name_" * 12, "&lt;", "$x_1$", "<script>alert(1)</script>",
                  "https://example.org/x", "tie a", "tie b", "tie c", "model 9", "|"]  # fmt: skip
    head(page, "AP").click()
    assert names(page) == [*best_first, "model 10"]
    assert page.get_attribute("#table-main th:nth-child(3)", "aria-sort") == "descending"
    head(page, "AP").click()
    worst_first = [*best_first[:5:-1], *best_first[5::-1]]
    ties = worst_first.index("tie c")
    worst_first[ties : ties + 3] = ["tie a", "tie b", "tie c"]  # stable
    assert names(page) == [*worst_first, "model 10"]
    assert page.get_attribute("#table-main th:nth-child(3)", "aria-sort") == "ascending"
    head(page, "AP").click()
    assert names(page) == reported
    assert page.locator("th[aria-sort]").count() == 0


def test_where_lower_is_better_the_lowest_comes_first(visit: Visit) -> None:
    page = visit()
    head(page, "FPR95").click()
    assert column(page, 3)[:2] == ["5.57", "5.57"]
    assert column(page, 3)[-1] == "n/a"
    assert page.get_attribute("#table-main th:nth-child(4)", "aria-sort") == "ascending"


def test_words_sort_with_their_numbers_in_order_and_empty_cells_last(visit: Visit) -> None:
    page = visit()
    head(page, "Model").click()
    assert [name for name in names(page) if name.startswith("model")] == ["model 9", "model 10"]
    head(page, "Images").click()
    assert column(page, 4)[0] == "11,000"
    assert column(page, 4)[-1] == ""
    assert page.locator("th[aria-sort]").count() == 1


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_a_table_is_sorted_from_the_keyboard(visit: Visit, key: str) -> None:
    page = visit()
    head(page, "AP").focus()
    page.keyboard.press(key)
    assert column(page, 2)[0].startswith("94.43")
    assert page.get_attribute("#table-main th:nth-child(3)", "aria-sort") == "descending"
    assert page.evaluate("document.activeElement.textContent").startswith("AP")


def test_rows_are_filtered_by_all_words_and_counted(visit: Visit) -> None:
    page = visit()
    status = page.locator("#table-main output")
    assert status.text_content() == "12 rows"
    page.fill("#table-main input", "TIE  ")
    assert names(page) == ["tie a", "tie b", "tie c"]
    assert status.text_content() == "3 of 12 rows"
    page.fill("#table-main input", "script alert(1) density")
    assert names(page) == ["<script>alert(1)</script>"]
    page.fill("#table-main input", "94.43")
    assert status.text_content() == "0 of 12 rows"
    page.fill("#table-main input", "")
    assert status.text_content() == "12 rows"
    assert len(names(page)) == 12


def test_a_list_filters_together_with_words_and_order(visit: Visit) -> None:
    page = visit()
    chosen = page.locator("#table-main select")
    assert chosen.locator("option").all_text_contents() == [
        "Reads: all", "density", "<script>alert(1)</script>", "logits"
    ]  # fmt: skip
    chosen.select_option(label="<script>alert(1)</script>")
    assert set(column(page, 1)) == {"<script>alert(1)</script>"}
    assert page.text_content("#table-main output") == "4 of 12 rows"
    head(page, "AP").click()
    assert [cell[:5] for cell in column(page, 2)] == ["94.43", "90.00", "25.00", "10.00"]
    page.fill("#table-main input", "tie")
    assert names(page) == ["tie c"]


def test_short_tables_have_no_filter(visit: Visit) -> None:
    page = visit()
    assert page.locator("#table-main .tools").count() == 1
    assert page.locator("#table-small .tools").count() == 0


def test_intervals_are_shown_on_demand_as_text(visit: Visit) -> None:
    page = visit()
    button = page.locator("#page-intervals")
    before = column(page, 2)
    assert page.get_attribute("#table-main [data-value]", "title") == "95 % interval [49.00, 52.00], mean of 3 seeds"
    button.click()
    assert button.get_attribute("aria-pressed") == "true"
    shown = column(page, 2)
    assert shown[0] == "50.00 ± 0.40 [49.00, 52.00]"
    assert shown[3] == "n/a"
    button.click()
    assert button.get_attribute("aria-pressed") == "false"
    assert column(page, 2) == before


def test_best_and_near_are_told_by_signs_and_weight(visit: Visit) -> None:
    page = visit()
    cells = page.locator("#table-main tbody tr td:nth-child(3)")
    assert cells.nth(1).inner_text().split() == ["94.43", "±", "0.40", "★"]
    assert cells.nth(2).inner_text().split() == ["94.43", "±", "0.40", "≈"]
    assert int(cells.nth(1).locator("b").evaluate("cell => getComputedStyle(cell).fontWeight")) >= 600
    assert page.text_content("#table-main .legend") == (
        "★ best · ≈ within noise of the best (the paired 95 % interval of the difference holds 0)"
        " · ± standard deviation over seeds · [ ] 95 % interval over images"
    )
    assert page.locator("#table-small .legend").count() == 0


def test_numbers_stand_right_under_each_other(visit: Visit) -> None:
    page = visit()
    style = page.eval_on_selector(
        "#table-main tbody td:nth-child(3)",
        "cell => [getComputedStyle(cell).textAlign, getComputedStyle(cell).fontVariantNumeric]",
    )
    assert style[0] == "right"
    assert "tabular-nums" in style[1]
