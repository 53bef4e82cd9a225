"""The page: one file without a network, in headless Chromium with clicks and keys."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from specproof.cli import main

FILE = str(Path(__file__).parent / "designs" / "claims_of_thin.py")
BROWSER = shutil.which("chromium") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("page") / "page.html"
    main(["check", FILE, "--html", str(path), "--jobs", "1"])
    return path


def data(page: Path) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="data">(.*?)</script>', page.read_text(), re.S)
    assert found is not None
    content: dict[str, Any] = json.loads(found[1])
    return content


def test_it_is_one_file(page: Path) -> None:
    """Nothing is loaded from anywhere."""
    text = page.read_text()

    assert not re.search(r'(src|href)="(?!#)', text)
    assert "http://www.w3.org/2000/svg" in text
    assert text.count("http") == text.count("http://www.w3.org/2000/svg")
    assert text.count("<script") == 2


def test_every_cell_has_its_answer(page: Path) -> None:
    """Each link of the matrix leads to an answer in the page."""
    answers = data(page)["answers"]
    table = page.read_text().split('<section id="matrix"')[1].split("</section>")[0]

    assert set(re.findall(r'href="#([^"]+)"', table)) == set(answers)


def test_text_of_the_user_is_escaped(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A docstring with markup stays text, in the table and in the data."""
    nasty = Path(FILE).read_text().replace("Masked bits are set while the guest runs.", "A </script><b onclick=x> & more.")
    (tmp_path / "nasty.py").write_text(nasty)

    main(["explain", f"{tmp_path / 'nasty.py'}:broken", "forced", "--html", str(tmp_path / "p.html"), "--jobs", "1"])

    text = (tmp_path / "p.html").read_text()
    assert "<b onclick" not in text
    assert text.count("</script>") == 2
    assert data(tmp_path / "p.html")["answers"]["broken/emulated/forced"]["sentence"] == "A </script><b onclick=x> & more."


def test_it_cannot_be_written(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    """A folder is found before any work is done."""
    assert main(["check", FILE, "--html", str(tmp_path)]) == 2
    assert "--html" in capsys.readouterr().err


def drawn(address: str, folder: Path) -> str:
    """The page as Chromium's script has made it."""
    command = [str(BROWSER), "--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={folder / 'profile'}", "--dump-dom", address]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout


@pytest.mark.skipif(BROWSER is None, reason="chromium is not installed")
@pytest.mark.parametrize(("command", "opened"), [("explain", True), ("check", False)])
def test_a_page_of_one_answer_opens_with_it(tmp_path: Path, page: Path, command: str, opened: bool) -> None:
    """`explain --html` showed a table of one cell that does not look like a link; of many answers the matrix comes first."""
    if command == "explain":
        page = tmp_path / "one.html"
        main(["explain", f"{FILE}:broken", "forced", "--config", "emulated", "--html", str(page), "--jobs", "1"])
    text = drawn(page.as_uri(), tmp_path)

    assert ('<article id="answer" hidden' not in text) is opened
    assert ("2. vm_entry" in text.split('<article id="answer"')[1].split("</article>")[0]) is opened


@pytest.mark.skipif(BROWSER is None, reason="chromium is not installed")
def test_a_name_may_have_what_a_link_uses_for_something_else(tmp_path: Path) -> None:
    """A claim with % in its name was never drawn."""
    text = Path(FILE).read_text(encoding="utf-8").replace('"forced"', '"100% of #1"')
    (tmp_path / "odd.py").write_text(text, encoding="utf-8")
    page = tmp_path / "page.html"
    main(["check", f"{tmp_path / 'odd.py'}:broken", "--html", str(page), "--jobs", "1"])
    (link, *_) = re.findall(r'href="(#[^"]*100[^"]*)"', page.read_text(encoding="utf-8"))

    assert "<h2>100% of #1" in drawn(page.as_uri() + link, tmp_path).split('<article id="answer">')[1]


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    if BROWSER is None or DRIVER is None:
        pytest.skip("chromium and chromedriver are not installed")
    webdriver = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    options = webdriver.ChromeOptions()
    for argument in ("--headless=new", "--no-sandbox", "--disable-gpu", "--window-size=1400,1000", "--disable-dev-shm-usage"):
        options.add_argument(argument)
    options.binary_location = BROWSER
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    driver = webdriver.Chrome(options=options, service=webdriver.ChromeService(DRIVER))
    try:
        yield driver
    finally:
        driver.quit()


def shown(browser: Any, selector: str) -> list[str]:
    texts: list[str] = browser.execute_script("return [...document.querySelectorAll(arguments[0])].map((one) => one.textContent)", selector)
    return texts


def test_clicks_and_keys(browser: Any, page: Path) -> None:
    """From the matrix to a run, through its steps with the arrow keys, and back to the cell."""
    from selenium.webdriver.common.keys import Keys

    browser.get(page.as_uri())
    cell = browser.find_element("css selector", 'a[href="#broken/emulated/forced"]')
    assert cell.text == "refuted 2"
    cell.click()
    assert shown(browser, "article h2") == ["forced (T1) refuted"]
    assert shown(browser, ".steps [aria-current] ")[0].startswith("2. vm_entry")

    body = browser.switch_to.active_element
    body.send_keys(Keys.HOME)
    assert shown(browser, ".steps [aria-current]")[0].startswith("0. initial state")
    body.send_keys(Keys.ARROW_LEFT)
    assert shown(browser, ".steps [aria-current]")[0].startswith("0. initial state")
    body.send_keys(Keys.ARROW_RIGHT)
    assert "userspace" not in shown(browser, ".now h3")[0]
    assert shown(browser, ".now h3")[0].startswith("KVM: set_mask")
    assert "Step 1 of 2. KVM: set_mask." in shown(browser, "#live")[0]
    assert shown(browser, ".board h4") == ["broken", "mine"]
    assert len(shown(browser, ".board:first-child .lit")) == 1
    assert len(shown(browser, ".board + .board .differs")) == 1
    assert browser.execute_script("return document.querySelectorAll('svg.flows path.go').length") >= 1

    body.send_keys(Keys.ESCAPE)
    assert browser.find_element("css selector", "#matrix").is_displayed()
    assert browser.switch_to.active_element.get_attribute("href").endswith("#broken/emulated/forced")
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


def test_steps_are_buttons(browser: Any, page: Path) -> None:
    """A step is reached with the pointer and with Tab; the button that is current says so."""
    browser.get(page.as_uri() + "#broken/emulated/forced")
    browser.refresh()
    buttons = browser.find_elements("css selector", ".steps button")
    assert [button.get_attribute("aria-current") for button in buttons] == [None, None, "step"]

    buttons[1].click()

    assert [button.get_attribute("aria-current") for button in browser.find_elements("css selector", ".steps button")] == [None, "step", None]


def test_every_answer_is_drawn(browser: Any, page: Path) -> None:
    """No link of the matrix leads to an error."""
    for key in data(page)["answers"]:
        browser.get(page.as_uri() + "#" + key)
        browser.refresh()
        assert shown(browser, "article h2"), key
    assert [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"] == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast(browser: Any, page: Path, scheme: str) -> None:
    """Text can be read on light and on dark: a ratio of at least 4.5."""
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": scheme}]})
    browser.get(page.as_uri() + "#broken/emulated/forced")
    browser.refresh()

    low = browser.execute_script(CONTRAST)

    assert low == []


CONTRAST = r"""
function rgb(text) { return text.match(/[\d.]+/g).map(Number); }
function light(text) { return rgb(text).slice(0, 3).map((v) => { v /= 255; return v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4; }).reduce((sum, v, i) => sum + v * [.2126, .7152, .0722][i], 0); }
function behind(el) { while (el) { const c = getComputedStyle(el).backgroundColor; if (rgb(c)[3] !== 0) return c; el = el.parentElement; } return "rgb(255,255,255)"; }
return [...document.querySelectorAll("article *, header *")].filter((el) => el.offsetWidth > 2 && !el.disabled && [...el.childNodes].some((n) => n.nodeType === 3 && n.data.trim())).map((el) => {
  const a = light(getComputedStyle(el).color), b = light(behind(el)), ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05);
  return ratio < 4.5 ? `${el.className} ${el.textContent.slice(0, 30)} ${ratio.toFixed(2)}` : null;
}).filter(Boolean);
"""  # noqa: E501
