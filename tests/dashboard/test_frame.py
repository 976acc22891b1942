"""The frame, the overview, the system: what is there before anybody looks something up."""

import re

from playwright.sync_api import expect

from tests.dashboard.conftest import Picture, Visit


def test_the_overview_says_how_it_goes(visit: Visit, picture: Picture) -> None:
    page = visit.to("", "Overview")
    expect(page.get_by_text("All is well.")).to_be_visible()
    expect(page.get_by_role("link", name=visit.champion(), exact=True).first).to_be_visible()
    expect(page.get_by_label("Now").locator(".tile")).to_have_count(6)
    page.request.post(visit.address + "../v1/recommendations", data={"user_id": "u1", "n": 5})
    expect(page.get_by_label("Targets")).to_contain_text("CTR")
    row = page.get_by_role("region", name="Surfaces").get_by_role("row", name=re.compile("^home"))
    expect(row).to_be_visible()
    expect(page.locator(".chart svg")).to_have_attribute("aria-label", re.compile("Lists per second"))
    picture(page, "overview")
    visit.everywhere()


def test_the_system_shows_a_job_from_its_start_to_its_end(visit: Visit, picture: Picture) -> None:
    page = visit.to("system", "System")
    expect(page.get_by_role("region", name="This process")).to_contain_text(visit.champion())
    expect(page.get_by_role("region", name="What it depends on")).to_contain_text("database")
    expect(page.get_by_role("group", name="Tiers of the cache")).to_contain_text("memory")
    picture(page, "system")
    visit.everywhere()
    page.get_by_role("tab", name="Jobs").click()
    page.get_by_role("button", name="Train now").click()
    expect(page).to_have_url(re.compile(r"job=\w+"))
    one = page.get_by_role("region", name="Job", exact=True)
    expect(one).to_contain_text(re.compile("succeeded|failed"), timeout=60_000)
    expect(one).to_contain_text("succeeded")
    visit.accessible()


def test_settings_say_where_they_come_from(visit: Visit) -> None:
    page = visit.to("system#tab=settings&given=1", "System")
    row = page.get_by_role("row", name=re.compile("^models.train"))
    expect(row).to_contain_text('["popular","knn"]')
    expect(row).to_contain_text("honeyguide.toml:2")
    visit.accessible()
    page.get_by_label("only what is given").uncheck()
    expect(page.get_by_role("row", name=re.compile("^auth.key"))).to_contain_text("not set")


def test_the_palette_leads_everywhere_by_keyboard(visit: Visit) -> None:
    page = visit.to("", "Overview")
    page.keyboard.press("Control+k")
    page.keyboard.type("syst")
    expect(page.get_by_role("option", selected=True)).to_contain_text("System")
    visit.accessible()
    page.keyboard.press("Enter")
    expect(page).to_have_url(visit.address + "system")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.keyboard.press("/")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.go_back()
    expect(page.get_by_role("heading", level=1, name="Overview")).to_be_attached()


def test_colours_stay_as_they_were_chosen(visit: Visit) -> None:
    page = visit.to("", "Overview")
    page.get_by_role("button", name="Colours: as the system").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.reload()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_role("button", name="Colours: dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "light")


def test_what_is_not_there_says_so(visit: Visit) -> None:
    visit.page.goto(visit.address + "nowhere")
    expect(visit.page.get_by_text('There is no page "nowhere".')).to_be_visible()
    visit.page.get_by_role("link", name="To the overview", exact=True).click()
    expect(visit.page.get_by_text("All is well.")).to_be_visible()


def test_a_table_is_taken_away_as_csv(visit: Visit) -> None:
    page = visit.to("system", "System")
    with page.expect_download() as download:
        page.get_by_role("button", name="CSV").click()
    text = download.value.path().read_text(encoding="utf-8")
    assert text.startswith("Tier,Lists,Held,")
    assert "\nl1," in text
