"""A report as an HTML page: nothing but its own words, nothing from elsewhere, numbers in full behind those shown.

What a reader does with it is tried in a browser: tests/browser.
"""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from gmmbench.errors import InputError
from gmmbench.report.blocks import (
    Block,
    Bullets,
    Code,
    CodeBlock,
    Column,
    Figure,
    Fold,
    Form,
    Layer,
    Link,
    Mark,
    Number,
    Paragraph,
    Report,
    Section,
    Shot,
    Strong,
    Table,
    Viewer,
    Words,
)
from gmmbench.report.render.html import to_html

ATTRIBUTE = '"onmouseover="alert(2)'
HOSTILE = ("<script>alert(1)</script>", ATTRIBUTE, "a | b", "$x_1$", "it's & <b>", "x" * 200, "\u202edrow")
Attributes = dict[str, str | None]


class Tree(HTMLParser):
    """All elements with their attributes, and the text of the page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, Attributes]] = []
        self.texts: list[tuple[str, str]] = []  # the element that began last, unless it has ended; text
        self.last = ""
        self.feed(text.replace("<wbr>", ""))  # where a name may break is nothing that is read
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self.last = tag

    def handle_endtag(self, tag: str) -> None:
        self.last = ""

    def handle_data(self, data: str) -> None:
        self.texts.append((self.last, data))

    def all(self, tag: str) -> list[Attributes]:
        return [attributes for name, attributes in self.elements if name == tag]

    def inside(self, tag: str) -> list[str]:
        return [data for name, data in self.texts if name == tag]

    @property
    def words(self) -> str:
        """What is read, with single blanks."""
        return " ".join(" ".join(data for name, data in self.texts if name not in ("script", "style")).split())


def page(*blocks: Block, folder: Path = Path("figures"), title: str = "Report", lead: Words = "Two models.") -> Tree:
    return Tree(to_html(Report(title, lead, (Section("first", "First", blocks),)), folder))


def table(*cells: Number | str | Code | None, column: Column | None = None) -> Table:
    """One column of these cells beside names."""
    columns = (Column("name", "Name"), column or Column("ap", "AP", "higher", numeric=True))
    return Table("t", "Table", columns, tuple((f"row {place}", cell) for place, cell in enumerate(cells)))


def picture(path: Path, size: tuple[int, int] = (64, 48), **options: object) -> Path:
    rng = np.random.default_rng(len(path.name))
    Image.fromarray(rng.integers(0, 255, (size[1], size[0], 3), dtype=np.uint8)).save(path, **options)
    return path


def decoded(uri: str | None) -> Image.Image:
    assert uri is not None
    return Image.open(io.BytesIO(base64.b64decode(uri.partition("base64,")[2])))


def own_elements() -> Counter[str]:
    return Counter(tag for tag, _ in page(every_text_of("plain")).elements)


def every_text_of(name: str) -> Fold:
    """A block with ``name`` wherever a stranger's words can come."""
    column = Column("c", name, "higher", help=name, choices=True)
    return Fold(
        name,
        (
            Paragraph((name, Code(name), Strong(name), Link(name, "#first"))),
            Paragraph(name, warning=True),
            Bullets((name,)),
            CodeBlock(name),
            Table("t", name, (Column("n", name), column), ((name, name), (Code(name), "other")), notes=(name,)),
            Viewer("v", name, (), caption=name),
            Section("inner", name, ()),
        ),
    )


@pytest.mark.parametrize("name", HOSTILE)
def test_names_are_shown_and_never_read_as_markup(name: str) -> None:
    tree = page(every_text_of(name), title=name, lead=name)
    assert Counter(tag for tag, _ in tree.elements) == own_elements()
    assert {key for _, attributes in tree.elements for key in attributes if key.startswith("on")} == set()
    assert tree.words.count(name.replace("\u202e", "")) >= 15


def test_a_shot_and_a_figure_escape_their_names_too(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    name = ATTRIBUTE + "</script><script>alert(3)</script>"
    shot = Shot(name, (Layer(name, "a.png"),), note=name)
    tree = page(Viewer("v", name, (shot,)), Figure("f", ("a.png",), name, name), folder=tmp_path)
    assert len(tree.all("script")) == 2
    assert tree.all("img")[-1]["alt"] == name
    data = json.loads(tree.inside("script")[0])
    assert data["shots"] == [{"name": name, "note": name, "layers": [[name, 0]]}]


def test_the_policy_lets_in_only_the_script_and_the_styles_of_the_page() -> None:
    tree = page(Paragraph("Words."))
    [policy] = [meta["content"] for meta in tree.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert policy is not None
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    for name, tag in (("script-src", "script"), ("style-src", "style")):
        [text] = tree.inside(tag)
        assert rules.pop(name) == f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"
    assert rules == {"default-src": "'none'", "img-src": "data:", "base-uri": "'none'", "form-action": "'none'"}


def test_nothing_is_loaded_from_elsewhere(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    figure = Figure("f", ("a.png", "a.svg"), "alt", "See https://example.org.")
    tree = page(figure, every_text_of("https://example.org/x.js"), folder=tmp_path)
    loads = [
        value
        for tag, attributes in tree.elements
        for key, value in attributes.items()
        if key in ("src", "srcset", "data", "poster", "action", "background") or (key == "href" and tag != "a")
    ]
    assert len(loads) == 2
    assert all(value is not None and value.startswith("data:") for value in loads)
    ours = "".join(tree.inside("style") + tree.inside("script"))
    assert not re.search(r"url\(|@import|fetch\(|XMLHttp|localStorage|eval\(|innerHTML", ours)


def test_links_lead_to_web_addresses_and_sections_that_are_there() -> None:
    links = (
        Link("web", "https://example.org/a?b=1&c=2"),
        Link("here", "#first"),
        Link("gone", "#nowhere"),
        Link("script", "javascript:alert(1)"),
        Link("data", "data:text/html,x"),
        Link("space", "https://example.org/ x"),
        Link("file", "file:///etc/passwd"),
        " and (http://example.org/a_b). Not ftp://example.org",
    )
    tree = page(Paragraph(links))
    found = [(link["href"], link.get("rel")) for link in tree.all("a")]
    away = "noopener noreferrer"
    assert found[3:] == [
        ("https://example.org/a?b=1&c=2", away),
        ("#first", None),
        ("http://example.org/a_b", away),
    ]
    assert "gone" in tree.words
    assert "(http://example.org/a_b). Not" in tree.words.replace("( ", "(").replace(" )", ")")


def test_a_number_is_rounded_to_see_and_whole_to_sort_by() -> None:
    value = 0.1 + 0.2
    numbers = [
        Number(value, low=0.29, high=0.31, spread=0.0123, seeds=5),
        Number(float("nan"), low=0.1, high=0.2),
        Number(float("inf"), Form.PLAIN),
        Number(-0.5, Form.POINTS),
        Number(0.945, printed="94.5"),
        None,
    ]
    tree = page(table(*numbers))
    cells = tree.all("td")
    assert [cell.get("data-value") for cell in cells] == [repr(value), "", "Infinity", "-0.5", "0.945", None]
    assert [cell.get("title") for cell in cells] == ["95 % interval [29.00, 31.00], mean of 5 seeds", *[None] * 5]
    assert [text.strip() for text in tree.inside("td") if text.strip()][:5] == [
        "30.00 ± 1.23",
        "n/a",
        "∞",
        "−50.00",
        "94.5",
    ]


def test_long_names_and_paths_may_break_at_their_joints() -> None:
    path = "configs/camvid/a_b.py"
    text = to_html(Report("R", "", (Section("s", "S", (table(Code(path), "a_b", column=Column("c", "C")),)),)), Path())
    assert "<code>configs/<wbr>camvid/<wbr>a_<wbr>b.py</code>" in text
    assert "<td>a_b" in text
    assert path in page(table(path, column=Column("c", "C"))).words


def test_best_and_near_have_signs_which_a_legend_explains() -> None:
    tree = page(table(Number(0.9, mark=Mark.BEST), Number(0.8, mark=Mark.NEAR), Number(0.1)))
    assert tree.inside("b") == ["90.00"]
    assert tree.inside("i") == ["★", "≈"]
    assert "★ best · ≈ within noise of the best" in tree.words
    assert "★" not in page(table(Number(0.9), Number(0.1))).words


def test_headings_say_which_way_is_better_and_how_the_first_press_sorts() -> None:
    columns = tuple(
        Column(str(better), "Title", better, "Help.", numeric=True) for better in ("higher", "lower", None)
    )  # fmt: skip
    tree = page(Table("t", "Table", (Column("n", "Name"), *columns), ()))
    assert [head.get("data-first") for head in tree.all("th")] == [None, "descending", None, "descending"]
    titles = [button.get("title") for button in tree.all("button") if "id" not in button]
    assert titles == [None, "Help. (higher is better)", "Help. (lower is better)", "Help."]
    assert "Title ↑" in tree.words.replace("\xa0", " ")


@pytest.mark.parametrize(("rows", "searchable", "tall"), [(6, False, False), (7, True, False), (31, True, True)])
def test_long_tables_can_be_searched_and_keep_their_heading(rows: int, searchable: bool, tall: bool) -> None:
    tree = page(table(*[Number(0.5)] * rows))
    assert bool(tree.all("input")) == searchable
    assert [box["class"] for box in tree.all("div") if "scroll" in str(box.get("class"))] == [f"scroll{' tall' * tall}"]


def test_choices_are_the_different_texts_in_order_and_one_is_no_choice() -> None:
    column = Column("kind", "Kind", choices=True)
    tree = page(table("b", Code("a"), "b", None, Number(1.0), "c  d", column=column))
    assert [option["value"] for option in tree.all("option")] == ["", "b", "a", "c d"]
    assert page(table("b", "b", column=column)).all("select") == []


def test_drawings_keep_each_pixel_and_their_size_in_print(tmp_path: Path) -> None:
    drawing = np.full((150, 300, 4), 255, dtype=np.uint8)
    drawing[20:23, :, :3] = (0, 114, 178)
    Image.fromarray(drawing).save(tmp_path / "a.png", dpi=(150, 150))
    [image] = page(Figure("f", ("a.png",), "A line."), folder=tmp_path).all("img")
    assert (image["width"], image["height"], image["alt"]) == ("192", "96", "A line.")
    shown = decoded(image["src"])
    assert shown.format == "WEBP"
    np.testing.assert_array_equal(np.asarray(shown.convert("RGBA")), drawing)


def test_pages_of_photographs_are_made_light(tmp_path: Path) -> None:
    file = picture(tmp_path / "a.png", (500, 400))
    [image] = page(Figure("f", ("a.png",), "Noise."), folder=tmp_path).all("img")
    assert len(str(image["src"])) < file.stat().st_size * 0.7
    assert decoded(image["src"]).size == (500, 400)


def test_transparent_figures_stay_so(tmp_path: Path) -> None:
    Image.new("RGBA", (40, 40), (255, 0, 0, 100)).save(tmp_path / "a.png")
    [image] = page(Figure("f", ("a.png",), "Red."), folder=tmp_path).all("img")
    assert decoded(image["src"]).convert("RGBA").getpixel((5, 5)) == (255, 0, 0, 100)


def test_a_viewer_holds_each_file_once_and_jpegs_as_they_are(tmp_path: Path) -> None:
    photo = picture(tmp_path / "a.jpg").read_bytes()
    picture(tmp_path / "b.png")
    shots = (
        Shot("one", (Layer("image", "a.jpg"), Layer("energy of m", "b.png")), note="noted"),
        Shot("two", (Layer("image", "a.jpg"),)),
    )
    tree = page(Viewer("v", "Viewer", shots), folder=tmp_path)
    data = json.loads(tree.inside("script")[0])
    assert data["images"][0] == f"data:image/jpeg;base64,{base64.b64encode(photo).decode()}"
    assert len(data["images"]) == 2
    assert data["size"] == [64, 48]
    assert data["shots"] == [
        {"name": "one", "note": "noted", "layers": [["image", 0], ["energy of m", 1]]},
        {"name": "two", "note": "", "layers": [["image", 0]]},
    ]


@pytest.mark.parametrize("content", [None, b"", b"no image"])
def test_a_file_that_is_missing_or_no_image_is_said_with_its_name(tmp_path: Path, content: bytes | None) -> None:
    if content is not None:
        (tmp_path / "a.png").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.png.*cannot be put into the page.*write the report again"):
        page(Figure("f", ("a.png",), "alt"), folder=tmp_path)


def test_the_same_report_is_the_same_page_with_anchors_of_their_own(tmp_path: Path) -> None:
    picture(tmp_path / "a.png")
    inner = Section("inner", "Inner", (table(Number(0.5)), Section("deep", "Deep", ())))
    report = Report(
        "Report",
        "Lead.",
        (
            Section("one", "One", (inner, Figure("t", ("a.png",), "alt"), Fold("More", (Viewer("t", "V", ()),)))),
            Section("two", "Two", ()),
        ),
    )
    text = to_html(report, tmp_path)
    assert text == to_html(report, tmp_path)
    tree = Tree(text)
    ids = [attributes["id"] for _, attributes in tree.elements if "id" in attributes]
    assert len(ids) == len(set(ids))
    assert {"one", "inner", "deep", "two", "table-t", "figure-t", "viewer-t"} <= set(ids)
    assert [tag for tag, _ in tree.elements if re.fullmatch("h[1-6]", tag)] == ["h1", "h2", "h3", "h4", "h2"]
    assert [link["href"] for link in tree.all("a")][2:5] == ["#one", "#inner", "#two"]
