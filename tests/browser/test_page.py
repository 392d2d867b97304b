"""The page of a report in a browser: what a reader does, with a mouse, a finger, a keyboard, a screen reader."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

Visit = Callable[..., Any]

PHONE = {"width": 390, "height": 844, "has_touch": True, "is_mobile": True}


def near(page: Any, selector: str) -> Any:
    found = page.locator(selector)
    found.scroll_into_view_if_needed()
    return found


def viewer(page: Any) -> Any:
    """The viewer, once its pictures are there."""
    found = near(page, ".viewer")
    page.locator(".stage img[src]").nth(1).wait_for()
    return found


# ---- Viewer ----


def colours(page: Any) -> list[tuple[int, ...]]:
    """The colours in the left and the right half of the stage, each rounded to tens."""
    image = Image.open(io.BytesIO(near(page, ".stage").screenshot())).convert("RGB")
    middle = image.height // 4
    spots = [image.getpixel((image.width * quarter // 4, middle)) for quarter in (1, 3)]
    return [tuple(round(level, -1) for level in spot) for spot in spots if isinstance(spot, tuple)]


def test_two_layers_lie_on_each_other_and_the_edge_follows_the_keys(visit: Visit) -> None:
    page = visit()
    viewer(page)
    assert colours(page) == [(200, 40, 40), (30, 160, 60)]  # the image, the first score map
    slider = page.locator(".viewer [type=range]")
    slider.focus()
    page.keyboard.press("Home")
    assert colours(page) == [(30, 160, 60)] * 2
    page.keyboard.press("End")
    assert colours(page) == [(200, 40, 40)] * 2
    page.keyboard.press("ArrowLeft")
    assert slider.input_value() == "99"
    assert slider.get_attribute("aria-valuetext") == "99 % image, the rest energy of model"


def test_the_edge_is_dragged_with_the_pointer(visit: Visit) -> None:
    page = visit()
    viewer(page)
    box = near(page, ".stage").bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + 20)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.9, box["y"] + 30, steps=4)
    assert page.input_value(".viewer [type=range]") == "90"
    page.mouse.up()
    page.mouse.move(box["x"], box["y"] + 20)
    assert page.input_value(".viewer [type=range]") == "90"
    assert colours(page) == [(200, 40, 40)] * 2


def test_the_edge_is_moved_with_a_finger(visit: Visit) -> None:
    page = visit(**PHONE)
    viewer(page)
    box = near(page, ".stage").bounding_box()
    page.touchscreen.tap(box["x"] + box["width"] * 0.1, box["y"] + 20)
    assert page.input_value(".viewer [type=range]") == "10"


def test_layers_are_chosen_left_and_right_and_stay_from_image_to_image(visit: Visit) -> None:
    page = visit()
    viewer(page)
    assert page.locator("[data-side='0'] option").all_text_contents() == ["image", "ground truth", "energy of model"]
    page.select_option("[data-side='0']", label="ground truth")
    page.select_option("[data-side='1']", label="image")
    assert colours(page) == [(40, 40, 200), (200, 40, 40)]
    assert page.get_attribute(".stage img:first-child", "alt") == "ground truth, first"
    page.click("[data-step='1']")
    assert colours(page) == [(20, 20, 180), (180, 20, 20)]
    assert page.get_attribute(".stage img:first-child", "alt") == 'ground truth, "onmouseover="alert(2)'
    assert page.text_content(".shot output") == '2 of 3: "onmouseover="alert(2)\n<script>alert(1)</script>'


def test_images_are_chosen_by_thumbnail_and_arrow_keys(visit: Visit) -> None:
    page = visit()
    viewer(page)
    thumbs = page.locator(".thumbs button")
    assert thumbs.count() == 3
    thumbs.nth(2).click()
    assert thumbs.nth(2).get_attribute("aria-pressed") == "true"
    page.keyboard.press("ArrowRight")
    assert page.text_content(".shot output") == "1 of 3: first"
    assert thumbs.nth(0).evaluate("thumb => thumb === document.activeElement")
    page.keyboard.press("ArrowLeft")
    assert page.text_content(".shot output").startswith("3 of 3: a_very_long")
    assert [thumb.get_attribute("aria-pressed") for thumb in thumbs.all()] == ["false", "false", "true"]


# ---- The page ----


def background(page: Any) -> int:
    """How light the paper is, 0 to 255."""
    colour = page.evaluate("getComputedStyle(document.body).backgroundColor")
    return sum(int(level) for level in colour[4:-1].split(",")) // 3


def test_the_theme_follows_the_system_until_it_is_chosen(visit: Visit) -> None:
    page = visit(color_scheme="dark")
    button = page.locator("#page-theme")
    assert background(page) < 60
    assert page.evaluate("getComputedStyle(document.querySelector('.paper')).backgroundColor") == "rgb(255, 255, 255)"
    button.click()
    assert (button.text_content(), background(page) > 200) == ("Theme: light", True)
    button.click()
    assert (button.text_content(), background(page) < 60) == ("Theme: dark", True)
    button.click()
    page.emulate_media(color_scheme="light")
    assert (button.text_content(), background(page) > 200) == ("Theme: auto", True)


def test_folds_open_by_key_and_on_paper(visit: Visit) -> None:
    page = visit()
    fold = page.locator(".fold").first
    fold.locator("summary").focus()
    assert not page.get_by_text("torch 2.13").is_visible()
    page.keyboard.press("Enter")
    assert page.get_by_text("torch 2.13").is_visible()
    page.keyboard.press("Enter")
    assert page.pdf()[:5] == b"%PDF-"
    assert fold.get_attribute("open") is None  # as before
    page.evaluate("dispatchEvent(new Event('beforeprint'))")
    page.emulate_media(media="print")
    assert page.get_by_text("torch 2.13").is_visible()
    assert not page.locator(".bar").is_visible()
    assert not page.locator(".tools").first.is_visible()


@pytest.mark.parametrize("width", [320, 390, 768, 1280])
def test_the_page_is_never_wider_than_the_window(visit: Visit, width: int) -> None:
    page = visit(width=width)
    page.click("#page-intervals")
    page.eval_on_selector_all("details", "folds => folds.forEach(fold => { fold.open = true; })")
    for section in ("verdicts", "numbers", "pictures", "provenance"):
        page.evaluate(f"document.getElementById('{section}').scrollIntoView()")
        page.wait_for_timeout(50)
        assert page.evaluate("document.documentElement.scrollWidth") <= width, section


def test_on_a_phone_a_table_scrolls_in_its_box_and_its_first_column_stays(visit: Visit) -> None:
    page = visit(**PHONE)
    box = near(page, "#table-main .scroll")
    first, second = box.locator("tbody th").first, box.locator("tbody td").first
    stays, goes = first.bounding_box()["x"], second.bounding_box()["x"]
    box.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function("() => document.querySelector('#table-main .scroll').scrollLeft > 10")
    assert first.bounding_box()["x"] == stays
    assert second.bounding_box()["x"] < goes
    assert box.get_attribute("tabindex") == "0"
    assert first.bounding_box()["width"] < 390 / 2


def test_a_box_with_nothing_to_scroll_is_no_stop_of_the_tab_key(visit: Visit) -> None:
    page = visit()
    near(page, "#table-small")
    page.wait_for_function("() => !document.querySelector('#table-small .scroll').hasAttribute('tabindex')")
    page.set_viewport_size({"width": 100, "height": 800})
    page.wait_for_function("() => document.querySelector('#table-small .scroll').tabIndex === 0")


def test_contents_lead_to_sections_and_say_where_one_is(visit: Visit) -> None:
    page = visit()
    page.click(".contents a[href='#pictures']")
    page.wait_for_function("() => document.querySelector('.contents [aria-current]')?.hash === '#pictures'")
    assert 0 < page.locator("#pictures h2").bounding_box()["y"] < 300
    assert page.eval_on_selector(".contents details", "contents => contents.open")  # or no key could scroll them
    phone = visit(**PHONE)
    assert not phone.locator(".contents a").first.is_visible()
    phone.click(".contents summary")
    phone.click(".contents a[href='#numbers']")
    assert not phone.locator(".contents a").first.is_visible()
    assert 0 < phone.locator("#numbers h2").bounding_box()["y"] < 300


def test_the_first_tab_skips_to_the_report_and_focus_is_seen(visit: Visit) -> None:
    page = visit()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["x"] >= 0
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.closest('main') !== null")
    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"


def test_commands_are_copied(visit: Visit) -> None:
    page = visit(permissions=["clipboard-read", "clipboard-write"])
    near(page, "[data-copy]").click()
    page.wait_for_function("() => document.querySelector('[data-copy]').textContent === 'Copied'")
    assert page.evaluate("navigator.clipboard.readText()").startswith("gmmbench eval-ood configs/x.py model.pth </pre>")


def test_commands_are_selected_where_they_cannot_be_copied(visit: Visit) -> None:
    page = visit()
    page.evaluate("() => { navigator.clipboard.writeText = () => Promise.reject(new Error('no')); }")
    near(page, "[data-copy]").click()
    page.wait_for_function("() => document.querySelector('[data-copy]').textContent === 'Selected'")
    assert "gmmbench report runs/x" in page.evaluate("String(getSelection())")


def test_without_scripts_all_but_the_viewer_is_there(visit: Visit) -> None:
    page = visit(java_script_enabled=False)
    assert page.locator("#table-main tbody tr").count() == 12
    near(page, "#numbers h2")
    assert page.locator("#table-main .title").is_visible()
    assert not page.locator(".tools").is_visible()
    assert not page.locator(".switches").is_visible()
    near(page, ".viewer")
    assert page.locator(".viewer noscript p").is_visible()
    assert not page.locator(".desk").is_visible()
    near(page, ".code")
    assert not page.locator("[data-copy]").is_visible()


def test_names_stay_text_and_addresses_become_links(visit: Visit) -> None:
    page = visit()
    assert page.text_content("h1") == "Report of <script>alert(1)</script>"
    assert page.locator("script").count() == 2  # the page's own, and the pictures' list
    assert page.locator("[onmouseover]").count() == 0
    hrefs = page.eval_on_selector_all("main a", "links => links.map(link => link.getAttribute('href'))")
    assert hrefs == [
        "#numbers", "https://example.org/a_(b)?c=1&d=2", "https://example.org/x", "https://example.org",
        *(f"{Path(page.url).parent.name}/curves.{ending}" for ending in ("png", "svg")),
    ]  # fmt: skip
    page.hover("#table-main th button")
    page.hover("#table-main tbody tr:nth-child(2) th")


def test_nothing_that_gets_into_the_page_can_run_or_call_home(visit: Visit, chromium: Any, page_file: Path) -> None:
    context = chromium.new_context()
    page = context.new_page()
    asked: list[str] = []
    page.on("requestfinished", lambda request: asked.append(request.url))
    context.route("http*://**", lambda route: route.fulfill(body="reached"))
    page.goto(page_file.as_uri())
    page.evaluate("""() => {
        const add = (name, values) => document.body.append(Object.assign(document.createElement(name), values));
        add("script", {textContent: "window.ran = 1"});
        add("script", {src: "https://example.org/x.js"});
        add("img", {src: "https://example.org/x.png"});
        add("iframe", {src: "https://example.org/"});
        document.body.insertAdjacentHTML("beforeend", "<p id=bad onclick='window.ran = 2' style='color: red'>x</p>");
        document.getElementById("bad").click();
    }""")
    assert page.evaluate("fetch('https://example.org/').then(() => 'reached', () => 'refused')") == "refused"
    assert page.evaluate("window.ran") is None
    assert page.eval_on_selector("#bad", "text => getComputedStyle(text).color") != "rgb(255, 0, 0)"
    page.wait_for_timeout(200)
    assert [url for url in asked if url.startswith("http")] == []
    context.close()


# ---- Accessibility ----


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [390, 1280])
def test_axe_finds_nothing(visit: Visit, width: int, color_scheme: str) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="no axe-core: gmmbench[browser]")
    page = visit(width=width, color_scheme=color_scheme)
    page.click("#page-intervals")
    page.click("#table-main th:nth-child(3) button")
    # All of it at once: what is out of sight is else not laid out, and what is folded not there.
    page.evaluate("document.styleSheets[0].insertRule('* { content-visibility: visible !important }')")
    page.eval_on_selector_all("details", "folds => folds.forEach(fold => { fold.open = true; })")
    viewer(page)
    tags = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
    found = axe.Axe().run(page, options={"runOnly": {"type": "tag", "values": tags}}).response
    assert [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in found["violations"]] == []
    assert len(found["passes"]) > 25
