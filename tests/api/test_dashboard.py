"""The files of the dashboard as the server gives them: which there are, under which policy."""

from pathlib import Path

import pytest

from honeyguide.config.settings import Dashboard
from honeyguide.errors import ConfigError
from tests.api.site import Site, problem
from tests.rules import SOURCE


def test_the_entrance_leads_to_the_pages_by_a_relative_address(shop: Site) -> None:
    answer = shop.get("/ui")
    assert (answer.status_code, answer.headers["location"]) == (308, "ui/")


@pytest.mark.parametrize("place", ["/ui/", "/ui/overview", "/ui/explorer"])
def test_every_page_is_the_same_document_under_a_strict_policy(shop: Site, place: str) -> None:
    answer = shop.get(place)
    assert answer.status_code == 200
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    assert answer.text == shop.get("/ui/").text
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "img-src 'self' data:;" in policy
    assert 'src="app.js"' in answer.text


def test_every_file_that_a_file_imports_is_there(shop: Site) -> None:
    for path in (SOURCE / "dashboard").glob("*.js"):
        answer = shop.get(f"/ui/{path.name}")
        assert (answer.status_code, answer.text) == (200, path.read_text(encoding="utf-8"))
        assert answer.headers["content-type"] == "text/javascript; charset=utf-8"
        for line in answer.text.splitlines():
            if line.startswith(("import ", "} from ")) or ' from "./' in line:
                assert shop.get("/ui/" + line.rpartition('"./')[2].rpartition('"')[0]).status_code == 200, line


def test_a_file_that_has_not_changed_is_not_sent_again(shop: Site) -> None:
    tag = shop.get("/ui/app.css").headers["etag"]
    assert shop.get("/ui/app.css", headers={"if-none-match": tag}).status_code == 304


@pytest.mark.parametrize("name", ["..%2fapi%2fapp.py", "index.html", "vendor.json", "%2e%2e%2fstatic", "app.js.map", "x.js"])
def test_nothing_else_is_reached(shop: Site, name: str) -> None:
    answer = shop.get(f"/ui/{name}")
    if "%2f" in name and "." not in name.rpartition("%2f")[2]:
        assert answer.status_code in (200, 404)
        assert "import" not in answer.text
    else:
        problem(answer, 404)


def test_pictures_come_from_where_the_configuration_says(tmp_path: Path) -> None:
    site = Site(tmp_path, dashboard=Dashboard(images=["https://cdn.example.com", "HTTP://img.example:8080"]))
    try:
        answer = site.get("/ui/")
        assert (
            "img-src 'self' data: https://cdn.example.com http://img.example:8080;"
            in answer.headers["content-security-policy"]
        )
        assert 'content="https://cdn.example.com http://img.example:8080"' in answer.text
    finally:
        site.close()


@pytest.mark.parametrize(
    "bad", ["cdn.example.com", "https://x; script-src *", "https://x/path", "javascript://x", "https://*"]
)
def test_what_is_no_origin_is_refused(bad: str) -> None:
    with pytest.raises((ValueError, ConfigError), match="is no origin"):
        Dashboard(images=[bad])
