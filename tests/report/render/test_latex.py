"""LaTeX read back by a small reader of TeX's own rules, and by pdflatex where there is one."""

from __future__ import annotations

import math
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gmmbench.report.blocks import Code, Column, Form, Link, Mark, Number, Strong, Table, Words
from gmmbench.report.render.latex import LONG, to_latex
from gmmbench.report.render.latex_words import escape, words_of
from gmmbench.report.text import one_line

AP = Column("AP", "AP", better="higher", numeric=True)
SHOWN = {
    **{r"\textbackslash{}": "\\", r"\textasciicircum{}": "^", r"\textasciitilde{}": "~", r"\textless{}": "<"},
    **{r"\textgreater{}": ">", r"\textbar{}": "|", r"\symbol{34}": '"', r"\`{}": "`", r"\allowbreak{}": ""},
    **{r"\{": "{", r"\}": "}", r"\$": "$", r"\&": "&", r"\#": "#", r"\%": "%", r"\_": "_"},
    **{"{[}": "[", "{]}": "]", "{*}": "*", "{}": ""},
}
READ = re.compile("|".join(map(re.escape, SHOWN)))
PACKAGES = re.compile(r"^% Packages: ([\w, ]+)\.", re.M)
LIGATURES = ("--", "''", ",,", "``", "!`", "?`", "<<", ">>")


def read(latex: str) -> str:
    """The ASCII letters that TeX would set; anything that it would not take for a letter is an error."""
    left = READ.sub("", latex)
    assert not set(left) & set('\\{}$&#^_~%"`[]*<>|'), left
    assert not any(pair in left_apart for left_apart in READ.split(latex) for pair in LIGATURES), latex
    return READ.sub(lambda found: SHOWN[found[0]], latex)


def example(*rows: tuple[object, ...], columns: tuple[Column, ...] = (Column("m", "Model"), AP)) -> Table:
    return Table("ood_x", "A table", columns, rows, ("A note.",))  # type: ignore[arg-type]


def hostile(names: list[str]) -> Table:
    columns = (Column("a", "{$_"), Column("b", "Code"), AP, Column("d", "Δ & more", "lower", numeric=True))
    values = [math.nan, math.inf, -math.inf, 0.5, -1e-9, 1e300]
    rows = [
        (
            name,
            (Code(name), " ", Link(name, f"https://a.b/{name}")),
            Number(values[place % 6], low=-0.1, high=0.9, spread=0.01, mark=list(Mark)[place % 3]),
            Number(values[place % 5], Form.POINTS, low=-0.1, high=0.9, printed=name if place % 2 else None),
        )
        for place, name in enumerate(names)
    ]
    notes: tuple[Words, ...] = tuple((name, Strong(name), Link(name, f"https://a.b/{name}")) for name in names)
    return Table("hostile", " ".join(names), columns, tuple(rows), notes)


def test_a_small_table_by_hand() -> None:
    best, near = Number(0.5, mark=Mark.BEST), Number(0.49, low=0.4, high=0.6, spread=0.01, seeds=3, mark=Mark.NEAR)
    table = example((Strong("density"), None), ("gmm_1", best), (Code("b"), near), ("c", Number(math.nan)))
    assert to_latex(table, report="Ours\n%").splitlines() == [
        "% Table ood_x of the report Ours %, written by gmmbench.",
        "% Packages: booktabs.",
        r"\begin{table}[htbp]",
        r"\centering",
        r"\caption{A table}\label{tab:ood_x}",
        r"\begin{tabular}{@{}lr@{}}",
        r"\toprule",
        r"Model & AP $\uparrow$ \tabularnewline",
        r"\midrule",
        r"\multicolumn{2}{@{}l@{}}{\textbf{density}}\tabularnewline",
        r"gmm\_1 & \textbf{50.00} \tabularnewline",
        r"\texttt{b} & \underline{49.00} $\pm$ 1.00 \tabularnewline",
        r"c & n/a \tabularnewline",
        r"\bottomrule",
        r"\end{tabular}",
        r"\par\smallskip",
        r"\begin{minipage}{\linewidth}\footnotesize",
        r"Fractions are in percent, without the sign; \textbf{bold}: best; \underline{underlined}: within noise of the"
        r" best (the paired 95 \% interval of the difference holds 0); $\pm$: standard deviation over seeds;"
        r" n/a: undefined or not measured.\par",
        r"A note.\par",
        r"\end{minipage}",
        r"\end{table}",
    ]
    assert r"\underline{49.00} $\pm$ 1.00 {\scriptsize {[}40.00, 60.00{]}} \tabularnewline" in to_latex(table, True)


def test_long_tables_go_over_pages() -> None:
    assert "longtable" not in to_latex(example(*[("a", Number(0.5))] * LONG))
    long = to_latex(example(*[("a", Number(0.5))] * (LONG + 1)))
    assert "% Packages: booktabs, longtable." in long
    assert long.count(r"\begin{longtable}") == long.count(r"\end{longtable}") == 1
    assert r"\endfirsthead" in long
    assert r"\begin{table}" not in long


def test_a_table_of_many_lines_goes_over_pages_too() -> None:
    text = to_latex(example(*[("word " * 100, Number(0.5))] * 12))
    assert r"\begin{longtable}" in text


def test_long_heads_are_set_in_lines() -> None:
    column = Column("a", "one_model less another_model", numeric=True)
    text = to_latex(Table("t", "T", (column,), ((Number(0.5),),)))
    assert r"\begin{tabular}[b]{@{}c@{}}one\_model less \\ another\_model\end{tabular} \tabularnewline" in text


def test_wide_tables_become_smaller_and_then_are_squeezed() -> None:
    def of(columns: int) -> str:
        return to_latex(Table("t", "T", (AP,) * columns, ((Number(0.5, spread=0.1),) * columns,)))

    assert r"\centering" + "\n" in of(3)
    assert r"\centering\footnotesize" in of(6)
    assert r"\resizebox{\linewidth}{!}{%" in of(12)
    assert "% Packages: booktabs, graphicx." in of(12)


def test_long_texts_get_a_column_that_breaks_them() -> None:
    text = to_latex(example(("word " * 60, Number(0.5))))
    width = re.search(r"\{@\{\}p\{(0\.\d+)\\linewidth\}r@\{\}\}", text)
    assert width is not None
    assert 0.5 < float(width[1]) < 0.95
    assert r"\raggedright word word" in text


def test_links_keep_their_address_in_notes_only() -> None:
    link = Link("Doe", "https://a.b")
    table = Table("t", "T", (Column("a", "A"),), ((link,),), (link,))
    text = to_latex(table)
    assert "Doe \\tabularnewline" in text
    assert r"Doe (\texttt{https:" in text


def test_an_empty_table_says_so() -> None:
    assert r"\emph{no rows}" in to_latex(example())


def test_hostile_names_are_escaped(name: str) -> None:
    ascii_name = one_line(name).encode("ascii", "ignore").decode()
    assert read(escape(ascii_name)) == one_line(ascii_name)
    assert read(escape(ascii_name, breakable=True)) == one_line(ascii_name)
    assert escape(name).isascii()
    text = to_latex(Table("t", name, (Column("a", name),), ((name,),), (name,)))
    assert balanced(text)
    assert text.isascii()


def test_letters_that_are_not_ascii() -> None:
    assert escape("é ñ Ž ß ø ï") == r"\'{e} \~{n} \v {Z} \ss{} \o{} " + '\\"{\\i}'
    assert escape("→ ± − ∞ α Ω Α") == r"$\rightarrow$ $\pm$ $-$ $\infty$ $\alpha$ $\Omega$ A"
    assert escape("日本 😀 ע") == "?? ? ?"


@settings(deadline=None)
@given(st.text(st.characters(min_codepoint=1, max_codepoint=126), max_size=40), st.booleans())
def test_any_ascii_name_is_read_back(text: str, breakable: bool) -> None:
    assert read(escape(text, breakable=breakable)) == one_line(text)


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=20), st.booleans())
def test_any_name_is_balanced_ascii(text: str, breakable: bool) -> None:
    for latex in (escape(text, breakable=breakable), words_of((text, Code(text), Strong(text)), breakable=breakable)):
        assert latex.isascii()
        assert "\n" not in latex
        assert balanced(latex)


def balanced(latex: str) -> bool:
    """Whether braces and dollars close, and environments in the order in which they opened."""
    depth, maths, open_ones = 0, False, []
    for token in tokens(latex):
        depth += (token == "{") - (token == "}")
        maths ^= token == "$"
        if depth < 0:
            return False
        if token.startswith(r"\begin{"):
            open_ones.append(token[7:-1])
        elif token.startswith(r"\end{") and open_ones.pop() != token[5:-1]:
            return False
    return depth == 0 and not maths and not open_ones


def tokens(latex: str) -> Iterator[str]:
    without_comments = re.sub(r"(?<!\\)%[^\n]*\n", "", latex)
    return iter(re.findall(r"\\(?:begin|end)\{\w+\}|\\.|[{}$]", without_comments))


def test_the_reader_sees_what_is_not_balanced() -> None:
    assert balanced(r"\begin{a}{$x$} \{\end{a}")
    assert not any(map(balanced, ("{", "}{", "$", r"\begin{a}\begin{b}\end{a}\end{b}")))


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="pdflatex is not installed")
def test_pdflatex_sets_hostile_tables(names: list[str], tmp_path: Path) -> None:
    table = hostile(names)
    long = Table("long", table.title, table.columns, table.rows * (LONG // len(names) + 1))
    found = [to_latex(each, intervals, "A_report %") for each in (table, long) for intervals in (False, True)]
    packages = {name for text in found for line in PACKAGES.findall(text) for name in line.split(", ")}
    body = "\n\\clearpage\n".join(found)
    source = f"\\documentclass{{article}}\n\\usepackage{{{','.join(sorted(packages))}}}\n\\begin{{document}}\n{body}"
    (tmp_path / "t.tex").write_text(f"{source}\n\\end{{document}}\n", encoding="ascii")
    options = ("-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "-draftmode")
    for _ in range(2):  # the second time it reads what captions and labels have written
        run = subprocess.run(
            ["pdflatex", *options, "t.tex"], cwd=tmp_path, capture_output=True, timeout=120, check=False
        )
        assert run.returncode == 0, run.stdout[-2000:]
    log = (tmp_path / "t.log").read_text(encoding="utf-8", errors="replace")
    assert "Missing character" not in log
