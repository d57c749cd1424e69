"""The glossary: one meaning for each term, the files made from it, and the terms that texts lead to."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from offrl_core.glossary import TERMS, linked, marked, terms
from offrl_lecture.base.encode import scene_json
from offrl_lecture.base.text import html
from offrl_lecture.registry import scenes
from offrl_ui.shared import glossary

ASSETS = Path(glossary.MODULE).parents[1]
ASKED = (
    *("q", "v", "advantage", "behavior-policy", "rho", "beta", "expectile", "ess", "ood", "mass-unseen"),
    *("bootstrapping", "deadly-triad", "stitching", "fqe", "wis", "dr", "iqm"),
)


def test_the_files_are_as_the_terms_are():
    assert glossary.MODULE.read_text() == glossary.module(), "run: python -m offrl_ui.shared.glossary"
    assert glossary.PAGE.read_text() == glossary.page(), "run: python -m offrl_ui.shared.glossary"


def test_a_word_has_one_meaning_that_is_short():
    assert len(terms()) == len(TERMS)
    assert set(ASKED) <= terms().keys()
    forms = [form.lower() for term in TERMS for form in term.forms]
    assert len(forms) == len(set(forms))
    for term in TERMS:
        assert term.text.endswith((".", "…", ".)")), term.key
        assert len(term.text) <= 260, term.key
        assert all(re.fullmatch(r"[A-Za-z][A-Za-z -]*", form) for form in term.forms), term.key


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("The advantage, and the advantage again", "The [advantage], and the advantage again"),
        ("Weighted importance sampling, FQE", "[Weighted importance sampling], [FQE]"),
        ("disadvantages, advantage-like, A-advantage", "disadvantages, advantage-like, A-advantage"),
        ("off-policy data and ESS", "[off-policy] data and [ESS]"),
        ("MESS", "MESS"),
    ],
)
def test_a_term_is_marked_once_as_a_whole_word_the_longest_first(text, found):
    assert marked(text, lambda _, words: f"[{words}]") == found


def test_only_paragraphs_lead_to_terms_and_no_markup_is_broken():
    assert html("the *advantage*\n\nadvantage and $a$ <b>", block=True).count("href=") == 1
    assert "&lt;b&gt;" in html("advantage <b>", block=True)
    assert "href" not in html("the advantage")
    assert linked("the expectile &lt; 1") == 'the <a class="term" href="#term-expectile">expectile</a> &lt; 1'
    said = [str(scene_json(scene)) for scene in scenes().values()]
    used = {key for text in said for key in re.findall(r"#term-([\w-]+)", text)}
    assert used
    assert used <= terms().keys()


def test_what_the_stage_names_is_in_the_glossary():
    source = "".join((ASSETS / "stage" / name).read_text() for name in ("inspector.js", "top_line.js"))
    used = set(re.findall(r'term\("([\w-]+)"', source)) | set(re.findall(r'key: "([\w-]+)"', source))
    used |= set(re.findall(r'^  \["\w+", "[^"]+", "([\w-]+)"', source, re.M))
    assert {"v", "q", "q-star", "behavior-policy", "true-return", "abar"} <= used
    assert used <= terms().keys()
