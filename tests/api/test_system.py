"""Health, metrics, what is running, and the documentation pages."""

import re
from pathlib import Path

import pytest
from pydantic import SecretStr

import honeyguide
from honeyguide.api.handlers import docs
from honeyguide.api.problems import codes
from honeyguide.config.settings import Auth, Surface
from tests.api.site import Site, problem


def test_health_names_the_versions_that_serve(shop: Site) -> None:
    assert shop.get("/health").json() == {"status": "healthy", "models": ["knn@1"]}


def test_readiness(shop: Site) -> None:
    answer = shop.get("/readyz").json()
    assert answer == {"ready": True, "position": answer["position"], "aliases": {"champion": "knn@1"}, "degraded": []}
    assert 0 < answer["position"] <= shop.get("/v1/system").json()["position"]


def test_the_system(shop: Site) -> None:
    answer = shop.get("/v1/system").json()
    assert answer["version"] == honeyguide.__version__
    assert answer["config"] == shop.runtime.fingerprint
    assert answer["aliases"] == {"champion": "knn@1"}
    assert answer["surfaces"] == ["cart", "home", "new", "popular", "rank", "similar", "trending"]
    assert answer["protected"] is False
    assert answer["uptime_seconds"] == 0.0


def test_metrics_are_prometheus_text(shop: Site) -> None:
    shop.get("/health")
    answer = shop.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert 'honeyguide_http_request_duration_seconds_bucket{le="0.1",method="GET",route="/health"' in answer.text
    assert "honeyguide_recommend_requests_total" in answer.text


def files_of(html: str) -> list[str]:
    return re.findall(r'(?:src|href)="([^"]+)"', html)


@pytest.mark.skipif(not (docs._VENDOR / "swagger-ui.css").is_file(), reason="run 'make setup' to get swagger-ui")
def test_the_documentation_needs_no_other_server(shop: Site) -> None:
    page = shop.get("/docs")
    assert page.headers["content-type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in page.headers["content-security-policy"]
    wanted = files_of(page.text)
    assert len(wanted) == 4
    for name in wanted:
        assert "//" not in name
        assert not name.startswith("/")  # relative, so that a prefix of a proxy does not break it
        file = shop.get("/" + name)
        assert file.status_code == 200
        assert file.headers["x-content-type-options"] == "nosniff"
    assert "<script>" not in page.text
    assert '"openapi.json"' in shop.get("/docs/start.js").text


def test_without_its_files_the_page_says_how_to_get_them(
    shop: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(docs, "_VENDOR", tmp_path)
    page = shop.get("/docs")
    assert page.status_code == 200
    assert "make setup" in page.text
    assert files_of(page.text) == ["openapi.json"]
    assert "make setup" in problem(shop.get("/docs/swagger-ui.css"), 404)["detail"]


@pytest.mark.parametrize(
    "name", ["vendor.json", "..%2F..%2Fapp.py", "%2Fetc%2Fpasswd", "swagger-ui.css.map", "swagger-ui.LICENSE.txt"]
)
def test_only_the_pages_own_files_are_served(shop: Site, name: str) -> None:
    problem(shop.get(f"/docs/{name}"), 404)


def test_every_problem_is_explained(shop: Site) -> None:
    page = shop.get("/docs/problems").text
    for code, (status, meaning) in codes().items():
        assert f'id="{code}"' in page
        assert f"(HTTP {status})" in page
        assert meaning
    found = problem(shop.get("/v1/items/none"), 404)
    assert found["type"] == "/docs/problems#not_found"


def test_the_configuration_is_shown_with_its_sources_and_without_secrets(tmp_path: Path) -> None:
    site = Site(tmp_path, auth=Auth(key=SecretStr("opensesame")), surfaces=[Surface(name="cart", max_per_category=1)])
    try:
        site.runtime.sources = {"auth.key": "HONEYGUIDE_AUTH__KEY", "surfaces.0.max_per_category": "honeyguide.toml:7"}
        problem(site.get("/v1/config"), 401)
        answer = site.get("/v1/config", headers={"authorization": "Bearer opensesame"})
        assert answer.status_code == 200
        assert "opensesame" not in answer.text
        found = answer.json()
        assert found["settings"]["auth"]["key"] == "***"
        cart = next(each for each in found["settings"]["surfaces"] if each["name"] == "cart")
        assert cart["max_per_category"] == 1
        assert found["sources"] == {
            "auth.key": "HONEYGUIDE_AUTH__KEY",
            "surfaces.cart.max_per_category": "honeyguide.toml:7",
        }
    finally:
        site.close()
