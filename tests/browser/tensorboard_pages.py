"""Shows a training in the real TensorBoard, in a real browser, and reads its pages.

Not one of the tests that always run: it needs the extra `tensorboard`, and Chromium with its
driver (Debian: `apt-get install chromium chromium-driver`).

    python tests/browser/tensorboard_pages.py [--save docs/images]

Ends with an error if a page does not show what it should; `--save` keeps small screenshots.
"""

from __future__ import annotations

import argparse
import base64
import contextlib
import io
import json
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

# Page -> its address, what it must show, and what to click on for the picture.
PAGES = {
    "scalars": (
        "scalars&tagFilter=epoch_accuracy|epoch_l|evaluation_loss",
        ["epoch_accuracy", "epoch_loss", "epoch_learning_rate", "evaluation_loss"],
        None,
    ),
    "images": ("images&tagFilter=edges|shapes", ["digits/edges/kernel/image"], None),
    "histograms": (
        "histograms&tagFilter=edges|shapes",
        ["digits/edges/kernel/histogram", "digits/edges/output/histogram"],
        None,
    ),
    "graphs": ("graphs", ["brightness", "edges", "input_0", "Main Graph"], None),
    "projector": (
        "projector",
        ["digits/brightness", "Points: 17", "Dimension: 8", "labels.tsv"],
        "#labels3DMode",
    ),
}

# Every node of a page, inside shadow roots and frames too.
NODES = """
function* nodes(node) {
  yield node;
  if (['SCRIPT', 'STYLE'].includes(node.tagName)) return;
  const frame = node.tagName === 'IFRAME' && node.contentDocument;
  for (const inner of [node.shadowRoot, frame && frame.body, ...node.childNodes])
    if (inner) yield* nodes(inner);
}
"""
TEXT = (
    NODES
    + """
return [...nodes(document.body)].filter(n => n.nodeType === Node.TEXT_NODE)
    .map(n => n.textContent.trim()).filter(t => t).join(' ');
"""
)
CLICK = (
    NODES
    + """
for (const node of nodes(document.body))
  if (node.matches && node.matches('%s')) { node.click(); return 'clicked'; }
return '';
"""
)


def train(folder: str) -> None:
    """Train a convnet that embeds the brightness of pixels, with all that the callback writes."""
    import keraunos as keras
    from keraunos import layers

    (x, y), (x_val, y_val) = keras.datasets.digits.load_data()
    keras.utils.set_random_seed(1)
    model = keras.Sequential(
        [
            keras.Input(x.shape[1:], dtype="int32"),
            layers.Reshape((8, 8)),
            layers.Embedding(17, 8, name="brightness"),
            layers.Conv2D(16, 3, activation="relu", name="edges"),
            layers.BatchNormalization(momentum=0.9, name="normal"),
            layers.Conv2D(32, 3, activation="relu", name="shapes"),
            layers.GlobalMaxPooling2D(name="pool"),
            layers.Dense(10, activation="softmax", name="digit"),
        ],
        name="digits",
    )
    model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
    board = keras.callbacks.TensorBoard(
        folder,
        histogram_freq=1,
        write_images=True,
        write_steps_per_second=True,
        update_freq=10,
        embeddings_freq=1,
        embeddings_metadata={"brightness": [f"brightness {i}" for i in range(17)]},
        activation_data=x_val[:64],
    )
    data = (x_val, y_val)
    model.fit(x, y, 64, epochs=8, verbose=2, validation_data=data, callbacks=[board])


class Browser:
    """Headless Chromium, driven by the WebDriver protocol."""

    def __init__(self, driver: str) -> None:
        self._driver = driver
        arguments = [
            "--headless=new",
            "--no-sandbox",
            "--window-size=1280,800",
            "--hide-scrollbars",
        ]
        wanted = {"alwaysMatch": {"goog:chromeOptions": {"args": arguments}}}
        self._session = self._ask("POST", "session", {"capabilities": wanted})["sessionId"]

    def open(self, address: str) -> None:
        self._command("url", {"url": address})

    def run(self, script: str) -> str:
        return self._command("execute/sync", {"script": script, "args": []})

    def picture(self) -> bytes:
        return base64.b64decode(self._ask("GET", f"session/{self._session}/screenshot"))

    def close(self) -> None:
        self._ask("DELETE", f"session/{self._session}")

    def _command(self, what: str, body: dict) -> str:
        return self._ask("POST", f"session/{self._session}/{what}", body)

    def _ask(self, method: str, path: str, body: dict | None = None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._driver}/{path}", data, method=method)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)["value"]


@contextlib.contextmanager
def server(command: list[str], address: str, folder: str):
    """Run a server in a folder while the block runs, which begins when it answers."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    process = subprocess.Popen(command, cwd=folder, **quiet)
    try:
        wait_for(lambda: answers(address), f"{command[0]} at {address}")
        yield
    finally:
        process.terminate()
        process.wait()


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except urllib.error.HTTPError:
        return True
    except OSError:
        return False


def wait_for(done, what: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            raise SystemExit(f"waited {seconds:.0f} s in vain for {what}")
        time.sleep(0.3)


def free_port() -> int:
    with socket.socket() as s:
        s.bind(("localhost", 0))
        return s.getsockname()[1]


def read_page(browser: Browser, address: str, page: str, wanted: list[str]) -> None:
    """Open a page and wait until it shows what it should."""
    browser.open("about:blank")
    browser.open(f"{address}/?darkMode=false#{page}")

    def missing() -> list[str]:
        text = browser.run(TEXT)
        return [part for part in wanted if part not in text]

    try:
        wait_for(lambda: not missing(), f"page {page}", 40)
    except SystemExit:
        raise SystemExit(f"page {page} lacks {missing()}; it shows: {browser.run(TEXT)}") from None
    print(f"page {page}: {', '.join(wanted)}")


def read_conceptual_graph(address: str) -> None:
    """Ask for the graph that TensorBoard makes of the model's JSON."""
    page = f"{address}/data/plugin/graphs/graph?run=train&tag=keras&conceptual=true"
    with urllib.request.urlopen(page, timeout=60) as answer:
        text = answer.read().decode()
    wanted = ['name: "digits/edges"', 'input: "digits/brightness"', "Conv2D"]
    missing = [part for part in wanted if part not in text]
    if missing:
        raise SystemExit(f"conceptual graph lacks {missing}: {text}")
    print(f"conceptual graph: {', '.join(wanted)}")


def save(png: bytes, path: Path) -> None:
    """Keep a screenshot, small: 900 wide, 64 colours."""
    from PIL import Image

    picture = Image.open(io.BytesIO(png)).convert("RGB")
    size = (900, picture.height * 900 // picture.width)
    small = picture.resize(size, Image.Resampling.LANCZOS).quantize(64)
    path.parent.mkdir(parents=True, exist_ok=True)
    small.save(path, optimize=True)
    print(f"{path}: {path.stat().st_size // 1024} KiB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--save", type=Path, help="folder for tensorboard-PAGE.png")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        train(f"{folder}/logs")
        ports = free_port(), free_port()
        board, driver = (f"http://localhost:{port}" for port in ports)
        show = [sys.executable, "-m", "tensorboard.main", "--logdir=logs", f"--port={ports[0]}"]
        stack.enter_context(server(show, board, folder))
        stack.enter_context(server(["chromedriver", f"--port={ports[1]}"], driver, folder))
        read_conceptual_graph(board)
        browser = Browser(driver)
        stack.callback(browser.close)
        for name, (page, wanted, click) in PAGES.items():
            read_page(browser, board, page, wanted)
            if options.save:
                time.sleep(3)  # what moves on the page comes to rest
                if click:
                    wait_for(lambda click=click: browser.run(CLICK % click), click)
                    time.sleep(1)
                save(browser.picture(), options.save / f"tensorboard-{name}.png")


if __name__ == "__main__":
    main()
