"""RemoteMonitor: the logs of each epoch, posted to a server."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import numpy as np

from keraunos import errors
from keraunos.callbacks.callback import Callback

_SECONDS = 10  # a server that does not answer must not hold up training for longer


class RemoteMonitor(Callback):
    """Posts the logs of each epoch to a server; if it cannot be reached, warns and goes on.

    Args:
        root: the server's address.
        path: behind it.
        field: the form's field that holds the JSON text.
        headers: of the request, more or others.
        send_as_json: whether the JSON text is the body itself instead of a form.

    Example:
        >>> RemoteMonitor("http://localhost:9000").path
        '/publish/epoch/end/'
    """

    def __init__(
        self,
        root: str = "http://localhost:9000",
        path: str = "/publish/epoch/end/",
        field: str = "data",
        headers: dict[str, str] | None = None,
        send_as_json: bool = False,
    ) -> None:
        super().__init__()
        self.root, self.path, self.field = root, path, field
        self.headers, self.send_as_json = headers, send_as_json

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        values = {k: v.item() if isinstance(v, np.generic) else v for k, v in (logs or {}).items()}
        text = json.dumps({"epoch": epoch} | values, default=np.ndarray.tolist)
        body, kind = text, "application/json"
        if not self.send_as_json:
            body, kind = urllib.parse.urlencode({self.field: text}), _FORM
        headers = {"Content-Type": kind} | (self.headers or {})
        try:
            request = urllib.request.Request(self.root + self.path, body.encode(), headers)
            with urllib.request.urlopen(request, timeout=_SECONDS):
                pass
        except urllib.error.HTTPError:
            pass  # it was reached; what it makes of the logs is its own affair
        except (OSError, ValueError) as error:
            errors.warn(f"RemoteMonitor could not reach the server at {self.root}: {error}")


_FORM = "application/x-www-form-urlencoded"
