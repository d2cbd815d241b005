"""What the page is made of: findings, templates, the model card, figures where labels exist."""

import pytest

from amiss import scan
from amiss.errors import LabelError
from amiss.present.page import render_page
from amiss.run.page import figures_against_labels, page_content


@pytest.fixture(scope="module")
def found(simulated_sessions):
    return scan(simulated_sessions, detector="event-counts")


def test_the_content_has_templates_and_the_card(found):
    content = page_content(found)
    assert content["schema"] == "amiss.page/1"
    used = content["templates"]
    assert sum(template["events"] for template in used) == found.log.lines
    assert content["card"]["schema"] == "amiss.card/1"
    assert content["evaluation"] is None
    assert content["findings"]["flagged"] == len(found)


def test_figures_against_labels_are_of_the_scores_that_were_found(
    found, simulated_sessions, simulation
):
    report = figures_against_labels(found, simulated_sessions, simulation.labels)
    confusion = report["confusion"]
    assert confusion["true_positive"] + confusion["false_positive"] == len(found)
    assert report["f1"] <= report["ceilings"]["event ids alone"]["f1"] <= 1
    assert report["baselines"]
    html = render_page(page_content(found, report))
    assert "ceiling: event ids alone" in html
    assert f"{report['f1']:.4f}" in html


def test_labels_of_another_log_are_refused(found, simulated_sessions):
    with pytest.raises(LabelError):
        figures_against_labels(found, simulated_sessions, {"nobody": True})


def test_a_page_is_written_as_it_was_hashed(found, tmp_path):
    path = tmp_path / "report.html"
    found.to_html(path)
    assert b"\r" not in path.read_bytes()
    assert path.read_bytes().startswith(b"<!doctype html>")
