"""Journeys: somebody looks up a user, promotes a model, tries a rule, looks at an item."""

import json
import re
from typing import Any

from playwright.sync_api import Page, expect

from tests.dashboard.conftest import HOSTILE, Picture, Visit


def shows(page: Page, label: str, places: list[str]) -> None:
    """The list that is shown comes to be these items, in this order."""
    listed = page.get_by_role("list", name=label, exact=True).get_by_role("link")
    expect(listed).to_have_count(len(places))
    for index, place in enumerate(places):
        expect(listed.nth(index)).to_have_attribute("href", place)


def served(visit: Visit, **query: Any) -> list[str]:
    """The addresses of what the API serves for a query."""
    body = {"user_id": "u1", "n": 10, "explore": False, "dry_run": True, **query}
    answer = visit.page.request.post(visit.address + "../v1/recommendations", data=body).json()
    return [f"catalogue#item={item['item_id']}" for item in answer["items"]]


def test_a_user_is_looked_up_and_the_list_explained(visit: Visit, picture: Picture) -> None:
    page = visit.to("explorer", "Explorer")
    page.get_by_label("User or request").fill("u1")
    page.get_by_role("button", name="Look up").click()
    expect(page).to_have_url(re.compile("explorer#user=u1$"))
    shows(page, "The list", served(visit))
    expect(page.get_by_role("group", name="Features")).to_contain_text("total_purchases")
    history = visit.page.request.get(visit.address + "../v1/users/u1/events").json()["items"]
    expect(page.locator(".timeline li")).to_have_count(len(history))
    expect(page.get_by_text(visit.champion(), exact=True)).to_be_visible()
    by_model = page.locator(".slate > li", has=page.locator(".sources .badge", has_text=re.compile("^model$"))).first
    by_model.get_by_role("button", name=re.compile("^Why")).click()
    expect(page.locator(".why")).to_contain_text("score of the model")
    picture(page, "explorer")
    visit.everywhere()
    page.get_by_role("tab", name="How it came about").click()
    expect(page.locator(".funnel")).to_contain_text("popular")
    expect(page.locator(".funnel")).to_contain_text("excluded")
    page.get_by_role("tab", name="How it came about").press("ArrowRight")
    expect(page).to_have_url(re.compile("tab=compare"))
    page.get_by_label("Beside that one").select_option("popular@1")
    expect(page.get_by_text(re.compile("of the items are in both lists"))).to_be_visible()
    shows(page, "The list of popular@1", served(visit, model="popular@1"))
    visit.accessible()
    page.get_by_role("tab", name="Raw").click()
    assert json.loads(page.locator(".raw").inner_text())["user_id"] == "u1"


def test_what_would_move_the_list_is_tried_and_leaves_no_trace(visit: Visit, picture: Picture) -> None:
    before = visit.page.request.get(visit.address + "../v1/system").json()["position"]
    usual = served(visit)
    page = visit.to("explorer#user=u1&tab=whatif", "Explorer")
    shows(page, "The list as it would be", usual)
    page.get_by_label("with this item").fill(usual[0].partition("=")[2])
    page.get_by_role("button", name="Add").click()
    expect(page.get_by_text(re.compile("of the items stay"))).to_be_visible()
    bought = {"type": "purchase", "user_id": "u1", "item_id": usual[0].partition("=")[2]}
    expect(page.get_by_text("No longer there:")).to_contain_text(bought["item_id"])
    shows(page, "The list as it would be", served(visit, events=[bought]))
    page.get_by_role("button", name="only popular").click()
    expect(page).to_have_url(re.compile("recipe="))
    page.reload()
    shows(page, "The list as it would be", served(visit, events=[bought], recipe={"recipe": "popular"}))
    picture(page, "what-if")
    page.get_by_label(re.compile("its fields as JSON")).fill("{no json")
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("alert")).to_contain_text("no JSON object")
    visit.everywhere()
    assert visit.page.request.get(visit.address + "../v1/system").json()["position"] == before


def test_a_request_is_found_by_its_id_and_made_again(visit: Visit) -> None:
    slate = visit.page.request.post(visit.address + "../v1/recommendations", data={"user_id": "u2", "n": 5}).json()
    for _ in range(200):  # slates are written in groups, behind the answer
        if visit.page.request.get(visit.address + f"../v1/recommendations/{slate['request_id']}").ok:
            break
    page = visit.to(f"explorer#request={slate['request_id']}", "Explorer")
    expect(page.get_by_text("the same list", exact=True)).to_be_visible()
    shows(page, "The list", [f"catalogue#item={item['item_id']}" for item in slate["items"]])
    page.get_by_role("link", name="u2", exact=True).click()
    page.get_by_role("tab", name="Cache").click()
    expect(page.get_by_text(re.compile("fresh in"))).to_be_visible()
    page.get_by_role("button", name="Invalidate").click()
    expect(page.get_by_text(re.compile("would be computed|no tier holds it"))).to_be_visible()
    visit.accessible()


def test_a_model_is_promoted_and_rolled_back(visit: Visit, picture: Picture) -> None:
    champion = visit.champion()
    page = visit.to("models", "Models")
    expect(page.get_by_role("group", name="Aliases")).to_contain_text(champion)
    picture(page, "models")
    visit.everywhere()
    page.get_by_role("group", name="Versions").get_by_role("link", name="popular@1", exact=True).click()
    expect(page.get_by_role("group", name="Evaluation")).to_contain_text("0.5")
    page.get_by_role("button", name="Promote").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text(f"instead of {champion}")
    visit.accessible()
    dialog.get_by_role("button", name="Promote popular@1").click()
    expect(page.locator(".marks")).to_contain_text("champion")
    assert visit.champion() == "popular@1"
    page.get_by_role("button", name="All versions").click()
    page.get_by_role("button", name="Roll back champion").click()
    dialog.get_by_role("button", name="Roll back champion").click()
    expect(page.get_by_role("group", name="Aliases")).to_contain_text(champion)


def test_items_are_text_whatever_they_contain(visit: Visit, picture: Picture) -> None:
    page = visit.to("catalogue", "Catalogue")
    expect(page.get_by_role("link", name=HOSTILE)).to_be_visible()
    visit.everywhere()
    page.get_by_label("Ids that begin with").fill("i4")
    page.get_by_role("button", name="Find").click()
    expect(page.get_by_role("group", name="Items")).not_to_contain_text("i30")
    page.goto(visit.address + "catalogue#item=i4")
    expect(page.get_by_role("region", name=re.compile("no 4$")).locator(".cover.none")).to_be_visible()
    expect(page.get_by_role("list", name="Items like it").get_by_role("link").first).to_be_visible()
    expect(page.get_by_role("group", name="Features")).to_contain_text("popularity")
    visit.accessible()
    picture(page, "item")
    assert page.title() == "Catalogue · honeyguide"
    page.goto(visit.address + "explorer#user=u1")
    expect(page.get_by_text(HOSTILE).first).to_be_visible()
    assert page.evaluate("document.querySelectorAll('main script, main img[src=x]').length") == 0


def test_a_cover_of_another_kind_than_a_picture_is_never_asked_for(visit: Visit) -> None:
    page = visit.to("", "Overview")
    refused = [
        "javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "https://elsewhere.example/x.png",
        "//x.y/z.png",
        "vbscript:x",
    ]
    found = page.evaluate(
        "async given => { const { picture } = await import('./parts.js'); return given.map(picture); }", refused
    )
    assert found == [None] * len(refused)
    links = page.evaluate(
        "async given => { const { outward } = await import('./parts.js'); return given.map(outward); }",
        [*refused[:2], "https://shop.example/1"],
    )
    assert links == [None, None, "https://shop.example/1"]


def test_a_rule_is_tried_made_and_removed(visit: Visit) -> None:
    page = visit.to("catalogue#tab=rules", "Catalogue")
    expect(page.get_by_text("No rule: lists are as models and recipes make them.")).to_be_visible()
    page.get_by_role("button", name="New rule").click()
    page.get_by_label("Name").fill("lamps-first")
    page.get_by_label(re.compile("^Condition")).fill('"Lamp" in item.categoriez')
    visit.allowed.append("status of 422")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_role("alert")).to_contain_text("categoriez")
    page.get_by_label(re.compile("^Condition")).fill('"Lamp" in item.categories')
    page.get_by_label(re.compile("^Factor")).fill("50")
    page.get_by_role("button", name="Preview").click()
    expect(page.get_by_text("6 of 36 items meet the condition.")).to_be_visible()
    page.get_by_role("button", name="Make it").click()
    rules = page.get_by_role("group", name="Rules", exact=True)
    expect(rules).to_contain_text("in force")
    visit.everywhere()
    rules.get_by_role("link", name="lamps-first").click()
    page.get_by_role("button", name="Remove").click()
    expect(page.get_by_text("No rule: lists are as models and recipes make them.")).to_be_visible()
