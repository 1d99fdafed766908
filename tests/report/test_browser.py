"""The page over all tables in Debian's chromium: it loads in silence, sorts, filters, and its pictures appear.

The browser is driven through its DevTools protocol over a pipe, which needs no library and no port.
"""

import json
import os
import select
import shutil
import subprocess
import time

import pytest

from cirque.report import gallery
from tests.evaluated import inside
from tests.report import pictured

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

#: An overloaded machine takes its time; no test waits for all of it.
SECONDS = 120

FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-dev-shm-usage",
         "--remote-debugging-pipe", "--disable-background-networking"]  # fmt: skip

VIEW = "#table=cirr&sort.cirr.cirr_val=-R%4010"
PAIR = "#methods=searle,image-only"


class Browser:
    """One page of a headless chromium, and what it complained of."""

    def __init__(self, profile):
        there, self._write = os.pipe()
        self._read, back = os.pipe()
        # DevTools speaks through descriptors 3 and 4.
        words = ["bash", "-c", f'exec "$0" "$@" 3<&{there} 4>&{back}', CHROMIUM, *FLAGS, f"--user-data-dir={profile}"]
        self._process = subprocess.Popen(words, pass_fds=(there, back), stderr=subprocess.DEVNULL)
        os.close(there)
        os.close(back)
        self._buffer = b""
        self._last = 0
        self._session = None
        self.events = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(f"{domain}.enable")

    def close(self):
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:  # nothing is lost with a profile that was made for the test
            self._process.kill()
            self._process.wait()
        os.close(self._write)
        os.close(self._read)

    def call(self, method, **parameters):
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        answer = self._until(lambda stated: stated.get("id") == self._last)
        assert "error" not in answer, answer
        return answer["result"]

    def _until(self, wanted):
        """The next message that is wanted; all others are kept as events."""
        end = time.monotonic() + SECONDS
        while True:
            while b"\0" in self._buffer:
                text, _, self._buffer = self._buffer.partition(b"\0")
                message = json.loads(text)
                if wanted(message):
                    return message
                self.events.append(message)
            assert select.select([self._read], [], [], max(0, end - time.monotonic()))[0], "chromium does not answer"
            self._buffer += os.read(self._read, 2**16)

    def open(self, address):
        """Load an address anew and wait until it is whole."""
        self.call("Page.navigate", url="about:blank")
        self.events.clear()
        self.call("Page.navigate", url=address)
        end = time.monotonic() + SECONDS
        while not self("location.href !== 'about:blank' && document.readyState === 'complete'"):
            assert time.monotonic() < end, f"{address} does not load"
            time.sleep(0.05)

    def __call__(self, script):
        """Value of an expression in the page; a promise's when it is kept."""
        answer = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in answer, answer
        return answer["result"].get("value")

    def press(self, key, code, text=""):
        for kind in ("keyDown", "keyUp"):
            stated = {"text": text} if text and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **stated)

    def emitted(self, *methods):
        return [event["params"] for event in self.events if event.get("method") in methods]


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    if CHROMIUM is None:
        pytest.skip("no chromium on this machine; on Debian: apt-get install chromium")
    started = Browser(tmp_path_factory.mktemp("profile"))
    yield started
    started.close()


@pytest.fixture(scope="module")
def address(browser, evaluated, tmp_path_factory):
    folder = pictured.prepare(evaluated, tmp_path_factory.mktemp("pictured") / "project")
    with inside(folder):
        pictured.write()
    return (folder / pictured.INDEX).resolve().as_uri()


@pytest.fixture(scope="module")
def queries(address):
    """Address of the page of a benchmark's queries, which lies beside the page over all tables."""
    return address.replace("index.html", pictured.queries_page().name)


METHODS = (
    """[...document.querySelectorAll("[data-benchmark=cirr_val] tbody.method")].map((line) => line.dataset.method)"""
)
COLUMN = '[data-benchmark=cirr_val] [data-column="R@10"]'
BUTTON = f"document.querySelector('{COLUMN} button')"
SORTED = f"document.querySelector('{COLUMN}').ariaSort"
SHOWN = """[...document.querySelectorAll("section.split")].filter((section) => !section.hidden)
    .map((section) => section.dataset.benchmark)"""
IMAGES = '[...document.querySelectorAll(".examples img")]'


def box(value):
    return f"""document.querySelector('input[value="{value}"]')"""


def order_by(browser, descending):
    """Methods but for the bound in the order of their printed R@10, as Python sorts them."""
    column = browser(f"document.querySelector('{COLUMN}').cellIndex")
    lines = browser(f"""[...document.querySelectorAll("[data-benchmark=cirr_val] tbody.method:not(.bound)")]
        .map((line) => [line.dataset.method, line.rows[0].cells[{column}].innerText])""")
    return [method for method, _ in sorted(lines, key=lambda line: float(line[1]), reverse=descending)]


@pytest.mark.parametrize("page", ["index", "queries"])
def test_it_loads_in_silence_and_asks_for_nothing_else(browser, address, queries, page):
    address = queries if page == "queries" else address
    browser.open(address + VIEW)
    assert browser.emitted("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded") == []
    asked = [request["request"]["url"] for request in browser.emitted("Network.requestWillBeSent")]
    assert [url.partition("#")[0] for url in asked if not url.startswith("data:image/jpeg")] == [address]


def test_its_policy_stops_a_script_that_is_not_its_own(browser, address):
    browser.open(address)
    browser("""(() => { const script = document.createElement("script");
        script.textContent = "window.broken = 1";
        document.body.append(script); })()""")
    assert browser("window.broken === undefined")


def test_a_click_sorts_and_the_third_brings_the_papers_order_back(browser, address):
    browser.open(address)
    printed = browser(METHODS)
    assert browser(SORTED) == "none"
    for state, descending in (("descending", True), ("ascending", False)):
        browser(f"{BUTTON}.click()")
        assert browser(SORTED) == state
        assert browser(METHODS) == [*order_by(browser, descending), "upper-bound"]
    browser(f"{BUTTON}.click()")
    assert browser(SORTED) == "none"
    assert browser(METHODS) == printed
    assert browser("location.hash") == ""


def test_the_keyboard_sorts_as_well(browser, address):
    browser.open(address)
    browser(f"{BUTTON}.focus()")
    browser.press("Enter", 13, "\r")
    assert browser(SORTED) == "descending"
    assert browser(f"document.activeElement === {BUTTON}")


def test_methods_sort_by_name(browser, address):
    browser.open(address + "#sort.cirr.cirr_val=-Method")
    assert browser(METHODS) == ["searle", "image-only", "upper-bound"]


def test_one_table_is_sorted_and_the_others_are_left_alone(browser, address):
    browser.open(address + "#sort.cirr.cirr_val=-R%4010")
    assert browser(SORTED) == "descending"
    assert browser("""document.querySelectorAll("th[aria-sort=descending]").length""") == 1


def test_a_benchmark_that_is_unticked_goes(browser, address):
    browser.open(address)
    assert browser(SHOWN) == ["cirr_test1", "cirr_val"]
    browser(f"{box('cirr_val')}.click()")
    assert browser(SHOWN) == ["cirr_test1"]
    assert browser("document.getElementById('found').textContent").startswith("1 of 2 splits")
    assert browser("location.hash") == "#benchmark=cirr_test1"


def test_a_method_that_is_unticked_goes_from_every_table(browser, address):
    browser.open(address)
    browser(f"{box('searle')}.click()")
    assert browser("[...document.querySelectorAll('[data-method=searle]')].every((line) => line.hidden)")
    assert not browser("document.querySelector('[data-method=image-only]').hidden")


def test_a_backbone_is_chosen_with_its_heading_and_its_charts(browser, address):
    browser.open(address + "#backbone=ViT-B%2F32")
    shown = "[...document.querySelectorAll('tbody.backbone, figure')].filter((part) => !part.hidden)"
    assert set(browser(f"{shown}.map((part) => part.dataset.backbone)")) == {"ViT-B/32"}
    assert browser("document.querySelector('figure svg').checkVisibility()")


def test_none_hides_every_table_and_all_brings_them_back(browser, address):
    browser.open(address)
    for choice, n in (("none", 0), ("all", 2)):
        browser(f"""document.querySelector("[data-filter=backbone] [data-set={choice}]").click()""")
        assert len(browser(SHOWN)) == n


def test_the_address_holds_the_view(browser, address):
    browser.open(address)
    browser(f"{BUTTON}.click()")
    browser(f"{box('cirr_test1')}.click()")
    view, methods = browser("location.hash"), browser(METHODS)
    browser.open(address + view)
    assert browser("location.hash") == view
    assert browser(METHODS) == methods
    assert browser(SHOWN) == ["cirr_val"]


def test_the_page_over_all_tables_holds_no_picture_and_leads_to_those_that_do(browser, address, queries):
    browser.open(address)
    assert browser("document.images.length") == 0
    assert browser("document.querySelector('section.split[data-benchmark=cirr_val] p a:last-child').href") == queries


def test_pictures_are_painted(browser, queries):
    browser.open(queries)
    browser(f"Promise.all({IMAGES}.map((image) => image.decode()))")
    widths = browser(f"{IMAGES}.map((image) => image.naturalWidth)")
    assert widths
    assert all(0 < width <= gallery.THUMBNAIL_SIDE for width in widths)
    # What is painted: the middle of the first picture has the fixture's colour, but for JPEG's rounding.
    colour = browser(f"""(() => {{
        const canvas = new OffscreenCanvas(96, 96).getContext("2d");
        canvas.drawImage({IMAGES}[0], 0, 0);
        return [...canvas.getImageData(20, 10, 1, 1).data];
    }})()""")
    assert all(abs(seen - drawn) < 12 for seen, drawn in zip(colour, pictured.COLOUR, strict=False))


def test_ground_truths_are_outlined(browser, queries):
    browser.open(queries + PAIR)
    outline = "getComputedStyle(document.querySelector('.answer .target img')).outlineStyle"
    assert browser(outline) == "solid"
    assert browser("document.querySelector('.answer .target').textContent").endswith("✓")
    assert browser("getComputedStyle(document.querySelector('.answer li:not(.target) img')).outlineStyle") == "none"


def test_hostile_captions_are_shown_as_they_are(browser, queries):
    browser.open(queries + PAIR)
    first = "document.querySelector('.examples .query')"
    assert browser(f"[...{first}.querySelectorAll('.caption')].map((line) => line.textContent)") == pictured.HOSTILE
    assert browser("document.title") == "CIRR val: queries and results · cirque"


WINNERS = """[...document.querySelectorAll("#shown h2")].map((heading) => heading.textContent)"""
SELECTS = """[...document.querySelectorAll("#shown select")]"""


def test_the_same_method_chosen_twice_exchanges_the_two(browser, queries):
    browser.open(queries + PAIR)
    before = browser(WINNERS)
    browser(f"""(() => {{ const [first] = {SELECTS}; first.value = "image-only";
        first.dispatchEvent(new Event("change", {{ bubbles: true }})); }})()""")
    assert browser(f"{SELECTS}.map((select) => select.value)") == ["image-only", "searle"]
    assert browser(WINNERS) == before[::-1]
    assert browser("location.hash") == "#methods=image-only,searle"


def test_a_view_that_names_what_there_is_not_shows_what_there_is(browser, address, queries):
    browser.open(address + "#sort.cirr.cirr_val=nothing&table=cirr")
    assert browser(SORTED) == "none"
    browser.open(queries + "#methods=nobody,searle")
    assert browser(f"{SELECTS}.map((select) => select.value)") == ["searle", "image-only"]
    assert browser.emitted("Runtime.exceptionThrown") == []


#: Top of the first table with figures, in pixels from the top of the page.
FIRST_TABLE = "document.querySelector('section.split table').getBoundingClientRect().top"


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (390, 844)])
def test_the_first_table_is_on_the_first_screen(browser, address, width, height):
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=False)
    browser.open(address)
    assert browser(FIRST_TABLE) < height
    browser.call("Emulation.clearDeviceMetricsOverride")


def test_the_search_leaves_the_filters_that_hold_its_words(browser, address):
    browser.open(address)
    browser("""(() => { const search = document.querySelector("input[type=search]"); search.value = "searl";
        search.dispatchEvent(new Event("input")); })()""")
    left = "[...document.querySelectorAll('.filters label')].filter((label) => !label.hidden)"
    labels = browser(f"{left}.map((label) => label.textContent)")
    assert labels
    assert all("searl" in label.lower() for label in labels)
    assert browser("document.querySelector('[data-filter=backbone]').hidden")


def test_a_jump_keeps_the_view(browser, address):
    browser.open(address + "#backbone=ViT-B%2F32")
    browser("""document.querySelector(".contents a[href='#queries']").click()""")
    assert browser("location.hash") == "#backbone=ViT-B%2F32"
    assert browser("scrollY") > 0


@pytest.mark.parametrize("page", ["index", "queries"])
@pytest.mark.parametrize("width", [390, 1280])
def test_tables_scroll_in_their_own_box(browser, address, queries, page, width):
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
    browser.open((address if page == "index" else queries) + VIEW)
    assert browser("document.documentElement.scrollWidth") <= width
    browser.call("Emulation.clearDeviceMetricsOverride")


#: Right edges of the last cells of a table's rows, and of the box in which it scrolls.
EDGES = """[...document.querySelectorAll(".scroll")].map((box) => [box.getBoundingClientRect().right,
    Math.max(...[...box.querySelectorAll("tbody.method tr")].map((row) =>
        row.cells[row.cells.length - 1].getBoundingClientRect().right))])"""


@pytest.mark.parametrize("width", [700, 1300, 1400])
@pytest.mark.parametrize("page", ["index", "table"])
def test_the_verdict_is_in_sight_whatever_the_width(browser, address, page, width):
    browser.call("Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False)
    browser.open(address if page == "index" else address.replace("report/index.html", "scale=mini/table_cirr.html"))
    edges = browser(EDGES)
    assert edges
    assert all(cell <= box + 1 for box, cell in edges)
    browser.call("Emulation.clearDeviceMetricsOverride")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_its_colours_follow_the_reader(browser, address, scheme):
    browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
    browser.open(address)
    red = int(browser("getComputedStyle(document.body).backgroundColor").partition("(")[2].partition(",")[0])
    assert (red > 128) is (scheme == "light")
    browser.call("Emulation.setEmulatedMedia", features=[])
