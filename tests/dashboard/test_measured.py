"""Journeys: somebody looks how good the lists are, and sets an experiment going."""

import re

from playwright.sync_api import expect

from tests.dashboard.conftest import Picture, Visit


def test_how_good_the_lists_are_is_on_one_page(visit: Visit, picture: Picture) -> None:
    report = visit.page.request.get(visit.address + "../v1/quality?window=24h").json()
    found = {each["name"]: each for each in report["measures"]}
    page = visit.to("quality", "Quality")
    row = page.get_by_role("group", name="Measures").get_by_role("row", name=re.compile("^CTR"))
    expect(row).to_contain_text(f"{100 * found['ctr']['value']:.{2 if found['ctr']['value'] < 0.1 else 1}f} %")
    assert found["ctr"]["value"] > 0
    unmet = sum(target["met"] is False for target in report["targets"])
    expect(page.get_by_label("Targets").get_by_text("off target")).to_have_count(unmet)
    expect(page.get_by_role("img", name="Click-through rate by position")).to_be_visible()
    page.get_by_role("combobox", name="Measure").select_option("diversity")
    expect(page).to_have_url(re.compile("measure=diversity"))
    expect(page.get_by_role("img", name="Diversity by hour")).to_be_visible()
    picture(page, "quality")
    visit.everywhere()
    page.get_by_role("combobox", name=re.compile("^Surface")).select_option("home")
    page.get_by_role("combobox", name=re.compile("^Time")).select_option("7d")
    expect(page).to_have_url(re.compile("surface=home"))
    expect(page.get_by_role("group", name="Model versions").get_by_role("link", name="knn@1", exact=True)).to_be_visible()
