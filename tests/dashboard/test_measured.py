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


def test_an_experiment_is_checked_created_started_and_stopped(visit: Visit, picture: Picture) -> None:
    page = visit.to("experiments", "Experiments")
    expect(page.get_by_text("No experiment yet")).to_be_visible()
    page.get_by_role("button", name="New experiment").click()
    page.get_by_label("Name", exact=True).fill("fewer-alike")
    page.get_by_label("What it changes, as JSON").fill('{"max_per_categorie": 1}')
    visit.allowed.append("status of 422")
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("alert")).to_contain_text("max_per_categorie")
    page.get_by_label("What it changes, as JSON").fill('{"max_per_category": 1}')
    page.get_by_role("button", name="Check").click()
    expect(page.get_by_role("status").first).to_be_visible()
    visit.everywhere()
    page.get_by_role("button", name="Create the draft").click()
    expect(page).to_have_url(re.compile("name=fewer-alike"))
    expect(page.get_by_role("group", name="Arms")).to_contain_text("max_per_category → 1")
    page.get_by_role("button", name="Start", exact=True).click()
    page.get_by_role("dialog").get_by_role("button", name="Start it").click()
    experiment = page.get_by_role("region", name="fewer-alike")
    expect(experiment.locator(".marks")).to_contain_text("running")
    page.get_by_role("region", name="Who gets what").get_by_role("textbox").fill("u1")
    page.get_by_role("button", name="Look", exact=True).click()
    assigned = visit.page.request.get(visit.address + "../v1/experiments/fewer-alike/assignments/u1").json()
    expect(page.get_by_role("region", name="Who gets what")).to_contain_text(
        "enrolledyes" if assigned["enrolled"] else "enrolledno"
    )
    visit.everywhere()
    expect(page.get_by_role("region", name="Results")).to_contain_text("keep running")
    expect(page.get_by_role("group", name="Health")).to_contain_text("sample-ratio")
    picture(page, "experiment")
    page.get_by_role("button", name="Stop", exact=True).click()
    page.get_by_role("dialog").get_by_label("verdict").fill("no difference")
    page.get_by_role("dialog").get_by_role("button", name="Stop it").click()
    expect(experiment).to_contain_text("no difference")
    expect(page.get_by_role("group", name="History")).to_contain_text("stopped")
